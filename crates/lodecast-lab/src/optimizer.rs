//! The optimizers a task can be trained with. The learning rate comes from outside, step by step.

use std::fmt;
use std::str::FromStr;

use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The optimizers, with their usual settings: momentum 0.9, moment decay 0.9 and 0.999, epsilon 1e-8.
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
    /// Every optimizer.
    pub const ALL: [OptimizerKind; 3] = [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::AdamW];

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

impl FromStr for OptimizerKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| Error::UnknownOptimizer {
            optimizer: text.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_command_line_and_in_files_are_the_same() {
        for kind in OptimizerKind::ALL {
            assert_eq!(kind.name().parse::<OptimizerKind>().unwrap(), kind);
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        let error = "lion".parse::<OptimizerKind>().unwrap_err().to_string();
        assert_eq!(error, "no optimizer 'lion'; choose one of sgd, adam, adamw");
    }
}
