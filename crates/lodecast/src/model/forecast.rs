//! Forecasts: from a window of points to the futures of a run, with their spread.

use serde::{Deserialize, Serialize};

use super::{Column, Expected, Model};
use crate::data::{Point, Run, Schedule};
use crate::error::{Error, Result};

/// A curve with its spread: mean, and one standard deviation to either side in the model's units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean.
    pub mean: Vec<f64>,
    /// Mean minus one deviation.
    pub low: Vec<f64>,
    /// Mean plus one deviation.
    pub high: Vec<f64>,
}

impl Spread {
    pub(super) fn push(&mut self, column: &Column, values: impl Iterator<Item = f64> + Clone, extra: f64) {
        let (mean, deviation) = moments(values, extra);
        self.mean.push(column.possible(mean));
        let ends = [column.possible(mean - deviation), column.possible(mean + deviation)];
        self.low.push(ends[0].min(ends[1]));
        self.high.push(ends[0].max(ends[1]));
    }
}

/// Mean of values, and the root of their variance (of the sample) plus `extra` squared.
pub(crate) fn moments(values: impl Iterator<Item = f64> + Clone, extra: f64) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance + extra * extra).sqrt())
}

/// The future of a run as a model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Times, as fractions of the planned run.
    pub progress: Vec<f64>,
    /// Train loss.
    pub train_loss: Spread,
    /// Learning rate: the schedule asked about, or what the paper's model expects to follow.
    pub learning_rate: Vec<f64>,
    /// Validation metric.
    pub validation: Spread,
    /// Why the forecast is beyond what the model has seen, if it is: it then holds for the nearest that it has seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outside_experience: Option<String>,
    /// The final metric: mean, low and high, where low and high also contain the error that held-out runs had.
    pub final_validation: Interval,
}

impl Forecast {
    fn is_finite(&self) -> bool {
        let Interval { mean, low, high } = self.final_validation;
        let spreads = [&self.train_loss, &self.validation];
        let curves = spreads.into_iter().flat_map(|spread| [&spread.mean, &spread.low, &spread.high]);
        let mut curves = curves.chain([&self.learning_rate]).flatten().chain([&mean, &low, &high]);
        curves.all(|value| value.is_finite())
    }
}

/// A number with the range of one standard deviation around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    pub(crate) fn natural(column: &Column, expected: &Expected) -> Self {
        let ends = [column.possible(expected.within_68.0), column.possible(expected.within_68.1)];
        Self { mean: column.possible(expected.mean), low: ends[0].min(ends[1]), high: ends[0].max(ends[1]) }
    }
}

/// Points of a forecast.
const POINTS: usize = 101;

impl Model {
    /// Forecasts the rest of a run from its points so far.
    ///
    /// The controlled model answers for `schedule`, and then needs no points at all. The paper's model expects what usually
    /// follows such points, whatever schedule that implies; it needs at least one point and no schedule.
    ///
    /// # Errors
    /// If the controlled model gets no schedule, the paper's gets no points with anything measured, the run is over, or the model
    /// is one whose forecasts are no numbers.
    ///
    /// ```no_run
    /// use lodecast::{Model, Point, Schedule};
    /// let model = Model::load("model.lode")?;
    /// let observed = [Point::new(100).train_loss(2.1).learning_rate(1e-3).validation(0.31)];
    /// let forecast = model.forecast(&observed, 23_400, Some(&Schedule::cosine(1e-3)))?;
    /// println!("{:.3} ± {:.3}", forecast.final_validation.mean, forecast.final_validation.high - forecast.final_validation.mean);
    /// # Ok::<(), lodecast::Error>(())
    /// ```
    pub fn forecast(&self, observed: &[Point], total_steps: u64, schedule: Option<&Schedule>) -> Result<Forecast> {
        let now = observed.last().map_or(0.0, |point| point.step as f64 / total_steps.max(1) as f64);
        if now >= 1.0 {
            return Err(Error::Window {
                reason: format!(
                    "its last step is {}, and the run is planned for {total_steps}",
                    now * total_steps as f64
                ),
            });
        }
        let mut forecast = self.form().forecast(observed, total_steps, now, schedule)?;
        // Finite parameters can be so large that what they lead to is not.
        if !forecast.is_finite() {
            return Err(Error::NotFinite { what: "a run" });
        }
        forecast.outside_experience = schedule
            .and_then(|schedule| self.experience().unknown_schedule(schedule))
            .or_else(|| self.objection(&Run::observed(observed, total_steps).ok()?, 0));
        Ok(forecast)
    }
}

/// Deviations beyond which a run is outside the model's experience.
pub(crate) const FAR: f64 = 3.0;

impl Model {
    /// Why a run is beyond what the model has seen, if it is: by its settings, its length, or by what it has come to; `seen` is the run
    /// until now, its metric the column number `metric`.
    pub(crate) fn objection(&self, seen: &Run, metric: usize) -> Option<String> {
        let conditions = &self.experience().conditions;
        conditions
            .unknown_settings(&seen.attributes)
            .or_else(|| conditions.unknown_length(seen.total_steps()))
            .or_else(|| self.form().objection(seen, metric, FAR))
    }
}

/// Times of a forecast.
pub(super) fn grid(from: f64) -> Vec<f64> {
    (0..POINTS).map(|k| from + (1.0 - from) * k as f64 / (POINTS - 1) as f64).collect()
}
