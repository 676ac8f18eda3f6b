//! What has been seen of a run, in the law's terms.

use super::curve::SEGMENTS;
use super::fitted_law::Law;
use super::forecast::Question;
use super::observation::{Recording, segment_rates};
use super::posterior::OBSERVED;
use super::settings::Objective;
use crate::{Error, Result, Run, Schedule};

/// The part of a run that has been seen, and what its rates are a question about.
pub(super) struct Seen {
    pub(super) question: Question,
    /// Gaps at the ends of all segments, NaN where there is none.
    pub(super) values: [f64; SEGMENTS],
    /// What the law leaves of them at the observed ends.
    pub(super) residuals: Vec<Option<f64>>,
    /// The last of them that was measured.
    pub(super) last: Option<LastSeen>,
    /// Logarithm of the last gap that was measured, be it worse than an untrained network's.
    pub(super) stands: f64,
    /// Has it stopped being a number?
    pub(super) lost: bool,
}

/// The value seen last.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastSeen {
    /// Segment at whose end it was seen.
    pub(super) end: usize,
    /// Logarithm of the gap that the law expected then.
    pub(super) expected: f64,
    /// Logarithm of the one there was.
    pub(super) measured: f64,
}

impl LastSeen {
    /// From what the law expected at the observed `ends`, and its residuals where values were measured.
    pub(super) fn of(ends: &[usize], expected: &[f64], residuals: &[Option<f64>]) -> Option<Self> {
        let place = residuals.iter().take(ends.len()).rposition(Option::is_some)?;
        let expected = expected[place];
        Some(Self { end: ends[place], expected, measured: expected + residuals[place]? })
    }

    /// What the law misses of it.
    pub(super) fn residual(&self) -> f64 {
        self.measured - self.expected
    }
}

impl Seen {
    /// The fraction `seen` of a run under the rates that it recorded, or that `schedule` goes on with.
    ///
    /// # Errors
    /// If there are no rates.
    pub(super) fn of(law: &Law, run: &Run, metric: usize, seen: f64, schedule: Option<&Schedule>) -> Result<Self> {
        let length = run.total_steps() as f64;
        let until = seen * length;
        // Rates come from the whole run, values from what has been seen of it.
        let recording = Recording::of(run, metric, until * (1.0 + 1e-9)).or_else(|_| {
            Recording::rates_alone(run, schedule).ok_or_else(|| Error::Window {
                reason: "it records no learning rate, and no schedule is given".to_owned(),
            })
        })?;
        if let Some((step, value)) = law.scale.first_beyond(&recording.measured, law.units.start) {
            return Err(Error::Window {
                reason: format!(
                    "run '{}' has {value} of {} at step {step}, and {} is the best there can be by the runs that were learned from: \
                     are both in the same unit?",
                    run.id, law.metric.name, law.scale.ideal
                ),
            });
        }
        let mut rates = recording.rates;
        if let Some(schedule) = schedule {
            let planned = segment_rates(schedule);
            for k in 0..SEGMENTS {
                let come = (seen * SEGMENTS as f64 - k as f64).clamp(0.0, 1.0);
                rates[k] = come * rates[k] + (1.0 - come) * planned[k];
            }
        }
        let question = law.question_of(&rates, length, &recording.settings);
        let mut values = recording.values(|value| law.scale.gap(value), law.units.start);
        if law.objective == Objective::Best {
            let mut best = f64::INFINITY;
            for value in values.iter_mut().filter(|value| value.is_finite()) {
                best = best.min(*value);
                *value = best;
            }
        }
        let ends = ends_until(seen);
        values[ends.last().map_or(0, |end| end + 1)..].fill(f64::NAN);
        let mut predicted = [0.0; OBSERVED.len()];
        law.posterior.curve().values(&question.path, ends, &mut predicted[..ends.len()]);
        let residuals: Vec<Option<f64>> = (ends.iter().zip(predicted))
            .map(|(&end, predicted)| Some(values[end].ln() - predicted).filter(|residual| residual.is_finite()))
            .collect();
        let last = LastSeen::of(ends, &predicted, &residuals);
        let stands = recording.measured.last().map_or(f64::NAN, |&(_, value)| law.scale.gap(value).ln());
        Ok(Self { question, values, residuals, last, stands, lost: recording.lost_at.is_some() })
    }
}

/// The observed ends within the fraction `seen` of a run.
pub(super) fn ends_until(seen: f64) -> &'static [usize] {
    &OBSERVED[..OBSERVED.partition_point(|&end| (end + 1) as f64 / SEGMENTS as f64 <= seen + 1e-9)]
}

/// Mean residual of the last two points seen, and how it differs from the three before.
pub(super) fn level_and_trend(residuals: &[Option<f64>]) -> Option<(f64, f64)> {
    let seen: Vec<f64> = residuals.iter().copied().flatten().collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (before, last) = seen.split_at(seen.len().saturating_sub(2));
    if last.is_empty() {
        return None;
    }
    let level = mean(last);
    let trend = if before.is_empty() { 0.0 } else { level - mean(&before[before.len().saturating_sub(3)..]) };
    Some((level, trend))
}
