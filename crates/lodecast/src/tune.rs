//! The tuner: which runs to make, and which schedule to take in the end. Ask it for a trial, train it, tell it what came out.
//!
//! Its state is plain data in a file. What it asks next depends on that state alone: killed at any moment and started again, it
//! asks the same.

mod builder;
mod curve;
mod error;
mod file;
mod measured;
mod recommendation;
mod report;
mod settings;
mod space;
mod state;
mod strategy;
mod study;
#[cfg(test)]
mod tests;
mod trial;
mod tuner;

pub use builder::TunerBuilder;
pub use curve::Report;
pub use error::TuneError;
pub use recommendation::{BestRun, CouldBeBetter, NextRun, Recommendation};
pub use report::{Added, RefusedRun};
pub use settings::TunerSettings;
pub use space::{SearchSpace, SettingRange};
pub use state::TunerState;
pub use strategy::Strategy;
pub use trial::{SettingValue, Trial, TrialRecord, TrialStatus};
pub use tuner::Tuner;
