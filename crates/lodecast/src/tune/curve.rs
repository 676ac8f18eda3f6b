//! What a trial or a run reported, as plain data that keeps values that are not finite: a diverged run is a result.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Attributes, Point, Result, Run, Schedule};

/// Times at which a schedule is written into a run that did not record its rates.
const DRAWN: u64 = 128;

/// Columns over the points of a run with one metric.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Curve {
    steps: Vec<u64>,
    train_loss: Vec<Value>,
    learning_rate: Vec<Value>,
    metric: Vec<Value>,
}

impl Curve {
    /// From metric column `column` of a run.
    pub(crate) fn of(run: &Run, column: usize) -> Self {
        let values = |values: &[Option<f64>]| values.iter().copied().map(Value).collect();
        Self {
            steps: run.steps().to_vec(),
            train_loss: values(run.train_loss()),
            learning_rate: values(run.learning_rate()),
            metric: values(run.validation(column)),
        }
    }

    /// The run with this curve. Where no rate was recorded, it has those of `schedule`.
    pub(crate) fn run(&self, id: &str, attributes: Attributes, schedule: Option<&Schedule>) -> Result<Run> {
        let recorded = self.learning_rate.iter().any(|value| value.0.is_some());
        let total_steps = attributes.total_steps.unwrap_or_else(|| self.last_step());
        let run = match schedule.filter(|_| !recorded) {
            None => self.columns(id)?,
            Some(schedule) => self.drawn(id, schedule, total_steps)?,
        };
        Ok(run.with_attributes(attributes))
    }

    fn columns(&self, id: &str) -> Result<Run> {
        let values = |values: &[Value]| values.iter().map(|value| value.0).collect();
        let [train_loss, learning_rate, metric] =
            [&self.train_loss, &self.learning_rate, &self.metric].map(|column| values(column));
        Run::from_columns(id, self.steps.clone(), train_loss, learning_rate, vec![metric])
    }

    /// With the rates of a schedule at the points and, so that few points make no other schedule of it, at times between.
    fn drawn(&self, id: &str, schedule: &Schedule, total_steps: u64) -> Result<Run> {
        let last = self.last_step();
        let mut steps: Vec<u64> =
            (0..=DRAWN).map(|k| (u128::from(k) * u128::from(last) / u128::from(DRAWN)) as u64).collect();
        steps.extend(&self.steps);
        if let Schedule::PiecewiseLinear { knots } = schedule {
            steps.extend(knots.iter().map(|knot| (knot.progress * total_steps as f64).round() as u64));
        }
        steps.sort_unstable();
        steps.dedup();
        let mut run = Run::new(id, 1);
        for step in steps.into_iter().filter(|&step| step <= last) {
            let rate = Some(schedule.at_step(step, total_steps));
            match self.steps.binary_search(&step) {
                Ok(at) => run.push(step, self.train_loss[at].0, rate, &[self.metric[at].0])?,
                Err(_) => run.push(step, None, rate, &[None])?,
            }
        }
        Ok(run)
    }

    /// The last step, 0 if there is none.
    pub(crate) fn last_step(&self) -> u64 {
        self.steps.last().copied().unwrap_or(0)
    }

    /// Was the metric ever measured, or the loss lost?
    pub(crate) fn says_something(&self) -> bool {
        self.metric.iter().any(|value| value.0.is_some()) || self.diverged()
    }

    /// Is a value of loss or metric not finite?
    pub(crate) fn diverged(&self) -> bool {
        let lost = |value: &Value| value.0.is_some_and(|value| !value.is_finite());
        self.metric.iter().any(lost) || self.train_loss.iter().any(lost)
    }

    /// The last finite value of the metric.
    pub(crate) fn last_value(&self) -> Option<f64> {
        self.metric.iter().rev().find_map(|value| value.0.filter(|value| value.is_finite()))
    }

    /// The first thing in which two curves differ as far as both go. `None` if one goes on where the other ends.
    pub(crate) fn difference(&self, later: &Self) -> Option<String> {
        let both = self.steps.len().min(later.steps.len());
        for k in 0..both {
            if self.steps[k] != later.steps[k] {
                return Some(format!("point {k} was at step {} and is at {}", self.steps[k], later.steps[k]));
            }
            let columns = [
                ("the train loss", &self.train_loss, &later.train_loss),
                ("the learning rate", &self.learning_rate, &later.learning_rate),
                ("the metric", &self.metric, &later.metric),
            ];
            if let Some((name, before, now)) = columns.into_iter().find(|(_, before, now)| !before[k].is(now[k])) {
                return Some(format!("{name} at step {} was {} and is {}", self.steps[k], before[k], now[k]));
            }
        }
        None
    }

    /// Number of points.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Are the columns those of a run?
    pub(crate) fn check(&self) -> Result<()> {
        self.columns("checked").map(|_| ())
    }
}

/// What a trial reports.
///
/// Made from points, from a run, or from the final value alone, which is NaN if the run diverged. The law learns most from
/// whole curves; from final values alone it must be told the metric of an untrained network.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Report {
    /// Points of the run, in order.
    Points(Vec<Point>),
    /// The final value of the metric.
    Final(f64),
}

impl From<Vec<Point>> for Report {
    fn from(points: Vec<Point>) -> Self {
        Self::Points(points)
    }
}

impl From<f64> for Report {
    fn from(value: f64) -> Self {
        Self::Final(value)
    }
}

/// The run, by its first metric.
impl From<&Run> for Report {
    fn from(run: &Run) -> Self {
        Self::Points(run.points(0).collect())
    }
}

impl Report {
    /// The curve of a run of `total_steps`.
    pub(crate) fn curve(self, id: &str, total_steps: u64) -> Result<Curve> {
        let points = match self {
            Self::Points(points) => points,
            Self::Final(value) => vec![Point::new(total_steps).validation(value)],
        };
        Ok(Curve::of(&Run::from_points(id, points)?, 0))
    }
}

/// A value that may be missing, NaN or infinite, and stays so in JSON.
#[derive(Clone, Copy, Debug)]
struct Value(Option<f64>);

impl Value {
    /// Is it the same? NaN is NaN.
    fn is(self, other: Self) -> bool {
        match (self.0, other.0) {
            (Some(a), Some(b)) => a == b || a.is_nan() && b.is_nan(),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("missing"),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_none(),
            Some(value) if value.is_finite() => serializer.serialize_f64(value),
            Some(value) => serializer.collect_str(&value),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        Ok(Self(match Option::<Written>::deserialize(deserializer)? {
            None => None,
            Some(Written::Number(value)) => Some(value),
            Some(Written::Word(word)) => Some(word.parse().map_err(serde::de::Error::custom)?),
        }))
    }
}
