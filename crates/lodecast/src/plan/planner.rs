//! [`Planner`]: a model with the settings for its kind of question.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::controlled::{self, ControlledSettings};
use super::explanation::Plan;
use super::paper::{self, PaperPlannerSettings};
use super::situation::Situation;
use crate::error::{Error, Result};
use crate::model::{ControlledForecaster, Forecaster, PaperForecaster};

/// Settings of a planner of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
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
