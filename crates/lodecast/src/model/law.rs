//! The law: a model of training curves with a handful of parameters, which learns from a few runs.
//!
//! A mechanistic curve ([`curve`]) says how values fall along any schedule; its parameters have a prior and are fitted by
//! Levenberg-Marquardt ([`posterior`]); a Gaussian process learns what the curve leaves of the final values
//! ([`residual`]); and which peaks diverge is a verdict of its own ([`divergence`]).

mod answer;
mod appraisal;
mod calibration;
mod candidates;
mod covariates;
mod curve;
mod divergence;
mod explanation;
mod features;
mod fit;
mod fitted_law;
mod fitted_run;
#[cfg(test)]
mod fixtures;
mod forecast;
mod form;
mod gaussian_process;
mod groups;
#[cfg(test)]
mod hostile;
mod hyperparameters;
mod innovation;
mod law_model;
mod least_squares;
mod linear_algebra;
mod narrowing;
mod observation;
mod partly_seen;
mod pick;
mod plain_process;
mod posterior;
mod prior;
mod prior_alone;
mod process_paths;
mod residual;
mod samples;
mod scale;
mod scaled;
mod seen;
mod settings;
mod shapes;
mod soundness;
mod witness;

pub(crate) use appraisal::{Answers, Appraiser};
pub(crate) use divergence::normal_distribution;
pub use explanation::{Explanation, Quantity};
pub use fitted_law::{Law, UnusedRun};
pub use forecast::{FinalForecast, LawForecast};
pub use law_model::LawModel;
pub use narrowing::Narrowing;
pub use partly_seen::PartlySeen;
pub use pick::{Alternative, Pick, PickOrigin, PickSettings, pick};
pub use prior_alone::PriorKnowledge;
pub use scale::{IdealOrigin, Scale};
pub use settings::{LawSettings, Objective};
pub(crate) use shapes::SHAPE_NUMBERS;
pub use shapes::{Shape, ShapeRange};

pub(crate) use observation::Recording;
