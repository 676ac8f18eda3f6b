//! How weights follow their gradients: by the training's optimizer, or by a rule that a method brings along.

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::Gradients;

use super::hypergradient::Hypergradient;
use super::kind::OptimizerKind;
use super::schedule_free::ScheduleFree;
use super::vector_update::VectorUpdate;
use crate::run::weights::{gradient, weights, with_weights};

/// How the weights of a run follow their gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateRule {
    /// The optimizer of the training.
    Optimizer,
    /// An optimizer that moves its own learning rate along the loss's derivative by it.
    Hypergradient(Hypergradient),
    /// An optimizer whose averaged weights need no falling rate.
    ScheduleFree(ScheduleFree),
}

impl UpdateRule {
    /// Name for the record of a run that is trained with `optimizer` unless the rule says otherwise.
    pub(crate) fn name(&self, optimizer: OptimizerKind) -> &'static str {
        match self {
            UpdateRule::Optimizer => optimizer.name(),
            UpdateRule::Hypergradient(rule) => rule.name(),
            UpdateRule::ScheduleFree(rule) => rule.name(),
        }
    }

    /// The rule at the start of a run.
    pub(crate) fn start(&self, optimizer: OptimizerKind) -> Updates {
        match self {
            UpdateRule::Optimizer => Updates::Framework(optimizer.start()),
            UpdateRule::Hypergradient(rule) => Updates::Own(rule.start()),
            UpdateRule::ScheduleFree(rule) => Updates::Own(rule.start()),
        }
    }
}

/// An update rule at work.
pub(crate) enum Updates {
    /// An optimizer of the framework.
    Framework(ModuleOptimizer),
    /// A rule of the lab's own.
    Own(Box<dyn VectorUpdate>),
}

impl Updates {
    /// One step: the new network and the learning rate that was used.
    pub(crate) fn step<M: Module>(&mut self, rate: f64, model: M, gradients: Gradients) -> (M, f64) {
        match self {
            Updates::Framework(optimizer) => {
                let gradients = GradientsParams::from_grads(gradients, &model);
                (optimizer.step(rate, model, gradients), rate)
            }
            Updates::Own(rule) => {
                let (moved, used) = rule.step(rate, weights(&model), gradient(gradients, &model));
                (with_weights(model, moved), used)
            }
        }
    }

    /// The network that the run has arrived at, if it is not the one that gradients are taken at.
    pub(crate) fn averaged<M: Module>(&self, model: &M) -> Option<M> {
        match self {
            Updates::Framework(_) => None,
            Updates::Own(rule) => rule.arrived(&weights(model)).map(|weights| with_weights(model.clone(), weights)),
        }
    }
}
