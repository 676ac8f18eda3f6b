//! Planning: from the points of a run so far to the learning rates that lead to the best final metric.
//!
//! A [`Planner`] puts questions to a model and weighs the answers. The models are behind two small traits, one for each
//! kind of question: [`ControlledForecaster`] (what if I set this rate?) and [`PaperForecaster`] (what do runs like
//! this one look like, their rates included?). What was decided and why is a [`Plan`].

mod controlled;
mod explanation;
mod extension;
mod paper;
mod remaining;
mod search;
mod suggest;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use controlled::ControlledSettings;
pub use explanation::{Candidate, Origin, Plan, Prediction, Score, Verdict};
pub use extension::{Arrival, Extension, ExtensionKind, LengthOutcome, arrival, extend};
pub use paper::{Alignment, PaperPlannerSettings, Window};
pub use search::SearchFamily;
pub use suggest::{Suggestion, SuggestionSettings, suggest};

use crate::data::{Point, Schedule};
use crate::error::{Error, Result, setting};
use crate::model::{ControlledForecaster, Forecaster, PaperForecaster};

/// Settings of a planner of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum PlannerSettings {
    /// For a model that is controlled by the rate.
    Controlled(ControlledSettings),
    /// For a model that decodes the rate.
    #[serde(alias = "generative")]
    Paper(PaperPlannerSettings),
}

impl PlannerSettings {
    /// The settings that were measured to be good for a model of this kind.
    pub fn default_for(forecaster: &Forecaster) -> Self {
        match forecaster {
            Forecaster::Controlled(_) => Self::Controlled(ControlledSettings::default()),
            Forecaster::Paper(_) => Self::Paper(PaperPlannerSettings::default()),
        }
    }
}

impl From<ControlledSettings> for PlannerSettings {
    fn from(settings: ControlledSettings) -> Self {
        Self::Controlled(settings)
    }
}

impl From<PaperPlannerSettings> for PlannerSettings {
    fn from(settings: PaperPlannerSettings) -> Self {
        Self::Paper(settings)
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
    /// Is the schedule in force one that an earlier plan of this run came to, whether it changed it or found none better?
    pub picked: bool,
}

impl<'a> Situation<'a> {
    /// After the last of the points observed, or before the start; seed and count are 0.
    pub fn after(observed: &'a [Point], total_steps: u64, in_force: &'a Schedule) -> Self {
        let now = observed.last().map_or(0.0, |point| point.step as f64 / total_steps.max(1) as f64);
        Self { observed, total_steps, now, in_force, seed: 0, replan: 0, picked: false }
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
    method: Method,
}

/// A model with the settings for its kind.
#[derive(Clone)]
enum Method {
    Controlled(Arc<dyn ControlledForecaster>, ControlledSettings),
    Paper(Arc<dyn PaperForecaster>, PaperPlannerSettings),
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Controlled(_, settings) => settings.fmt(f),
            Self::Paper(_, settings) => settings.fmt(f),
        }
    }
}

impl Planner {
    /// A planner for a model.
    ///
    /// # Errors
    /// If a setting is out of its range, or the settings are for the other kind of model.
    pub fn new(forecaster: impl Into<Forecaster>, settings: impl Into<PlannerSettings>) -> Result<Self> {
        let forecaster = forecaster.into();
        let method = match (&forecaster, settings.into()) {
            (Forecaster::Controlled(model), PlannerSettings::Controlled(settings)) => {
                settings.check()?;
                Method::Controlled(Arc::clone(model), settings)
            }
            (Forecaster::Paper(model), PlannerSettings::Paper(settings)) => {
                settings.check()?;
                Method::Paper(Arc::clone(model), settings)
            }
            (_, given) => {
                let value = if matches!(given, PlannerSettings::Controlled(_)) { "controlled" } else { "paper" };
                let remedy = "give the settings for this kind of model";
                return Err(Error::Setting { name: "settings", value: value.to_owned(), remedy });
            }
        };
        Ok(Self { forecaster, method })
    }

    /// Its model.
    pub fn forecaster(&self) -> &Forecaster {
        &self.forecaster
    }

    /// Its settings.
    pub fn settings(&self) -> PlannerSettings {
        match &self.method {
            Method::Controlled(_, settings) => PlannerSettings::Controlled(*settings),
            Method::Paper(_, settings) => PlannerSettings::Paper(*settings),
        }
    }

    /// Can it plan before anything was observed?
    pub fn plans_ahead(&self) -> bool {
        matches!(self.method, Method::Controlled(..))
    }

    /// Decides about the rest of a run.
    ///
    /// # Errors
    /// If the situation is impossible, or the model can say nothing about it.
    pub fn plan(&self, situation: &Situation<'_>) -> Result<Plan> {
        situation.check()?;
        match &self.method {
            Method::Controlled(model, settings) => {
                // One way into the thread pool, not one for each of the plan's many short parallel parts.
                rayon::scope(|_| controlled::plan(model.as_ref(), settings, situation))
            }
            Method::Paper(model, settings) => paper::plan(model.as_ref(), settings, situation),
        }
    }
}
