//! Validation metrics: a name, and which way is better.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Whether a larger or a smaller value of a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Larger is better (accuracy, F1, BLEU).
    Max,
    /// Smaller is better (a loss, an error rate, perplexity).
    Min,
}

impl Direction {
    /// Is `a` strictly better than `b`? NaN is never better.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        match self {
            Direction::Max => a > b,
            Direction::Min => a < b,
        }
    }

    /// The sign that turns the metric into a reward: `+1` for [`Direction::Max`].
    pub fn sign(self) -> f64 {
        match self {
            Direction::Max => 1.0,
            Direction::Min => -1.0,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Max => "max",
            Direction::Min => "min",
        })
    }
}

/// Words in the names of metrics that lie between 0 and 1, or 0 and 100 per cent.
const SHARES: [&str; 16] = [
    "acc",
    "f1",
    "auc",
    "auroc",
    "precision",
    "recall",
    "iou",
    "dice",
    "bleu",
    "rouge",
    "top",
    "percent",
    "map",
    "ssim",
    "exact_match",
    "correct",
];

/// A validation metric: its name and the direction in which it is better.
///
/// ```
/// use lodecast::{Direction, Metric};
/// let metric: Metric = "val_accuracy:max".parse()?;
/// assert_eq!(metric.direction, Direction::Max);
/// assert!("val_accuracy".parse::<Metric>().is_err(), "a direction is never guessed");
/// # Ok::<(), lodecast::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// Name, as in the column of a sweep file.
    pub name: String,
    /// Which way is better.
    pub direction: Direction,
}

impl Metric {
    /// A metric of the given name and direction.
    pub fn new(name: impl Into<String>, direction: Direction) -> Self {
        Self { name: name.into(), direction }
    }

    /// Does its name say that it lies between 0 and 1, or 0 and 100 per cent?
    pub(crate) fn is_share(&self) -> bool {
        let name = self.name.to_lowercase();
        name.contains('%') || SHARES.iter().any(|word| name.contains(word))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.direction)
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, direction) = match text.rsplit_once(':') {
            Some((name, "max")) => (name, Direction::Max),
            Some((name, "min")) => (name, Direction::Min),
            _ => return Err(Error::MetricDirection { metric: text.to_owned() }),
        };
        if name.is_empty() {
            return Err(Error::MetricDirection { metric: text.to_owned() });
        }
        Ok(Self::new(name, direction))
    }
}
