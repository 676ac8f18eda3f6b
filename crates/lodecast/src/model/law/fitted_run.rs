//! What a law remembers of a run it was fitted to.

use serde::{Deserialize, Serialize};

use super::covariates::Settings;
use super::least_squares::LeftOut;
use crate::Schedule;

/// A run as a law remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FittedRun {
    pub(crate) id: String,
    /// Mean rate of each segment, as recorded.
    pub(crate) rates: Vec<f64>,
    pub(crate) length: f64,
    pub(crate) settings: Settings,
    /// Its schedule, where that has a name.
    pub(crate) schedule: Option<Schedule>,
    /// `ln y - ln law` at the observed ends, where measured; empty where the run diverged.
    pub(crate) residuals: Vec<Option<f64>>,
    /// Final gap, if the run reached its end.
    pub(crate) last: Option<f64>,
    /// Progress at which its least gap was measured, if it reached its end.
    pub(crate) best_at: Option<f64>,
    pub(crate) diverged: bool,
    /// Did it look diverged at the observed ends?
    #[serde(default)]
    pub(crate) looked: Vec<bool>,
    /// What the law without it says of its end.
    #[serde(default)]
    pub(crate) left_out: Option<LeftOut>,
}
