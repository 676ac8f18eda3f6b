//! Fitting a model to a sweep: `Sweep` -> [`fit()`] -> [`Model`].

mod adam;
mod best;
mod checkpoint;
mod choice;
mod controlled;
mod form;
mod law;
mod measure;
mod member;
mod network;
mod objective;
mod options;
mod paper;
mod sample;
mod settings;
mod share;
mod split;
mod summary;
mod trainer;
mod training;
mod warm;

pub use best::{BestFit, fit_best};
pub use choice::{Choice, FormError};
pub use controlled::ControlledFit;
pub use law::LawFit;
pub(crate) use measure::{controlled_steps, reference_steps};
pub use options::{FitOptions, FitProgress};
pub use paper::PaperFit;
pub use settings::FitSettings;
pub use summary::{FitSummary, Fitted, LeftOut};
pub use training::Training;

use crate::data::Sweep;
use crate::error::Result;

/// Fits a model to a sweep.
///
/// The result depends on the sweep, the settings and nothing else: not on the number of threads, nor on whether the fit
/// was interrupted and resumed; and on the earlier model that it starts from, if it does ([`FitOptions::start_from`]).
///
/// # Errors
/// If the settings are out of range, the sweep has nothing to learn from, the fit cannot start from the earlier model, or the
/// checkpoint cannot be read or written;
/// [`Error::Interrupted`](crate::Error::Interrupted) when asked to stop.
pub fn fit(sweep: &Sweep, settings: &FitSettings, options: FitOptions<'_>) -> Result<Fitted> {
    settings.check()?;
    settings.fit(sweep, options)
}
