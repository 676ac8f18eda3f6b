//! GreedyLR: the rate rises while the loss falls, and falls while it does not.
//!
//! Subramanian & Ganapathiraman, *GreedyLR: A Novel Adaptive Learning Rate Scheduler*, arXiv 2512.14527, with the
//! recurrence of its public implementation in Hugging Face Transformers.

use std::collections::VecDeque;

use lodecast::{Attributes, Direction, Point};

use super::entry::{Makes, Rival};
use super::start::started_at;
use super::threshold::{Threshold, worst};
use crate::run::method::Method;

pub(super) const RIVAL: Rival = Rival::new(
    "greedy",
    "raised and lowered with the loss: GreedyLR",
    Makes::Method(|rate, _| {
        let method = Greedy::new(rate, GreedySettings::starting_at(rate));
        Box::new(move |_, _| Ok(Box::new(method.clone())))
    }),
);

/// Settings of [`Greedy`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreedySettings {
    /// What the rate is multiplied by when it falls, and divided by when it rises.
    pub factor: f64,
    /// Losses in a row, all better or all not, that are let pass.
    pub patience: u32,
    /// What counts as better.
    pub threshold: Threshold,
    /// Losses after a fall that are not looked at.
    pub cooldown: u32,
    /// Losses after a rise that are not looked at.
    pub warmup: u32,
    /// Losses averaged over; 1 for none.
    pub window: usize,
    /// Lowest and highest rate.
    pub range: (f64, f64),
    /// Falls at the lowest rate after which everything starts anew.
    pub reset_after: u32,
}

impl GreedySettings {
    /// The public implementation's settings with its smoothing over 50 losses, and its range of a hundredth to ten times
    /// the rate it starts at.
    pub fn starting_at(rate: f64) -> Self {
        Self {
            factor: 0.95,
            patience: 10,
            threshold: Threshold::Absolute(1e-6),
            cooldown: 0,
            warmup: 0,
            window: 50,
            range: (rate * 0.01, rate * 10.0),
            reset_after: 500,
        }
    }
}

/// GreedyLR as a method. It looks at the loss of every step.
#[derive(Clone, Debug)]
pub struct Greedy {
    settings: GreedySettings,
    initial: f64,
    rate: f64,
    recent: VecDeque<f64>,
    sum: f64,
    best: f64,
    good: u32,
    bad: u32,
    resting: u32,
    until_reset: u32,
}

impl Greedy {
    /// Smallest change of the rate that is made.
    const LEAST_CHANGE: f64 = 1e-8;

    /// Starts at `rate`.
    pub fn new(rate: f64, settings: GreedySettings) -> Self {
        Self {
            settings,
            initial: rate,
            rate,
            recent: VecDeque::new(),
            sum: 0.0,
            best: worst(Direction::Min),
            good: 0,
            bad: 0,
            resting: 0,
            until_reset: settings.reset_after,
        }
    }

    fn averaged(&mut self, loss: f64) -> f64 {
        self.recent.push_back(loss);
        self.sum += loss;
        if self.recent.len() > self.settings.window {
            self.sum -= self.recent.pop_front().unwrap_or(0.0);
        }
        self.sum / self.recent.len() as f64
    }

    fn take(&mut self, loss: f64) {
        let loss = self.averaged(loss);
        if self.resting > 0 {
            self.resting -= 1;
            (self.good, self.bad) = (0, 0);
            return;
        }
        if self.settings.threshold.is_better(loss, self.best, Direction::Min) {
            self.best = loss;
            (self.good, self.bad) = (self.good + 1, 0);
        } else {
            (self.good, self.bad) = (0, self.bad + 1);
        }
        let (lowest, highest) = self.settings.range;
        if self.good > self.settings.patience {
            let raised = (self.rate / self.settings.factor).min(highest);
            if raised - self.rate > Self::LEAST_CHANGE {
                self.rate = raised;
            }
            self.until_reset = self.settings.reset_after;
            (self.resting, self.good) = (self.settings.warmup, 0);
        } else if self.bad > self.settings.patience {
            let lowered = (self.rate * self.settings.factor).max(lowest);
            if self.rate - lowered > Self::LEAST_CHANGE {
                self.rate = lowered;
            }
            (self.resting, self.bad) = (self.settings.cooldown, 0);
            if self.rate <= lowest {
                self.until_reset = self.until_reset.saturating_sub(1);
                if self.until_reset == 0 {
                    // The public implementation sets the cooldown after it has started anew.
                    *self = Self { resting: self.settings.cooldown, ..Self::new(self.initial, self.settings) };
                }
            }
        }
    }
}

impl Method for Greedy {
    fn name(&self) -> String {
        "greedy".to_owned()
    }

    fn learning_rate(&mut self, _step: u64) -> f64 {
        self.rate
    }

    fn observe(&mut self, _point: &Point) -> lodecast::Result<()> {
        Ok(())
    }

    fn watches_every_loss(&self) -> bool {
        true
    }

    fn observe_loss(&mut self, loss: f64) {
        self.take(loss);
    }

    fn attributes(&self) -> Attributes {
        started_at("greedy", self.initial)
    }
}
