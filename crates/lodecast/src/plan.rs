//! Planning: from the points of a run so far to the learning rates that lead to the best final metric.
//!
//! A [`Planner`] puts questions to a model and weighs the answers. The models are behind two small traits, one for each
//! kind of question: [`ControlledForecaster`] (what if I set this rate?) and [`GenerativeForecaster`] (what do runs like
//! this one look like, their rates included?). What was decided and why is a [`Plan`].

mod controlled;
mod experience;
mod explanation;
mod generative;
mod rate_curve;
mod remaining;
mod search;
mod seen;
mod suggest;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use controlled::ControlledSettings;
pub use experience::{Configuration, Experience, RateRange};
pub use explanation::{Candidate, Origin, Plan, Prediction, Score, Verdict};
pub use generative::{Alignment, GenerativeSettings, Window};
pub use search::SearchFamily;
pub use seen::{Band, Seen, Surprise};
pub use suggest::{Suggestion, SuggestionSettings, suggest};

use crate::error::{Error, Result};
use crate::run::{Direction, Point};
use crate::schedule::Schedule;

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

    /// The validation metric in its natural units.
    fn metric_from_reward(&self, reward: f64) -> f64;

    /// What the model's sweep showed.
    fn experience(&self) -> &Experience;

    /// Tells this model from others; kept in the state of a scheduler.
    fn fingerprint(&self) -> String;
}

/// The final rewards of one run under schedules, `[schedule * members + member]`; see [`ControlledForecaster::outlook`].
pub type Outlook<'a> = Box<dyn Fn(&[Schedule]) -> Result<Vec<f64>> + Send + Sync + 'a>;

/// What the planner asks of the paper's model, where the rate is decoded like the loss (method section 3).
pub trait GenerativeForecaster: Send + Sync {
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
    Generative(Arc<dyn GenerativeForecaster>),
}

impl Forecaster {
    /// From a model that is controlled by the rate.
    pub fn controlled(model: impl ControlledForecaster + 'static) -> Self {
        Self::Controlled(Arc::new(model))
    }

    /// From a model that decodes the rate.
    pub fn generative(model: impl GenerativeForecaster + 'static) -> Self {
        Self::Generative(Arc::new(model))
    }

    /// What the model's sweep showed.
    pub fn experience(&self) -> &Experience {
        match self {
            Self::Controlled(model) => model.experience(),
            Self::Generative(model) => model.experience(),
        }
    }

    /// Tells this model from others.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Controlled(model) => model.fingerprint(),
            Self::Generative(model) => model.fingerprint(),
        }
    }

    /// The settings of its planner that were measured to be good.
    pub fn default_settings(&self) -> PlannerSettings {
        match self {
            Self::Controlled(_) => PlannerSettings::Controlled(ControlledSettings::default()),
            Self::Generative(_) => PlannerSettings::Generative(GenerativeSettings::default()),
        }
    }
}

impl fmt::Debug for Forecaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Controlled(_) => "Controlled",
            Self::Generative(_) => "Generative",
        };
        f.debug_tuple(kind).field(&self.fingerprint()).finish()
    }
}

/// Settings of a planner of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum PlannerSettings {
    /// For a model that is controlled by the rate.
    Controlled(ControlledSettings),
    /// For a model that decodes the rate.
    Generative(GenerativeSettings),
}

impl From<ControlledSettings> for PlannerSettings {
    fn from(settings: ControlledSettings) -> Self {
        Self::Controlled(settings)
    }
}

impl From<GenerativeSettings> for PlannerSettings {
    fn from(settings: GenerativeSettings) -> Self {
        Self::Generative(settings)
    }
}

/// The run that is planned for.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Points so far, steps increasing; may be empty.
    pub observed: &'a [Point],
    /// Planned length of the run in optimizer steps.
    pub total_steps: u64,
    /// Progress from which a new schedule would apply, in [0, 1).
    pub now: f64,
    /// The schedule in force.
    pub in_force: &'a Schedule,
    /// Seed of the candidates.
    pub seed: u64,
    /// Counts the plans of this run; each has random numbers of its own.
    pub replan: u64,
}

impl<'a> Situation<'a> {
    /// After the last of the points observed, or before the start; seed and count are 0.
    pub fn after(observed: &'a [Point], total_steps: u64, in_force: &'a Schedule) -> Self {
        let now = observed.last().map_or(0.0, |point| point.step as f64 / total_steps.max(1) as f64);
        Self { observed, total_steps, now, in_force, seed: 0, replan: 0 }
    }

    /// A plan that changes nothing.
    pub(crate) fn keep(&self, reason: String, candidates: Vec<Candidate>) -> Plan {
        Plan {
            schedule: self.in_force.clone(),
            changed: false,
            reason,
            now: self.now,
            replan: self.replan,
            prediction: None,
            candidates,
        }
    }

    fn check(&self) -> Result<()> {
        let total_steps = self.total_steps;
        setting("total_steps", total_steps, total_steps > 0, "give the planned number of optimizer steps")?;
        setting("now", self.now, (0.0..1.0).contains(&self.now), "plan before the end of the run: progress in [0, 1)")?;
        self.in_force.check()
    }
}

/// Chooses schedules with a model.
#[derive(Clone, Debug)]
pub struct Planner {
    forecaster: Forecaster,
    settings: PlannerSettings,
}

impl Planner {
    /// A planner for a model.
    ///
    /// # Errors
    /// If a setting is out of its range, or the settings are for the other kind of model.
    pub fn new(forecaster: impl Into<Forecaster>, settings: impl Into<PlannerSettings>) -> Result<Self> {
        let (forecaster, settings) = (forecaster.into(), settings.into());
        match (&forecaster, &settings) {
            (Forecaster::Controlled(_), PlannerSettings::Controlled(settings)) => settings.check()?,
            (Forecaster::Generative(_), PlannerSettings::Generative(settings)) => settings.check()?,
            (_, given) => {
                let value = if matches!(given, PlannerSettings::Controlled(_)) { "controlled" } else { "generative" };
                setting("settings", value, false, "give the settings for this kind of model")?;
            }
        }
        Ok(Self { forecaster, settings })
    }

    /// Its model.
    pub fn forecaster(&self) -> &Forecaster {
        &self.forecaster
    }

    /// Its settings.
    pub fn settings(&self) -> PlannerSettings {
        self.settings
    }

    /// Can it plan before anything was observed?
    pub fn plans_ahead(&self) -> bool {
        matches!(self.forecaster, Forecaster::Controlled(_))
    }

    /// Decides about the rest of a run.
    ///
    /// # Errors
    /// If the situation is impossible, or the model can say nothing about it.
    pub fn plan(&self, situation: &Situation<'_>) -> Result<Plan> {
        situation.check()?;
        match (&self.forecaster, &self.settings) {
            (Forecaster::Controlled(model), PlannerSettings::Controlled(settings)) => {
                // One way into the thread pool, not one for each of the plan's many short parallel parts.
                rayon::scope(|_| controlled::plan(model.as_ref(), settings, situation))
            }
            (Forecaster::Generative(model), PlannerSettings::Generative(settings)) => {
                generative::plan(model.as_ref(), settings, situation)
            }
            _ => unreachable!("checked when the planner was made"),
        }
    }
}

/// Refuses a setting that is out of its range.
pub(crate) fn setting(name: &'static str, value: impl fmt::Display, sound: bool, remedy: &'static str) -> Result<()> {
    if sound { Ok(()) } else { Err(Error::Setting { name, value: value.to_string(), remedy }) }
}
