//! [`Law`]: the parts of a fitted law, and the units in which it counts.

use serde::{Deserialize, Serialize};

use super::covariates::{Covariates, Settings, momentum_gain};
use super::curve::{Curve, Path, SEGMENTS};
use super::divergence::{DivergedEnds, Threshold};
use super::fitted_run::FittedRun;
use super::plain_process::PlainProcess;
use super::posterior::Posterior;
use super::residual::ResidualProcess;
use super::scale::Scale;
use super::settings::Objective;
use crate::Metric;

/// A run that a fit left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
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
    pub(super) metric: Metric,
    pub(super) objective: Objective,
    pub(super) scale: Scale,
    pub(super) units: Units,
    pub(super) posterior: Posterior,
    /// What the curve leaves, as it is believed in forecasts and, more doubtfully, in searches.
    pub(super) forecast_process: ResidualProcess,
    pub(super) search_process: ResidualProcess,
    /// What is known without the law, of the ends of the runs alone. Files of earlier versions have none: it is fitted when they are read.
    #[serde(default)]
    pub(super) plain_process: Option<PlainProcess>,
    pub(super) threshold: Threshold,
    #[serde(default)]
    pub(super) diverged_ends: DivergedEnds,
    pub(super) covariates: Covariates,
    /// Does momentum multiply the rate?
    pub(super) momentum: bool,
    /// Settings that candidates are assumed to have: those of the best run.
    pub(super) assumed: Settings,
    pub(super) runs: Vec<FittedRun>,
    /// Deviation of `ln y` by what no run has told: zero but for the prior alone.
    pub(super) level_doubt: f64,
    /// What deviations are multiplied by, so that intervals hold what they say.
    pub(super) multiplier: f64,
    /// What speaks against relying on it.
    #[serde(default)]
    pub(super) doubts: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) left_out: Vec<UnusedRun>,
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

    /// The curve at the most probable parameters.
    pub(super) fn curve(&self) -> Curve {
        self.posterior.curve()
    }

    /// The path of rates under these settings, in the search's units.
    pub(super) fn path(&self, rates: &[f64], length: f64, settings: &Settings) -> Path {
        let unit = self.units.rate / self.gain(settings);
        Path {
            ln_rates: std::array::from_fn(|k| (rates[k] / unit).clamp(1e-9, 1e9).ln()),
            duration: (length / self.units.length).clamp(1e-9, 1e9) / SEGMENTS as f64,
        }
    }

    pub(super) fn gain(&self, settings: &Settings) -> f64 {
        if self.momentum { momentum_gain(settings).unwrap_or(1.0) } else { 1.0 }
    }
}
