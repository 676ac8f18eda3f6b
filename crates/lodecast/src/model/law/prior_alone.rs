//! The law before any run: a plan from nothing but a rate that worked and where training starts.

use serde::{Deserialize, Serialize};

use super::calibration::multiplier;
use super::covariates::{Covariates, Settings};
use super::divergence::{DivergedEnds, Threshold};
use super::fitted_law::{Law, Units};
use super::posterior::Posterior;
use super::prior::{Choice, Prior};
use super::residual::{Purpose, ResidualProcess};
use super::scale::{IdealOrigin, Scale};
use super::settings::Objective;
use crate::{Direction, Error, Metric, Result};

/// Best final gap that is assumed of a search nobody has made, as a fraction of the untrained one, and the deviation of its
/// logarithm.
const ASSUMED_BEST: f64 = 0.3;
const LEVEL_DOUBT: f64 = 0.8;
/// Spread of final values that is assumed then.
const ASSUMED_SPREAD: f64 = 0.3;

/// What is known before the first run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PriorKnowledge {
    /// A peak rate that worked, for this network or one like it.
    pub learning_rate: f64,
    /// Length of the runs it worked for, in steps.
    pub total_steps: u64,
    /// The metric of an untrained network: `ln(classes)` of a cross entropy, `1 / classes` of an accuracy.
    pub start: f64,
    /// The final value to be expected there, if anything is known of it.
    pub expected: Option<f64>,
    /// The metric's ideal value; by default 0 if smaller is better, and 1 (or 100, if `start` is above 1) if larger is.
    pub ideal: Option<f64>,
}

impl PriorKnowledge {
    /// A peak rate that worked for runs of `total_steps`, and the metric of an untrained network.
    pub fn new(learning_rate: f64, total_steps: u64, start: f64) -> Self {
        Self { learning_rate, total_steps, start, expected: None, ideal: None }
    }
}

impl Law {
    /// The law of a search nobody has made yet: the prior alone, with intervals to match.
    ///
    /// ```
    /// use lodecast::{Direction, Law, Metric, PriorKnowledge, Schedule};
    /// let knowledge = PriorKnowledge::new(1e-3, 10_000, 10f64.ln());
    /// let law = Law::before_any_run(&Metric::new("val_loss", Direction::Min), &knowledge)?;
    /// let forecast = &law.final_values(&[Schedule::cosine(1e-3)], 10_000)?[0];
    /// assert!(forecast.low_95 < 0.2 && forecast.high_95 > 1.5, "an honest guess is a wide one");
    /// # Ok::<(), lodecast::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a number is not one that can be: a rate, a length, a start that is worse than the ideal.
    pub fn before_any_run(metric: &Metric, knowledge: &PriorKnowledge) -> Result<Self> {
        let &PriorKnowledge { learning_rate, total_steps, start, expected, ideal } = knowledge;
        let fail = |name, value: f64, remedy| Err(Error::Setting { name, value: value.to_string(), remedy });
        if !(learning_rate > 0.0 && learning_rate.is_finite()) {
            return fail("learning_rate", learning_rate, "give a positive, finite rate that has worked");
        }
        if total_steps == 0 {
            return fail("total_steps", 0.0, "give the length of a run in optimizer steps, at least 1");
        }
        let natural = match metric.direction {
            Direction::Min => 0.0,
            Direction::Max if start > 1.0 => 100.0,
            Direction::Max => 1.0,
        };
        let ideal = ideal.unwrap_or(natural);
        if !start.is_finite() || !metric.direction.is_better(ideal, start) {
            return fail(
                "start",
                start,
                "give the metric of an untrained network: finite, and worse than its ideal value",
            );
        }
        let scale = Scale::new(metric.direction, ideal, IdealOrigin::Given, &[start]);
        let start = scale.gap(start);
        let (best, level_doubt) = match expected.map(|expected| (expected, scale.gap(expected))) {
            None => (ASSUMED_BEST * start, LEVEL_DOUBT),
            Some((_, gap)) if gap < start => (gap, LEVEL_DOUBT / 4.0),
            Some((expected, _)) => {
                return fail("expected", expected, "give a final value better than that of an untrained network");
            }
        };
        Ok(Self {
            metric: metric.clone(),
            objective: Objective::Last,
            scale,
            units: Units { rate: learning_rate, length: total_steps as f64, start, best },
            posterior: Posterior::before(Prior::from(Choice { warmup: true }), start, best),
            forecast_process: ResidualProcess::fit(&[], &[], ASSUMED_SPREAD, Purpose::Forecast, None),
            search_process: ResidualProcess::fit(&[], &[], ASSUMED_SPREAD, Purpose::Search, None),
            plain_process: None,
            threshold: Threshold::from(Vec::new()),
            diverged_ends: DivergedEnds::default(),
            covariates: Covariates::default(),
            momentum: false,
            assumed: Settings::new(),
            runs: Vec::new(),
            level_doubt,
            multiplier: multiplier(0),
            doubts: Vec::new(),
            notes: vec![
                "no run: this is the prior's guess. A run at the rate given would tell the level of the curve, one at three times \
                 the rate where its edge is, one at twice the length how much training still brings"
                    .to_owned(),
            ],
            left_out: Vec::new(),
        })
    }
}
