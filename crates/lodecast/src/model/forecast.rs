//! What a forecast is: the future of a run, with its spread.

use serde::{Deserialize, Serialize};

use super::expected::{Expected, moments};
use super::scaler::Column;

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

/// The future of a run as a model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
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
    pub(super) fn is_finite(&self) -> bool {
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

/// Times of a forecast.
pub(super) fn grid(from: f64) -> Vec<f64> {
    (0..POINTS).map(|k| from + (1.0 - from) * k as f64 / (POINTS - 1) as f64).collect()
}
