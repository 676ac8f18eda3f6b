//! [`LawModel`]: a law with what its sweep showed, and its forecasts in the units of a model.

use super::fitted_law::Law;
use super::forecast::{FinalForecast, LawForecast};
use super::prior_alone::PriorKnowledge;
use super::scale::Scale;
use super::settings::LawSettings;
use crate::data::{Direction, Metric, Point, Run, Schedule, interpolate};
use crate::error::Result;
use crate::experience::{Experience, RateRange};
use crate::fingerprint::Fingerprint;
use crate::model::{Column, Expected, FitRecord, Interval, Spread, Transform};

/// Lowest rate before there is any run, as a fraction of the lowest peak.
const LOWEST: f64 = 1e-3;

/// A fitted [`Law`] with what its sweep showed.
#[derive(Clone, Debug)]
pub struct LawModel {
    pub(super) law: Law,
    pub(super) settings: LawSettings,
    pub(super) experience: Experience,
    pub(super) record: FitRecord,
    pub(super) fingerprint: String,
}

impl LawModel {
    /// A law with the experience of its sweep and the record of its fit.
    pub(crate) fn new(law: Law, settings: LawSettings, experience: Experience, record: FitRecord) -> Self {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(serde_json::to_string(&(&law, &experience)).unwrap_or_default().as_bytes());
        Self { law, settings, experience, record, fingerprint: fingerprint.finish() }
    }

    /// The model of a search that nobody has made yet: the prior alone, with intervals to match. It forecasts, plans and schedules runs as
    /// any other does; [`Law::narrowing`] says which runs would tell it most.
    ///
    /// ```
    /// use lodecast::{Forecaster, LawModel, Planner, ControlledSettings, PriorKnowledge, Schedule, Situation};
    /// // 3e-4 has worked for runs of 10,000 steps on ten classes.
    /// let model = LawModel::before_any_run(&"val_loss:min".parse()?, &PriorKnowledge::new(3e-4, 10_000, 10f64.ln()))?;
    /// let planner = Planner::new(Forecaster::controlled(model), ControlledSettings::default())?;
    /// let plan = planner.plan(&Situation::after(&[], 10_000, &Schedule::constant(3e-4)))?;
    /// assert!((1e-4..1e-3).contains(&plan.schedule.highest_rate()), "near the rate that worked");
    /// # Ok::<(), lodecast::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Law::before_any_run`].
    pub fn before_any_run(metric: &Metric, knowledge: &PriorKnowledge) -> Result<Self> {
        let law = Law::before_any_run(metric, knowledge)?;
        let &PriorKnowledge { learning_rate, total_steps, .. } = knowledge;
        let schedule = Schedule::cosine(learning_rate);
        let expected = law.final_values(std::slice::from_ref(&schedule), total_steps)?[0].median;
        let (low, high) = law.believed_shapes().map_or((learning_rate, learning_rate), |shapes| shapes.peak);
        let rates = RateRange { lowest: LOWEST * low, highest: high };
        let experience = Experience::before_any_run(metric.direction, (schedule, total_steps, expected), rates);
        let settings = LawSettings { start: Some(knowledge.start), ideal: knowledge.ideal, ..LawSettings::default() };
        Ok(Self::new(law, settings, experience, FitRecord::default()))
    }

    /// The law itself.
    pub fn law(&self) -> &Law {
        &self.law
    }

    /// What it was fitted with.
    pub fn settings(&self) -> &LawSettings {
        &self.settings
    }

    /// The forecast of a run of which `observed` is known, if it follows `schedule` from here on.
    pub(super) fn watched(
        &self,
        observed: &[Point],
        total_steps: u64,
        now: f64,
        schedules: &[Schedule],
    ) -> Result<Vec<FinalForecast>> {
        if observed.is_empty() {
            return self.law.final_values(schedules, total_steps);
        }
        let run = Run::observed(observed, total_steps)?;
        let watching = self.law.watching(now);
        schedules.iter().map(|schedule| watching.final_value_under(&run, 0, schedule)).collect()
    }

    /// Units in which the spread of the metric is even: the logarithm of its gap to the ideal, where that is a natural one.
    pub(super) fn column(&self) -> Column {
        let Scale { direction, ideal, .. } = *self.law.scale();
        let transform = match direction {
            Direction::Min if ideal == 0.0 => Transform::Log,
            Direction::Max if ideal > 0.0 => Transform::LogError { ceiling: ideal },
            _ => Transform::Identity,
        };
        Column { transform, ..Column::identity() }
    }

    /// The median and the intervals of a final value, in the units of [`Self::column`].
    pub(super) fn standardised(&self, last: &FinalForecast) -> Expected {
        let column = self.column();
        let within = |a: f64, b: f64| {
            let (a, b) = (column.standardise(a), column.standardise(b));
            (a.min(b), a.max(b))
        };
        Expected {
            mean: column.standardise(last.median),
            within_68: within(last.low_68, last.high_68),
            within_95: within(last.low_95, last.high_95),
        }
    }

    /// The curve of the schedule, moved so that it goes from what was measured last to the end that what was seen says: by how far
    /// each is off, in the logarithm of the gap, in a straight line between the two. Its intervals narrow as that of the end does,
    /// and all along it the run may have diverged, as likely as at the end.
    pub(super) fn through_what_was_seen(
        &self,
        curve: &LawForecast,
        observed: &[Point],
        now: f64,
        last: &FinalForecast,
    ) -> Spread {
        let measured = observed.iter().rev().find_map(|point| point.validation.filter(|value| value.is_finite()));
        let start = self.ln_gap(self.law.start());
        let here = measured.map_or(0.0, |measured| {
            let known: Vec<(f64, f64)> = curve.progress.iter().copied().zip(curve.median.iter().copied()).collect();
            self.ln_gap(measured) - self.ln_gap(interpolate(&known, now))
        });
        let end = last.ln_gap - curve.last.ln_gap;
        let narrowed = (last.deviation / curve.last.deviation).clamp(0.0, 1.0);
        let divergence = self.law.divergence(last.probability_diverged);
        let divergence = measured.map_or(divergence, |value| divergence.of_one_at(self.ln_gap(value) - start, now));
        let mut spread = Spread::default();
        for (k, &at) in curve.progress.iter().enumerate() {
            let come = ((at - now) / (1.0 - now).max(1e-9)).clamp(0.0, 1.0);
            let middle = self.ln_gap(curve.median[k]) + here + come * (end - here);
            let deviation = narrowed * 0.5 * (self.ln_gap(curve.low_68[k]) - self.ln_gap(curve.high_68[k])).abs();
            let [low, middle, high] = self.law.within_68(middle, deviation, &divergence);
            spread.mean.push(middle);
            spread.low.push(low.min(high));
            spread.high.push(low.max(high));
        }
        spread
    }

    /// `ln` gap to the ideal.
    pub(super) fn ln_gap(&self, value: f64) -> f64 {
        (self.law.scale().ideal - value).abs().max(f64::MIN_POSITIVE).ln()
    }
}

/// The median and the interval of 68 %: what a run is forecast to reach. The expected value, which counts the chance of
/// divergence, is for choosing.
pub(super) fn interval(last: &FinalForecast) -> Interval {
    Interval { mean: last.median, low: last.low_68, high: last.high_68 }
}
