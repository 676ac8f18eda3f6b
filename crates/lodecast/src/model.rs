//! What forecasts: one folder a form of model, each behind the same traits. [`Model`] is one of any form.

mod architecture;
mod controlled;
pub(crate) mod ensemble;
pub(crate) mod file;
mod forecast;
mod forecaster;
mod form;
pub(crate) mod law;
mod paper;
pub(crate) mod pass;
mod record;
mod scaler;
pub(crate) mod series;
mod vector_field;
mod witness;

pub use architecture::Architecture;
pub use controlled::{ControlledLatentOde, ControlledSizes};
pub(crate) use forecast::{FAR, moments};
pub use forecast::{Forecast, Interval, Spread};
pub use forecaster::{ControlledForecaster, Curve, Forecaster, Opening, Outlook, PaperForecaster};
pub(crate) use form::Form;
pub use form::{Model, ModelKind};
pub use law::LawModel;
pub(crate) use paper::read_equinox;
pub use paper::{PaperLatentOde, PaperSizes};
pub use record::{FitRecord, Miss};
pub use scaler::{Column, Scaler, Transform};
pub(crate) use witness::{Expected, Witness};
