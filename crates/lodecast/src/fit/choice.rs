//! Which form of model was taken, and why.

use serde::{Deserialize, Serialize};

use crate::model::ModelKind;

/// How well a form of model forecasts runs of configurations that it was fitted without.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FormError {
    /// The form.
    pub kind: ModelKind,
    /// Mean absolute error of the final metric after nothing, 10, 25 and 50 % of a run, in the sweep's deviations.
    pub error: f64,
}

/// Which form of model was taken, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// The form that was taken.
    pub kind: ModelKind,
    /// What each form that was tried is worth; empty where only one could be.
    pub errors: Vec<FormError>,
    /// Why, in words.
    pub reason: String,
}
