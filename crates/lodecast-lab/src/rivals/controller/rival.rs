//! The controller among the rivals.

use super::{Controller, LearnedController};
use crate::rivals::entry::{Fingerprint, Made, Makes, Rival};

pub(in crate::rivals) const RIVAL: Rival = Rival::new(
    "controller",
    "a network trained by reinforcement learning on runs of the task: Xu et al. 2019",
    Makes::Controlled(|rate, direction, controller: &Controller| {
        let controller = controller.clone();
        Ok(Made {
            fingerprint: Fingerprint::Besides(serde_json::to_string(&controller)?),
            factory: Box::new(move |_, total| {
                Ok(Box::new(LearnedController::new(controller.clone(), rate, direction, total)))
            }),
        })
    }),
);
