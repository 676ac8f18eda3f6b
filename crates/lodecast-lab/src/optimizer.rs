//! The optimizers a task can be trained with. The learning rate comes from outside, step by step.

use std::fmt;

use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig};
use serde::{Deserialize, Serialize};

/// The optimizers, with the settings that PyTorch has as defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum 0.9.
    Sgd,
    /// Adam (Kingma & Ba 2015).
    Adam,
    /// Adam with decoupled weight decay 0.01 (Loshchilov & Hutter 2019).
    AdamW,
}

impl OptimizerKind {
    /// Name as written in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerKind::Sgd => "sgd",
            OptimizerKind::Adam => "adam",
            OptimizerKind::AdamW => "adamw",
        }
    }

    /// A fresh optimizer.
    pub(crate) fn start(self) -> ModuleOptimizer {
        const EPSILON: f32 = 1e-8;
        match self {
            OptimizerKind::Sgd => {
                // burn dampens the gradient by 0.1 unless told otherwise.
                SgdConfig::new()
                    .with_momentum(Some(MomentumConfig::new().with_momentum(0.9).with_dampening(0.0)))
                    .init()
            }
            OptimizerKind::Adam => AdamConfig::new().with_epsilon(EPSILON).init(),
            OptimizerKind::AdamW => AdamWConfig::new().with_epsilon(EPSILON).with_weight_decay(0.01).init(),
        }
    }
}

impl fmt::Display for OptimizerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
