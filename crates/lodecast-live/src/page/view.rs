//! What the page shows of a run, as plain data.

use std::sync::Arc;

use lodecast::{Candidate, Direction, Forecast, Interval, ModelKind, Point, RateRange, Verdict};
use serde::{Serialize, Serializer};

use super::best::Best;
use super::decimate::{Curve, decimated};
use super::schedule_curve;
use crate::adherence::Departure;
use crate::alerts::alerts_of;
use crate::subject::Subject;
use crate::words::{interval_in_words, sentence_of};

/// Points of a curve at most.
const MOST: usize = 800;
/// Candidates that are listed.
const LISTED: usize = 16;

/// Everything on the page.
#[derive(Clone, Debug, Serialize)]
// Each is said of its own on the page.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct View {
    run: String,
    sentence: String,
    alerts: Vec<String>,
    metric: String,
    higher_is_better: bool,
    total_steps: u64,
    last_step: Option<u64>,
    next_decision: Option<u64>,
    earliest_change: u64,
    finished: bool,
    /// May a schedule be chosen, and does one that was chosen hold?
    may_choose: bool,
    by_hand: bool,
    limits: RateRange,
    not_followed: Option<Departure>,
    measured: Curve,
    train_loss: Curve,
    logged_rate: Curve,
    forecast: Option<Course>,
    /// Is the band of the forecast how far members of the model disagree? Else two of three runs are in it.
    band_of_members: bool,
    /// What it is predicted to end at; a pick's own words stand before those of the forecast that is drawn.
    predicted: Option<Interval>,
    #[serde(serialize_with = "what_is_shared")]
    best: Arc<Best>,
    schedule: Curve,
    /// What was weighed at the last decision, the best first, and which of it is drawn.
    rejected: Vec<Curve>,
    candidates: Vec<Weighed>,
    /// Are the candidates ordered by a score? Else they are by what is predicted of them.
    by_score: bool,
    decisions: Vec<Decided>,
    forecasts: Vec<Made>,
}

/// A forecast's course and end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Course {
    step: Vec<f64>,
    mean: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    predicted: Interval,
    in_words: String,
    outside_experience: Option<String>,
}

