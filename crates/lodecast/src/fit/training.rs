//! How the networks of any form are trained.

use serde::{Deserialize, Serialize};

use crate::error::{Result, setting};

/// How an ensemble of networks is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Training {
    /// Models in the ensemble. Each is first fitted without another fifth of the configurations and measured on them, then
    /// on all.
    pub members: usize,
    /// Optimizer steps of each member.
    pub iterations: u64,
    /// Windows in a batch.
    pub batch_size: usize,
    /// Peak of the one-cycle learning rate of the fit itself.
    pub peak_lr: f64,
    /// Relative and absolute tolerance of the ODE solver.
    pub tolerance: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Name of the validation metric; the sweep's first one when not given.
    pub metric: Option<String>,
    /// End a member's first cycle after this many held-out checks (of 20) without a new best; 20 never does.
    pub patience: u32,
}

impl Training {
    pub(super) fn check(&self) -> Result<()> {
        setting("members", self.members, (1..=64).contains(&self.members), "choose from 1 to 64")?;
        let iterations = (1..=10_000_000).contains(&self.iterations);
        setting("iterations", self.iterations, iterations, "choose from 1 to 10,000,000")?;
        setting("batch_size", self.batch_size, (1..=65_536).contains(&self.batch_size), "choose from 1 to 65,536")?;
        let peak_lr = self.peak_lr > 0.0 && self.peak_lr <= 1.0;
        setting("peak_lr", self.peak_lr, peak_lr, "choose a rate above 0 and up to 1")?;
        setting("tolerance", self.tolerance, (1e-6..=0.1).contains(&self.tolerance), "choose from 1e-6 to 0.1")
    }
}
