//! [`Alert`]: what about a run needs somebody's attention.

use std::fmt;

use lodecast::{Direction, Interval, Point};
use serde::Serialize;

use crate::adherence::Departure;
use crate::live_run::LiveRun;
use crate::points::is_unsound;
use crate::subject::Subject;
use crate::words::{interval_in_words, steps};

/// Before this fraction of a run nothing is said about its end.
const GRACE: f64 = 0.3;
/// Deviations of a normal distribution beyond which one value in twenty lies, to one side.
const HARDLY: f64 = 1.645;

/// Something about a run that needs attention.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Alert {
    /// Its log cannot be read now.
    Waiting {
        /// Why.
        reason: String,
    },
    /// What was measured last is not finite.
    Diverging {
        /// The step.
        step: u64,
    },
    /// The training does not follow the plan.
    NotFollowed(Departure),
    /// It is not as the runs are that the model learned from: what is forecast of it is not to be relied on.
    Unfamiliar {
        /// How it differs.
        reason: String,
    },
    /// Nothing can be forecast of what was measured.
    NoForecast {
        /// Why.
        reason: String,
    },
    /// It reaches the target with a probability below one in twenty.
    WillNotReachTarget {
        /// What it should end at.
        target: f64,
        /// What it is predicted to end at.
        predicted: Interval,
    },
    /// It beats the best run of the model's sweep with a probability below one in twenty.
    BetterStop {
        /// What the best ended at.
        best: f64,
        /// What this one is predicted to end at.
        predicted: Interval,
    },
}

impl Alert {
    /// The name of its kind, as in its JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Diverging { .. } => "diverging",
            Self::NotFollowed(_) => "not-followed",
            Self::Unfamiliar { .. } => "unfamiliar",
            Self::NoForecast { .. } => "no-forecast",
            Self::WillNotReachTarget { .. } => "will-not-reach-target",
            Self::BetterStop { .. } => "better-stop",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { reason } => write!(f, "waiting: {reason}"),
            Self::Diverging { step } => {
                write!(f, "diverging: what was measured at step {} is not finite", steps(*step))
            }
            Self::NotFollowed(departure) => write!(
                f,
                "not followed: since step {} the training sets {:.3e} where {:.3e} is planned",
                steps(departure.since_step),
                departure.logged,
                departure.planned
            ),
            Self::Unfamiliar { reason } => write!(f, "unlike the runs that were learned from: {reason}"),
            Self::NoForecast { reason } => write!(f, "no forecast: {reason}"),
            Self::WillNotReachTarget { target, predicted } => {
                write!(f, "will not reach the target {target}: ends at {}", interval_in_words(predicted))
            }
            Self::BetterStop { best, predicted } => write!(
                f,
                "better stop: ends at {}, which hardly beats the best run of the sweep ({best:.4})",
                interval_in_words(predicted)
            ),
        }
    }
}

/// What about a run needs attention; `absent` says why its log cannot be read now, if so.
pub fn alerts(run: &LiveRun, points: &[Point], absent: Option<&str>) -> Vec<Alert> {
    alerts_of(&run.subject(points), points, absent)
}

pub(crate) fn alerts_of(subject: &Subject<'_>, points: &[Point], absent: Option<&str>) -> Vec<Alert> {
    let state = subject.state;
    let mut alerts = Vec::new();
    alerts.extend(absent.map(|reason| Alert::Waiting { reason: reason.to_owned() }));
    alerts.extend(state.adherence.departure.map(Alert::NotFollowed));
    if state.unsound || points.last().is_some_and(is_unsound) {
        alerts.extend(state.last_step.map(|step| Alert::Diverging { step }));
    }
    if let Some(reason) = state.no_forecast.clone().filter(|_| !state.finished) {
        alerts.push(Alert::NoForecast { reason });
        return alerts;
    }
    let progress = state.last_step.unwrap_or(0) as f64 / state.total_steps as f64;
    // Only what was forecast from the run itself speaks about it.
    let Some(forecast) = state.forecasts.last().filter(|forecast| forecast.at_step.is_some()) else { return alerts };
    if state.finished {
        return alerts;
    }
    let outside = forecast.course.as_ref().and_then(|course| course.outside_experience.clone());
    alerts.extend(outside.map(|reason| Alert::Unfamiliar { reason }));
    if progress < GRACE {
        return alerts;
    }
    // What it would end at if its schedule were followed says nothing about a training that goes its own way.
    if state.adherence.departure.is_some() {
        return alerts;
    }
    let predicted = forecast.predicted;
    let direction = subject.model.metric().direction;
    if let Some(target) = subject.target.filter(|&target| hardly_reaches(&predicted, target, direction)) {
        alerts.push(Alert::WillNotReachTarget { target, predicted });
    }
    let best = subject.model.experience().best_configuration().final_metric;
    if hardly_reaches(&predicted, best, direction) {
        alerts.push(Alert::BetterStop { best, predicted });
    }
    alerts
}

/// Is the value as good as `wanted` with a probability below one in twenty? The deviation towards it counts.
fn hardly_reaches(predicted: &Interval, wanted: f64, direction: Direction) -> bool {
    let (short, deviation) = match direction {
        Direction::Max => (wanted - predicted.mean, predicted.high - predicted.mean),
        Direction::Min => (predicted.mean - wanted, predicted.mean - predicted.low),
    };
    short > 0.0 && short > HARDLY * deviation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_far_beyond_the_interval_is_hardly_reached() {
        let predicted = Interval { mean: 0.90, low: 0.88, high: 0.91 };
        assert!(
            !hardly_reaches(&predicted, 0.89, Direction::Max) && !hardly_reaches(&predicted, 0.915, Direction::Max)
        );
        assert!(hardly_reaches(&predicted, 0.92, Direction::Max));
        assert!(!hardly_reaches(&predicted, 0.87, Direction::Min) && hardly_reaches(&predicted, 0.86, Direction::Min));
        let unknown = Interval { mean: f64::NAN, low: f64::NAN, high: f64::NAN };
        assert!(!hardly_reaches(&unknown, 0.5, Direction::Max));
    }
}
