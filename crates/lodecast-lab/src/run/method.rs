//! What decides the learning rate of a run: a fixed schedule, a scheduler that watches the run, an update rule of its own.

use lodecast::{Attributes, Point, Schedule};

use crate::optimizers::UpdateRule;

/// Gives a run its learning rate, step by step, and is told each metric point.
///
/// A method belongs to one run. The time spent inside it is measured as the run's scheduler seconds.
pub trait Method: Send {
    /// Name in tables. Runs of the same method under other seeds carry the same name.
    fn name(&self) -> String;

    /// Learning rate of optimizer step `step`, counted from 0. Asked for exactly once a step.
    ///
    /// A rate that is negative, NaN or infinite is not used: the last good one stays in force and the run's notes say so.
    fn learning_rate(&mut self, step: u64) -> f64;

    /// Takes a metric point. Its `step` is the number of optimizer steps done.
    ///
    /// # Errors
    /// If the method cannot make sense of it. Training goes on, and the run's notes say so.
    fn observe(&mut self, point: &Point) -> lodecast::Result<()>;

    /// Does it want the loss of every step? Reading it back stalls an accelerator, so it is only done where it is asked for.
    fn watches_every_loss(&self) -> bool {
        false
    }

    /// Takes the training loss of a step, after its update, if [`Self::watches_every_loss`].
    fn observe_loss(&mut self, _loss: f64) {}

    /// How the weights follow their gradients: by the training's optimizer, unless the method brings a rule of its own.
    fn update_rule(&self) -> UpdateRule {
        UpdateRule::Optimizer
    }

    /// What the method knows about the run, for the record: the schedule's name, its peak rate.
    ///
    /// Seed, optimizer and length are filled in by the training.
    fn attributes(&self) -> Attributes {
        Attributes { schedule: Some(self.name()), ..Attributes::default() }
    }
}

/// A schedule that was fixed before the run.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedSchedule {
    schedule: Schedule,
    total_steps: u64,
    rule: UpdateRule,
}

impl FixedSchedule {
    /// Follows `schedule` over a run of `total_steps` optimizer steps.
    ///
    /// # Errors
    /// If the schedule would give impossible rates.
    pub fn new(schedule: Schedule, total_steps: u64) -> lodecast::Result<Self> {
        schedule.check()?;
        Ok(Self { schedule, total_steps, rule: UpdateRule::Optimizer })
    }

    /// Its rates with another update rule than the training's optimizer.
    #[must_use]
    pub fn with_update_rule(self, rule: UpdateRule) -> Self {
        Self { rule, ..self }
    }
}

impl Method for FixedSchedule {
    fn name(&self) -> String {
        self.schedule.describe()
    }

    fn learning_rate(&mut self, step: u64) -> f64 {
        self.schedule.at_step(step, self.total_steps)
    }

    fn observe(&mut self, _point: &Point) -> lodecast::Result<()> {
        Ok(())
    }

    fn update_rule(&self) -> UpdateRule {
        self.rule
    }

    fn attributes(&self) -> Attributes {
        match &self.schedule {
            Schedule::Parametric { family, peak_lr, warmup } => {
                let mut attributes =
                    Attributes { schedule: Some(family.to_string()), peak_lr: Some(*peak_lr), ..Attributes::default() };
                if *warmup > 0.0 {
                    attributes.other.insert("warmup".to_owned(), warmup.to_string());
                }
                attributes
            }
            Schedule::PiecewiseLinear { knots } => Attributes {
                schedule: Some("piecewise-linear".to_owned()),
                peak_lr: knots.iter().map(|knot| knot.learning_rate).reduce(f64::max),
                // Two schedules of the same peak are two configurations.
                other: [("knots".to_owned(), self.schedule.fingerprint())].into(),
                ..Attributes::default()
            },
        }
    }
}
