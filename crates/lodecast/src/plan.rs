//! Placeholder until the planners land.
use crate::error::Result;
use crate::run::Sweep;
use serde::{Deserialize, Serialize};

/// What the sweep showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experience {}

impl Experience {
    /// From a sweep.
    ///
    /// # Errors
    /// Never.
    pub fn from_sweep(_: &Sweep, _: usize) -> Result<Self> {
        Ok(Self {})
    }
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        Ok(())
    }
}
/// Decoded curves.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// loss
    pub train_loss: Vec<f64>,
    /// rate
    pub learning_rate: Vec<f64>,
    /// metric
    pub validation: Vec<f64>,
}
