//! The law: a model of training curves with a handful of parameters, which learns from a few runs.
//!
//! A mechanistic curve ([`curve`]) says how values fall along any schedule; its parameters have a prior and are fitted by
//! Levenberg-Marquardt ([`posterior`]); a Gaussian process learns what the curve leaves of the final values
//! ([`residual`]); and which peaks diverge is a verdict of its own ([`divergence`]).

mod appraisal;
mod calibration;
mod candidates;
mod curve;
mod divergence;
mod explanation;
mod features;
mod fit;
#[cfg(test)]
mod fixtures;
mod forecast;
mod form;
mod gaussian_process;
mod groups;
#[cfg(test)]
mod hostile;
mod innovation;
mod least_squares;
mod linear_algebra;
mod observation;
mod partly_seen;
mod pick;
mod plain_process;
mod posterior;
mod prior;
mod prior_alone;
mod residual;
mod samples;
mod scale;
mod seen;
mod settings;
mod shapes;
mod soundness;
mod witness;

use serde::{Deserialize, Serialize};

pub(crate) use appraisal::{Appraisal, Appraiser};
pub(crate) use divergence::normal_distribution;
pub use explanation::{Explanation, Quantity};
pub use forecast::{FinalForecast, LawForecast};
pub use form::LawModel;
pub use partly_seen::PartlySeen;
pub use pick::{Alternative, Pick, PickOrigin, PickSettings, pick};
pub use prior_alone::PriorKnowledge;
pub use scale::{IdealOrigin, Scale};
pub(crate) use shapes::SHAPE_NUMBERS;
pub use shapes::{Shape, ShapeRange};

use features::Standardiser;
pub(crate) use forecast::Answer;
pub(crate) use observation::Recording;
pub(crate) use plain_process::PlainProcess;

use forecast::{Question, check};
use gaussian_process::{GaussianProcess, Hyperprior};

use self::curve::{Path, SEGMENTS};
use self::divergence::{DivergedEnds, Threshold};
use self::least_squares::LeftOut;
use self::posterior::Posterior;
use self::residual::ResidualProcess;
use self::settings::{Covariates, Settings, momentum_gain};
use crate::{Metric, Schedule};

/// Which value of a run counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The last one.
    #[default]
    Last,
    /// The best one so far: what is kept when checkpoints are.
    Best,
}

/// Settings of a fit of the law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LawSettings {
    /// The metric of an untrained network; by default the median of the runs' first values.
    pub start: Option<f64>,
    /// The value of the metric that no run can pass; by default 0 of a loss, 1 or 100 of an accuracy, or learned.
    pub ideal: Option<f64>,
    /// Which value of a run counts.
    pub objective: Objective,
    /// Is there a term for rates that come before training is ready for them?
    pub warmup: bool,
    /// Seed of the fit's second start.
    pub seed: u64,
}

impl Default for LawSettings {
    fn default() -> Self {
        Self { start: None, ideal: None, objective: Objective::Last, warmup: true, seed: 0 }
    }
}

/// A run that a fit left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedRun {
    /// The run.
    pub run: String,
    /// Why it says nothing.
    pub reason: String,
}

/// The units of a search: rates, lengths and values are counted in them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Units {
    /// Geometric mean of the peaks of the better half of the runs.
    pub(crate) rate: f64,
    /// Geometric mean length in steps.
    pub(crate) length: f64,
    /// Gap of an untrained network to the ideal.
    pub(crate) start: f64,
    /// Least final gap.
    pub(crate) best: f64,
}

/// What a law remembers of a run it was fitted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FittedRun {
    pub(crate) id: String,
    /// Mean rate of each segment, as recorded.
    pub(crate) rates: Vec<f64>,
    pub(crate) length: f64,
    pub(crate) settings: Settings,
    /// Its schedule, where that has a name.
    pub(crate) schedule: Option<Schedule>,
    /// `ln y - ln law` at the observed ends, where measured; empty where the run diverged.
    pub(crate) residuals: Vec<Option<f64>>,
    /// Final gap, if the run reached its end.
    pub(crate) last: Option<f64>,
    /// Progress at which its least gap was measured, if it reached its end.
    pub(crate) best_at: Option<f64>,
    pub(crate) diverged: bool,
    /// Did it look diverged at the observed ends?
    #[serde(default)]
    pub(crate) looked: Vec<bool>,
    /// What the law without it says of its end.
    #[serde(default)]
    pub(crate) left_out: Option<LeftOut>,
}

