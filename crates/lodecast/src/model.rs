//! What forecasts: one folder a form of model, each behind the same traits. [`Model`] is one of any form.

mod any;
mod architecture;
mod controlled;
pub(crate) mod density;
pub(crate) mod ensemble;
mod ensemble_witness;
mod expected;
pub(crate) mod file;
mod forecast;
mod forecaster;
mod form;
mod kind;
pub(crate) mod law;
mod paper;
pub(crate) mod pass;
mod record;
mod scaler;
pub(crate) mod series;
mod vector_field;
mod witness;

pub(crate) use any::FAR;
pub use any::Model;
pub use architecture::Architecture;
pub use controlled::{ControlledLatentOde, ControlledSizes};
pub(crate) use expected::Expected;
pub use forecast::{Forecast, Interval, Spread};
pub use forecaster::{ControlledForecaster, Curve, Forecaster, Opening, Outlook, PaperForecaster};
pub(crate) use form::Form;
pub use kind::ModelKind;
pub use law::LawModel;
pub(crate) use paper::read_equinox;
pub use paper::{PaperLatentOde, PaperSizes};
pub use record::{FitRecord, Miss};
pub use scaler::{Column, Scaler, Transform};
pub(crate) use witness::Witness;
