//! The lodecast engine: learn from recorded training runs how a network answers to its learning rate, then choose the
//! rate that leads to the best long-term validation result (Sampson & Melchior, arXiv 2509.23052).
//!
//! Data flows one way: [`Sweep`] of [`Run`]s -> [`fit()`] -> [`Model`] -> plan -> [`Schedule`].

#[cfg(feature = "burn")]
mod burn;
mod error;
mod evaluate;
mod fingerprint;
mod fit;
mod forecast;
#[doc(hidden)]
pub mod instrument;
mod lanes;
mod latent_ode;
mod model;
mod network;
mod ode;
mod plan;
mod random;
mod run;
mod schedule;
mod scheduler;
mod tune;

#[cfg(feature = "burn")]
pub use burn::{LodeLrScheduler, SchedulerGuard};
pub use error::{Error, Result};
pub use evaluate::{Evaluation, ForecastMethod, RunForecast, Skill, evaluate};
pub use fit::{FitOptions, FitProgress, FitSettings, FitSummary, Fitted, LeftOut, ModelKind, fit};
pub use forecast::{Forecast, Interval, Spread};
pub use latent_ode::{Architecture, Column, ControlledLatentOde, FitRecord, LatentOde, Model, Scaler, Transform};
pub use model::law::{
    Explanation, FinalForecast, IdealOrigin, Law, LawForecast, LawSettings, Objective, PartlySeen, PriorKnowledge,
    Quantity, Scale, UnusedRun,
};
pub use plan::{
    Alignment, Band, Candidate, Configuration, ControlledForecaster, ControlledSettings, Curve, Experience, Forecaster,
    GenerativeForecaster, GenerativeSettings, Origin, Outlook, Plan, Planner, PlannerSettings, Prediction, RateRange,
    Score, SearchFamily, Seen, Situation, Suggestion, SuggestionSettings, Surprise, Verdict, Window, suggest,
};
pub use run::{Attributes, Direction, Metric, Point, Run, Sweep};
pub use schedule::{Family, Knot, Schedule};
pub use scheduler::{Observation, Replan, Scheduler, SchedulerBuilder, SchedulerState};
pub use tune::{Alternative, Pick, PickOrigin, PickSettings, Shape, ShapeRange, pick};
