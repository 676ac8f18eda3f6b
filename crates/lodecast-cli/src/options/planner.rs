//! Options of the planner of controlled models.

use anyhow::Result;
use clap::{Args, ValueEnum};
use lodecast::{ControlledSettings, Forecaster, Model, ModelKind, Planner, PlannerSettings, SearchFamily};

use crate::failure::misuse;

/// What to plan otherwise than by default.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq)]
#[command(next_help_heading = "Planner of controlled models (by default as measured)")]
pub(crate) struct PlannerOptions {
    /// Where to search
    #[arg(long, value_enum)]
    search: Option<Search>,
    /// Weight of the models' disagreement against a candidate
    #[arg(long, value_name = "WEIGHT")]
    pessimism: Option<f64>,
    /// Weight of a candidate's distance from the sweep's schedules against it
    #[arg(long, value_name = "WEIGHT")]
    trust: Option<f64>,
    /// How many times its rates a candidate has to bear; 1 for no such margin
    #[arg(long, value_name = "FACTOR")]
    rate_margin: Option<f64>,
}

/// Families of schedules to search.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Search {
    /// Free knots of the learning rate
    FreeKnots,
    /// Hold a level, then anneal
    HoldAndAnneal,
    /// Only schedules of the sweep
    SweepOnly,
}

impl PlannerOptions {
    /// Refuses options that none of the models would heed.
    pub(crate) fn check<'a>(&self, mut models: impl Iterator<Item = &'a Model>) -> Result<()> {
        if *self == Self::default() || models.any(|model| model.kind() == ModelKind::Controlled) {
            return Ok(());
        }
        Err(misuse(
            "--search, --pessimism, --trust and --rate-margin are for controlled models, and there is none",
            "leave them out, or fit a model with --kind controlled",
        ))
    }

    /// A planner with each model, by its name; refuses what none would heed.
    #[cfg(feature = "lab")]
    pub(crate) fn planners(&self, models: Vec<(String, Model)>) -> Result<Vec<(String, Planner)>> {
        self.check(models.iter().map(|(_, model)| model))?;
        models.into_iter().map(|(name, model)| Ok((name, self.planner(model)?))).collect()
    }

    /// A planner with a model: as asked for if it is a controlled one.
    pub(crate) fn planner(&self, model: Model) -> Result<Planner> {
        let forecaster: Forecaster = model.into();
        let mut settings = PlannerSettings::default_for(&forecaster);
        if let PlannerSettings::Controlled(settings) = &mut settings {
            self.adjust(settings);
        }
        Ok(Planner::new(forecaster, settings)?)
    }

    fn adjust(&self, settings: &mut ControlledSettings) {
        if let Some(search) = self.search {
            settings.family = match search {
                Search::FreeKnots => SearchFamily::FreeKnots,
                Search::HoldAndAnneal => SearchFamily::HoldAndAnneal,
                Search::SweepOnly => SearchFamily::SweepOnly,
            };
        }
        settings.pessimism = self.pessimism.unwrap_or(settings.pessimism);
        settings.trust_weight = self.trust.unwrap_or(settings.trust_weight);
        settings.rate_margin = self.rate_margin.unwrap_or(settings.rate_margin);
    }
}
