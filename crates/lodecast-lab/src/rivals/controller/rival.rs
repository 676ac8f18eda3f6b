//! The controller among the rivals.

use super::LearnedController;
use crate::rivals::entry::{Makes, Rival};

pub(in crate::rivals) const RIVAL: Rival = Rival::new(
    "controller",
    "a network trained by reinforcement learning on runs of the task: Xu et al. 2019",
    Makes::Controlled(|rate, direction, controller| {
        Box::new(move |_, total| Ok(Box::new(LearnedController::new(controller.clone(), rate, direction, total))))
    }),
);
