//! Planning: from the points of a run so far to the learning rates that lead to the best final metric.
//!
//! A [`Planner`] puts questions to a model and weighs the answers. The models are behind two small traits, one for each
//! kind of question: [`ControlledForecaster`](crate::ControlledForecaster) (what if I set this rate?) and [`PaperForecaster`](crate::PaperForecaster) (what do runs like
//! this one look like, their rates included?). What was decided and why is a [`Plan`].

mod controlled;
mod explanation;
mod extension;
mod known;
mod paper;
mod planner;
mod remaining;
mod search;
mod situation;
mod suggest;

pub use controlled::ControlledSettings;
pub use explanation::{Candidate, Origin, Plan, Prediction, Score, Verdict};
pub use extension::{Arrival, Extension, ExtensionKind, LengthOutcome, arrival, extend};
pub use paper::{Alignment, PaperPlannerSettings, Window};
pub use planner::{Planner, PlannerSettings};
pub use search::SearchFamily;
pub use situation::Situation;
pub use suggest::{Suggestion, SuggestionSettings, suggest};