/// A candidate, in words.
#[derive(Clone, Debug, Serialize)]
struct Weighed {
    origin: String,
    verdict: &'static str,
    reason: Option<String>,
    mean: Option<f64>,
    spread: Option<f64>,
    /// That it is better than the best measured run.
    probability: Option<f64>,
    score: Option<f64>,
    /// What the score is made of: the first, less the others.
    reward: Option<f64>,
    pessimism: Option<f64>,
    edge: Option<f64>,
    distrust: Option<f64>,
    roughness: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct Decided {
    revision: u64,
    at_step: Option<u64>,
    effective_from_step: u64,
    changed: bool,
    by_hand: bool,
    reason: String,
    predicted: Option<String>,
    weighed: usize,
    rejected: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Made {
    at_step: Option<u64>,
    predicted: Interval,
    in_words: String,
}

impl Course {
    pub(crate) fn of(forecast: &Forecast, total_steps: u64) -> Self {
        let total = total_steps as f64;
        Self {
            step: forecast.progress.iter().map(|progress| progress * total).collect(),
            mean: forecast.validation.mean.clone(),
            low: forecast.validation.low.clone(),
            high: forecast.validation.high.clone(),
            predicted: forecast.final_validation,
            in_words: interval_in_words(&forecast.final_validation),
            outside_experience: forecast.outside_experience.clone(),
        }
    }
}

impl View {
    /// What is to be seen of a run; `absent` says why its log cannot be read now, if so.
    pub(crate) fn of(subject: &Subject<'_>, points: &[Point], absent: Option<&str>, best: Arc<Best>) -> Self {
        let Subject { model, state, .. } = *subject;
        let total_steps = state.total_steps;
        let last = state.decisions.last();
        let latest = state.forecasts.last().filter(|_| state.no_forecast.is_none());
        let forecast = latest.and_then(|made| made.course.as_ref());
        let curve = |of: fn(&Point) -> Option<f64>| {
            decimated(points.iter().filter_map(|point| Some((point.step as f64, of(point)?))), MOST)
        };
        let of_candidate = |candidate: &&Candidate| candidate.verdict != Verdict::Chosen;
        let candidates = || last.into_iter().flat_map(|decision| &decision.candidates);
        let direction = model.metric().direction;
        let from = last.map_or(0, |decision| decision.effective_from_step) as f64;
        let rejected = candidates().filter(of_candidate).filter_map(|candidate| candidate.schedule.as_ref());
        Self {
            run: state.run.clone(),
            sentence: sentence_of(subject, points),
            alerts: alerts_of(subject, points, absent).iter().map(ToString::to_string).collect(),
            metric: model.metric().name.clone(),
            higher_is_better: direction == Direction::Max,
            total_steps,
            last_step: state.last_step,
            next_decision: subject.next_decision,
            earliest_change: subject.earliest_change,
            finished: state.finished,
            may_choose: subject.may_choose,
            by_hand: state.chosen.is_some(),
            limits: subject.limits,
            not_followed: state.adherence.departure,
            measured: curve(|point| point.validation),
            train_loss: curve(|point| point.train_loss),
            logged_rate: curve(|point| point.learning_rate),
            forecast: forecast.map(|course| Course::of(course, total_steps)),
            band_of_members: model.kind() != ModelKind::Law,
            predicted: state.predicted(),
            best,
            schedule: schedule_curve::of_knots(&state.knots, total_steps),
            rejected: rejected.map(|schedule| schedule_curve::sampled(schedule, from, total_steps)).collect(),
            candidates: listed(candidates().collect(), direction).into_iter().map(weighed).collect(),
            by_score: candidates().any(|candidate| candidate.score.is_some()),
            decisions: state.decisions.iter().map(decided).collect(),
            forecasts: state
                .forecasts
                .iter()
                .map(|made| Made {
                    at_step: made.at_step,
                    predicted: made.predicted,
                    in_words: interval_in_words(&made.predicted),
                })
                .collect(),
        }
    }

    /// As the page takes it.
    pub(crate) fn to_json(&self) -> String {
        // Nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn what_is_shared<S: Serializer>(best: &Arc<Best>, serializer: S) -> Result<S::Ok, S::Error> {
    best.as_ref().serialize(serializer)
}

/// The candidates that are listed, the best first: by their score, where they have one, or else by what is predicted of them. Those that
/// were chosen are always among them.
fn listed(mut candidates: Vec<&Candidate>, direction: Direction) -> Vec<&Candidate> {
    let is_chosen = |candidate: &Candidate| candidate.verdict == Verdict::Chosen;
    let rank = |candidate: &Candidate| {
        let predicted = candidate.prediction.map(|prediction| match direction {
            Direction::Max => prediction.metric,
            Direction::Min => -prediction.metric,
        });
        let value = |value: Option<f64>| value.filter(|value| !value.is_nan()).unwrap_or(f64::NEG_INFINITY);
        (value(candidate.score.map(|score| score.total)), value(predicted))
    };
    candidates.sort_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    let chosen = candidates.iter().filter(|candidate| is_chosen(candidate)).count();
    let mut places = LISTED.saturating_sub(chosen);
    candidates.retain(|candidate| {
        let is_listed = is_chosen(candidate) || places > 0;
        places = places.saturating_sub(usize::from(!is_chosen(candidate)));
        is_listed
    });
    candidates
}

fn weighed(candidate: &Candidate) -> Weighed {
    let (verdict, reason) = match &candidate.verdict {
        Verdict::Chosen => ("chosen", None),
        Verdict::Accepted => ("possible", None),
        Verdict::Rejected { reason } => ("rejected", Some(reason.clone())),
    };
    let score = candidate.score;
    Weighed {
        origin: candidate.origin.to_string(),
        verdict,
        reason,
        mean: candidate.prediction.map(|prediction| prediction.metric),
        spread: candidate.prediction.map(|prediction| prediction.spread),
        probability: candidate.probability_better_than_best,
        score: score.map(|score| score.total),
        reward: score.map(|score| score.reward),
        pessimism: score.map(|score| score.pessimism),
        edge: score.map(|score| score.edge),
        distrust: score.map(|score| score.distrust),
        roughness: score.map(|score| score.roughness),
    }
}

fn decided(decision: &crate::decision::Decision) -> Decided {
    Decided {
        revision: decision.revision,
        at_step: decision.at_step,
        effective_from_step: decision.effective_from_step,
        changed: decision.changed,
        by_hand: decision.by_hand,
        reason: decision.reason.clone(),
        predicted: decision.predicted.as_ref().map(interval_in_words),
        weighed: decision.weighed,
        rejected: decision.rejected,
    }
}
