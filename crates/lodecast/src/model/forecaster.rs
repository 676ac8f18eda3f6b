//! What a planner asks of a model: the two kinds of question, and a model of either kind behind them.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Interval;
use crate::data::{Direction, Point, Schedule};
use crate::error::Result;
use crate::experience::Experience;

/// What the planner asks of a model that answers "what if I set this rate?" (method section 6).
pub trait ControlledForecaster: Send + Sync {
    /// Number of models in the ensemble.
    fn members(&self) -> usize;

    /// Predicted final reward of the run for every schedule and member, candidate-major: `[schedule * members + member]`.
    ///
    /// A reward is the validation metric in the model's own units, in which differences of 1 are large, with the sign that
    /// makes larger better. `observed` are the points so far and may be empty; the schedules apply from `now` (progress
    /// in [0, 1)) on.
    ///
    /// # Errors
    /// If nothing can be said about this run.
    fn final_rewards(&self, observed: &[Point], total_steps: u64, now: f64, schedules: &[Schedule])
    -> Result<Vec<f64>>;

    /// [`Self::final_rewards`] of one situation, to be asked about many schedules. A model that has to study the points
    /// first does so once.
    ///
    /// # Errors
    /// If nothing can be said about this run.
    fn outlook<'a>(&'a self, observed: &'a [Point], total_steps: u64, now: f64) -> Result<Outlook<'a>> {
        Ok(Box::new(move |schedules| self.final_rewards(observed, total_steps, now, schedules)))
    }

    /// Schedules to open a run of `total_steps` with, the best first, of a model that picks one by a rule of its own. Those of
    /// one that does not, the default, are left to the planner.
    ///
    /// # Errors
    /// If nothing can be picked.
    fn openings(&self, _total_steps: u64, _seed: u64) -> Result<Vec<Opening>> {
        Ok(Vec::new())
    }

    /// Does it pick whole schedules by a rule of its own, to be kept to the end of a run?
    fn picks_whole_schedules(&self) -> bool {
        false
    }

    /// The validation metric in its natural units.
    fn metric_from_reward(&self, reward: f64) -> f64;

    /// What the model's sweep showed.
    fn experience(&self) -> &Experience;

    /// Why a run in this condition should not be planned for: what was observed is more than `limit` deviations from what the sweep
    /// leads to expect.
    fn objection(&self, observed: &[Point], total_steps: u64, limit: f64) -> Option<String> {
        self.experience().objection(observed, total_steps, limit)
    }

    /// Tells this model from others; kept in the state of a scheduler.
    fn fingerprint(&self) -> String;
}

/// A schedule to open a run with; see [`ControlledForecaster::openings`].
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Whose choice it is.
    pub name: String,
    /// The schedule.
    pub schedule: Schedule,
    /// The final metric that it will reach, of a single run under a new seed.
    pub predicted: Interval,
    /// Probability that it is better than the schedule of the best measured run.
    pub probability_better_than_best: f64,
}

/// The final rewards of one run under schedules, `[schedule * members + member]`; see [`ControlledForecaster::outlook`].
pub type Outlook<'a> = Box<dyn Fn(&[Schedule]) -> Result<Vec<f64>> + Send + Sync + 'a>;

/// What the planner asks of the paper's model, where the rate is decoded like the loss (method section 3).
pub trait PaperForecaster: Send + Sync {
    /// Number of models in the ensemble.
    fn members(&self) -> usize;

    /// Latent vector of a member for a window of points, which may come from anywhere in a run.
    ///
    /// # Errors
    /// If nothing can be said about this window.
    fn encode(&self, member: usize, window: &[Point], total_steps: u64) -> Result<Vec<f64>>;

    /// The curves of latent vectors at increasing times `progress` in [0, 2), in natural units.
    ///
    /// # Errors
    /// If they cannot be decoded.
    fn decode(&self, member: usize, latents: &[Vec<f64>], progress: &[f64]) -> Result<Vec<Curve>>;

    /// Train losses within `deviations` standard deviations of `loss`. The model knows in which units losses scatter evenly.
    fn loss_range(&self, loss: f64, deviations: f64) -> RangeInclusive<f64>;

    /// Validation metrics within `deviations` standard deviations of `validation`.
    fn validation_range(&self, validation: f64, deviations: f64) -> RangeInclusive<f64>;

    /// Which way the metric is better.
    fn direction(&self) -> Direction;

    /// What the model's sweep showed.
    fn experience(&self) -> &Experience;

    /// Tells this model from others; kept in the state of a scheduler.
    fn fingerprint(&self) -> String;
}

/// A decoded future: its columns over the times asked for, in natural units.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Train loss.
    pub train_loss: Vec<f64>,
    /// Learning rate.
    pub learning_rate: Vec<f64>,
    /// Validation metric.
    pub validation: Vec<f64>,
}

/// A model of either kind, as the planner sees it. Cheap to clone.
#[derive(Clone)]
pub enum Forecaster {
    /// It answers "what if I set this rate?".
    Controlled(Arc<dyn ControlledForecaster>),
    /// It imagines whole runs, their rates included.
    Paper(Arc<dyn PaperForecaster>),
}

impl Forecaster {
    /// From a model that is controlled by the rate.
    pub fn controlled(model: impl ControlledForecaster + 'static) -> Self {
        Self::Controlled(Arc::new(model))
    }

    /// From a model that decodes the rate.
    pub fn paper(model: impl PaperForecaster + 'static) -> Self {
        Self::Paper(Arc::new(model))
    }

    /// What the model's sweep showed.
    pub fn experience(&self) -> &Experience {
        match self {
            Self::Controlled(model) => model.experience(),
            Self::Paper(model) => model.experience(),
        }
    }

    /// Tells this model from others.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Controlled(model) => model.fingerprint(),
            Self::Paper(model) => model.fingerprint(),
        }
    }
}

impl fmt::Debug for Forecaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Controlled(_) => "Controlled",
            Self::Paper(_) => "Paper",
        };
        f.debug_tuple(kind).field(&self.fingerprint()).finish()
    }
}
