//! The option that says between which peaks a search of the lab looks.

use anyhow::Result;
use clap::Args;
use lodecast_lab::{BEYOND_THE_GRID, OptimizerKind, Trainable};

use crate::failure::misuse;

/// Between which peaks to look.
#[derive(Args, Clone, Debug)]
pub(crate) struct Peaks {
    /// Lowest and highest peak learning rate to try [default: those of the grid that suits task and optimizer, and three times
    /// beyond]
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',', num_args = 1)]
    peaks: Vec<f64>,
}

impl Peaks {
    /// The lowest and the highest.
    pub(crate) fn range(&self, task: &dyn Trainable, optimizer: OptimizerKind) -> Result<(f64, f64)> {
        match self.peaks[..] {
            [] => {
                let grid = task.peak_learning_rates(optimizer);
                let low = grid.iter().copied().fold(f64::INFINITY, f64::min);
                Ok((low, BEYOND_THE_GRID * grid.iter().copied().fold(0.0, f64::max)))
            }
            [low, high] => Ok((low, high)),
            _ => Err(misuse("--peaks takes two rates", "give the lowest and the highest: --peaks 0.001,0.1")),
        }
    }
}
