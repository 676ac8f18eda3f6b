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
    use burn::module::{Module, Param};
    use burn::optim::GradientsParams;
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[derive(Module, Debug)]
    struct Weight {
        value: Param<Tensor<1>>,
    }

    /// The weight after three steps from 2 at rate 0.1 under a constant gradient of 0.5.
    fn after_three_steps(kind: OptimizerKind) -> f64 {
        let mut model = Weight { value: Param::from_data([2.0_f32], &Device::flex().autodiff()) };
        let mut optimizer = kind.start();
        for _ in 0..3 {
            let loss = model.value.val().mul_scalar(0.5).sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(0.1, model, gradients);
        }
        f64::from(model.value.val().into_scalar::<f32>())
    }

    #[test]
    fn updates_follow_the_textbook() {
        // Velocities 1, 1.9 and 2.71 times the gradient.
        let sgd = 2.0 - 0.1 * 0.5 * (1.0 + 1.9 + 2.71);
        // A constant gradient makes every bias-corrected step one rate long.
        let adam = 2.0 - 3.0 * 0.1;
        let adamw = (0..3).fold(2.0, |weight, _| weight * (1.0 - 0.1 * 0.01) - 0.1);
        for (kind, expected) in OptimizerKind::ALL.into_iter().zip([sgd, adam, adamw]) {
            let weight = after_three_steps(kind);
            assert!((weight - expected).abs() < 1e-5, "{kind}: {weight} is not {expected}");
        }
    }

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
