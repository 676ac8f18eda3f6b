//! What can be chosen about a fit.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::latent_ode::Architecture;

/// Which of the two models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// The paper's path-minimised latent ODE, where the learning rate is an output.
    LatentOde,
    /// The controlled latent ODE, where the learning rate drives the dynamics.
    Controlled,
}

impl ModelKind {
    /// Name as written in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::LatentOde => "latent-ode",
            Self::Controlled => "controlled",
        }
    }
}

impl std::fmt::Display for ModelKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Settings of a fit. [`FitSettings::new`] gives the measured defaults of each model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitSettings {
    /// Which model.
    pub kind: ModelKind,
    /// Its sizes.
    pub architecture: Architecture,
    /// Models in the ensemble. Each is first fitted without another fifth of the configurations and measured on them, then
    /// on all.
    pub members: usize,
    /// Optimizer steps of each member.
    pub iterations: u64,
    /// Windows in a batch.
    pub batch_size: usize,
    /// Peak of the one-cycle learning rate of the fit itself.
    pub peak_lr: f64,
    /// Weight of the path length (paper's model only; section 2).
    pub alpha: f64,
    /// Longest window that the encoder reads, as a fraction of the run (controlled model only).
    pub window: f64,
    /// Relative and absolute tolerance of the ODE solver.
    pub tolerance: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Name of the validation metric; the sweep's first one when not given.
    pub metric: Option<String>,
    /// End a member's first cycle after this many held-out checks (of 20) without a new best; 20 never does.
    pub patience: u32,
}

impl FitSettings {
    /// The defaults for a kind of model.
    pub fn new(kind: ModelKind) -> Self {
        match kind {
            ModelKind::LatentOde => Self {
                kind,
                architecture: Architecture::paper(),
                members: 4,
                iterations: 2000,
                batch_size: 64,
                peak_lr: 0.02,
                alpha: 0.01,
                window: 1.0,
                tolerance: 1e-4,
                seed: 0,
                metric: None,
                patience: 20,
            },
            ModelKind::Controlled => Self {
                kind,
                architecture: Architecture::controlled(),
                members: 5,
                iterations: 4500,
                batch_size: 64,
                peak_lr: 0.01,
                alpha: 0.0,
                window: 0.3,
                tolerance: 1e-3,
                seed: 0,
                metric: None,
                patience: 20,
            },
        }
    }

    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// Names the first setting that is not.
    pub fn check(&self) -> Result<()> {
        self.architecture.check()?;
        let controlled = self.kind == ModelKind::Controlled;
        let rules: [(&'static str, bool, String, &'static str); 8] = [
            ("members", (1..=64).contains(&self.members), self.members.to_string(), "choose from 1 to 64"),
            (
                "iterations",
                (1..=10_000_000).contains(&self.iterations),
                self.iterations.to_string(),
                "choose from 1 to 10,000,000",
            ),
            (
                "batch_size",
                (1..=65_536).contains(&self.batch_size),
                self.batch_size.to_string(),
                "choose from 1 to 65,536",
            ),
            (
                "peak_lr",
                self.peak_lr > 0.0 && self.peak_lr <= 1.0,
                self.peak_lr.to_string(),
                "choose a rate above 0 and up to 1",
            ),
            ("alpha", (0.0..=1e6).contains(&self.alpha), self.alpha.to_string(), "choose a weight of at least 0"),
            (
                "window",
                self.window > 0.0 && self.window <= 1.0,
                self.window.to_string(),
                "choose a fraction of the run",
            ),
            (
                "tolerance",
                (1e-6..=0.1).contains(&self.tolerance),
                self.tolerance.to_string(),
                "choose from 1e-6 to 0.1",
            ),
            (
                "architecture.controlled",
                self.architecture.controlled == controlled
                    && self.architecture.outputs == if controlled { 2 } else { 3 },
                self.architecture.controlled.to_string(),
                "take the architecture of the same kind of model",
            ),
        ];
        for (name, holds, value, remedy) in rules {
            if !holds {
                return Err(Error::Setting { name, value, remedy });
            }
        }
        Ok(())
    }
}
