//! The lodecast engine: learn from recorded training runs how a network answers to its learning rate, then choose the
//! rate that leads to the best long-term validation result (Sampson & Melchior, arXiv 2509.23052).
//!
//! Data flows one way: [`Sweep`] of [`Run`]s -> [`fit()`] -> [`Model`] -> plan -> [`Schedule`]. So do the modules, each
//! building on those above it: data, odd, kernels, experience, model, fit, plan, then scheduler, evaluate and tune.

mod data;
mod error;
mod evaluate;
mod experience;
mod fingerprint;
mod fit;
mod forms;
#[doc(hidden)]
pub mod instrument;
mod kernels;
mod model;
mod odd;
mod plan;
mod random;
mod representatives;
mod scheduler;
pub mod tune;
mod whole_file;

pub use data::{Attributes, Direction, Family, Knot, LengthNote, Metric, Point, Run, Schedule, Sweep};
pub use error::{Error, Result};
pub use evaluate::{
    Evaluation, FewRunsMethod, FewRunsScore, FewRunsSettings, ForecastMethod, RunForecast, Skill, evaluate,
    evaluate_few_runs,
};
pub use experience::{Band, Conditions, Configuration, Experience, RateRange, Seen, Surprise};
pub use fit::{
    BestFit, Choice, ControlledFit, FitOptions, FitProgress, FitSettings, FitSummary, Fitted, FormError, LawFit,
    LeftOut, PaperFit, Training, fit, fit_best,
};
pub use model::law::{
    Alternative, Explanation, FinalForecast, IdealOrigin, Law, LawForecast, LawSettings, Narrowing, Objective,
    PartlySeen, Pick, PickOrigin, PickSettings, PriorKnowledge, Quantity, Scale, Shape, ShapeRange, UnusedRun, pick,
};
pub use model::{
    Architecture, Column, ControlledForecaster, ControlledLatentOde, ControlledSizes, Curve, FitRecord, Forecast,
    Forecaster, Interval, LawModel, Miss, Model, ModelKind, Opening, Outlook, PaperForecaster, PaperLatentOde,
    PaperSizes, Scaler, Spread, Transform,
};
pub use plan::{
    Alignment, Arrival, Candidate, ControlledSettings, Extension, ExtensionKind, LengthOutcome, Origin,
    PaperPlannerSettings, Plan, Planner, PlannerSettings, Prediction, Score, SearchFamily, Situation, Suggestion,
    SuggestionSettings, Verdict, Window, arrival, extend, suggest,
};
pub use scheduler::{Observation, Replan, Scheduler, SchedulerBuilder, SchedulerState};
pub use whole_file::MissingFolder;

/// The page on training loops in Rust, whose program is compiled and run with the documentation's examples.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/plug-in/rust.md")]
struct PageOnRust;