/// A fitted law.
///
/// ```
/// use lodecast::{Direction, Law, LawSettings, Metric, Point, Run, Schedule, Sweep};
/// let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
/// for (name, rate) in [("low", 0.01), ("middle", 0.03), ("high", 0.1)] {
///     let loss = |step: u64| 0.2 + 2.1 / (1.0 + rate * step as f64);
///     let points = (0..=50).map(|k| Point::new(20 * k).learning_rate(rate).validation(loss(20 * k)));
///     sweep.runs.push(Run::from_points(name, points)?);
/// }
/// let law = Law::fit(&sweep, "loss", &LawSettings::default())?;
/// let forecast = &law.final_values(&[Schedule::constant(0.05)], 1000)?[0];
/// let truth = 0.2 + 2.1 / 51.0;
/// assert!((forecast.expected - truth).abs() < 0.03);
/// assert!(forecast.low_95 < truth && truth < forecast.high_95);
/// # Ok::<(), lodecast::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Law {
    metric: Metric,
    objective: Objective,
    scale: Scale,
    units: Units,
    posterior: Posterior,
    /// What the curve leaves, as it is believed in forecasts and, more doubtfully, in searches.
    forecast_process: ResidualProcess,
    search_process: ResidualProcess,
    threshold: Threshold,
    #[serde(default)]
    diverged_ends: DivergedEnds,
    covariates: Covariates,
    /// Does momentum multiply the rate?
    momentum: bool,
    /// Settings that candidates are assumed to have: those of the best run.
    assumed: Settings,
    runs: Vec<FittedRun>,
    /// Deviation of `ln y` by what no run has told: zero but for the prior alone.
    level_doubt: f64,
    /// What deviations are multiplied by, so that intervals hold what they say.
    multiplier: f64,
    /// What speaks against relying on it.
    #[serde(default)]
    doubts: Vec<String>,
    notes: Vec<String>,
    left_out: Vec<UnusedRun>,
}

impl Law {
    /// The metric it forecasts.
    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    /// How the metric is counted.
    pub fn scale(&self) -> &Scale {
        &self.scale
    }

    /// The metric of an untrained network.
    pub fn start(&self) -> f64 {
        self.scale.value(self.units.start)
    }

    /// The best final value among the runs.
    pub fn best(&self) -> f64 {
        self.scale.value(self.units.best)
    }

    /// Number of runs it was fitted to, diverged ones included.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Runs that diverged.
    pub fn diverged(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().filter(|run| run.diverged).map(|run| run.id.as_str())
    }

    /// Progress at which runs reached their best value: median, and the ends of the range of 68 %. `None` if no run reached
    /// its end. Before the end of a run, it is worth keeping a checkpoint.
    pub fn best_at(&self) -> Option<(f64, f64, f64)> {
        let mut found: Vec<f64> = self.runs.iter().filter(|run| !run.diverged).filter_map(|run| run.best_at).collect();
        found.sort_by(f64::total_cmp);
        let last = found.len().checked_sub(1)?;
        let at = |share: f64| found[(share * last as f64).round() as usize];
        Some((at(0.5), at(0.16), at(0.84)))
    }

    /// What speaks against relying on this fit: settings that count for more than the rates do.
    pub(crate) fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// What a reader has to know about this fit: assumptions, and why intervals are wide.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Runs that could not be used.
    pub fn left_out(&self) -> &[UnusedRun] {
        &self.left_out
    }

    /// Logarithm of the evidence of the curves, up to a constant of the runs: laws of the same runs compare by it.
    pub fn log_evidence(&self) -> f64 {
        self.posterior.log_evidence
    }

    /// Scatter of curves about the law, as a deviation of the logarithm of the gap to the ideal.
    pub fn scatter(&self) -> f64 {
        self.posterior.sigma
    }

    /// The path of rates under these settings, in the search's units.
    fn path(&self, rates: &[f64], length: f64, settings: &Settings) -> Path {
        let unit = self.units.rate / self.gain(settings);
        Path {
            ln_rates: std::array::from_fn(|k| (rates[k] / unit).clamp(1e-9, 1e9).ln()),
            duration: (length / self.units.length).clamp(1e-9, 1e9) / SEGMENTS as f64,
        }
    }

    fn gain(&self, settings: &Settings) -> f64 {
        if self.momentum { momentum_gain(settings).unwrap_or(1.0) } else { 1.0 }
    }
}
