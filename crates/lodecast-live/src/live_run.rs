//! [`LiveRun`]: the decisions about one run. Points come in as they are logged, and now and then the rest is planned anew.

use std::cmp::Ordering;
use std::sync::Arc;

use lodecast::{
    Candidate, Forecast, Interval, Knot, Model, Plan, Planner, PlannerSettings, Point, Prediction, RateRange, Replan,
    Schedule, Situation,
};
use serde::{Deserialize, Serialize};

use crate::adherence::{Adherence, Departure, Planned, Turn};
use crate::error::{Error, Result};
use crate::knots;
use crate::points::{for_planning, is_unsound, stride};
use crate::rates_file::RatesFile;
use crate::state::LiveRunState;

/// A change is announced at most this fraction of the run ahead.
const FARTHEST_AHEAD: f64 = 0.05;
/// A forecast is made whenever the run has come this fraction of its length farther.
const FORECAST_EVERY: f64 = 0.05;
/// Candidates without a schedule that are kept of a plan, for those who ask why.
const KEPT_CANDIDATES: usize = 24;

/// What can be chosen about a run under way.
#[derive(Clone, Debug)]
pub struct LiveRunSettings {
    /// Planned length of the run in optimizer steps.
    pub total_steps: u64,
    /// The schedule in force before anything is decided; by default the run's own, or that of the sweep's best configuration.
    pub in_force: Option<Schedule>,
    /// Seed of the planner's candidates.
    pub seed: u64,
    /// When to replan; by default [`Replan::default_for`] the kind of model.
    pub replan: Option<Replan>,
    /// Settings of the planner; by default the measured ones.
    pub planner: Option<PlannerSettings>,
    /// How many steps ahead a change is announced; by default as many as are taken between two looks.
    pub lead: Option<u64>,
}

impl LiveRunSettings {
    /// The default settings of a run of `total_steps`.
    pub fn new(total_steps: u64) -> Self {
        Self { total_steps, in_force: None, seed: 0, replan: None, planner: None, lead: None }
    }
}

/// One decision: the schedule changed or was kept, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Counts the decisions, from 1.
    pub revision: u64,
    /// Last step that had been seen; none before the start.
    pub at_step: Option<u64>,
    /// First step at which the schedule may differ from the one before.
    pub effective_from_step: u64,
    /// Did the schedule change?
    pub changed: bool,
    /// Why.
    pub reason: String,
    /// The whole schedule.
    pub knots: Vec<Knot>,
    /// What the run is predicted to end at under it; the interval holds two of three runs.
    pub predicted: Option<Interval>,
    /// What was weighed: the best, and some of the others.
    pub candidates: Vec<Candidate>,
    /// How many were weighed.
    pub weighed: usize,
    /// How many of them were rejected.
    pub rejected: usize,
}

/// A forecast as it was made: it is never drawn again with what came later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeForecast {
    /// Last step that had been seen; none before the start.
    pub at_step: Option<u64>,
    /// Revision of the schedule that it is made for.
    pub revision: u64,
    /// The end of the run.
    pub predicted: Interval,
    /// The course until then.
    pub course: Forecast,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
// They are few.
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// It was decided.
    Decided(Decision),
    /// A forecast was made.
    Forecast(Interval),
    /// The training does not follow the plan.
    NotFollowed(Departure),
    /// It follows it again, as of this step.
    FollowedAgain(u64),
    /// The training went back to this step: until it is beyond what had been seen, the schedule stays.
    WentBack(u64),
    /// Another training began in the same log.
    BeganAnew,
    /// What was measured at this step is not finite: nothing is planned from it.
    Unsound(u64),
}

/// The decisions about one run: fed with its points, it says which learning rates to set.
///
/// Whatever happens, rates are within the range of the model's sweep, a change lies ahead of every step that was seen, and a plan
/// that fails keeps the schedule in force and says why.
#[derive(Clone, Debug)]
pub struct LiveRun {
    model: Arc<Model>,
    planner: Planner,
    replan: Replan,
    seed: u64,
    lead: Option<u64>,
    limits: RateRange,
    state: LiveRunState,
}

impl LiveRun {
    /// A run of which nothing was decided yet. `observed` tells which schedule it follows of its own accord, if it has begun.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn begin(model: Model, settings: LiveRunSettings, own_schedule: Option<Schedule>) -> Result<Self> {
        let best = || model.experience().best_configuration().schedule.clone();
        let in_force = settings.in_force.clone().or(own_schedule).unwrap_or_else(best);
        in_force.check()?;
        let knots = knots::of(&in_force, limits(&model));
        let state = LiveRunState {
            version: LiveRunState::VERSION,
            fingerprint: model.fingerprint().to_owned(),
            run: String::new(),
            total_steps: settings.total_steps,
            knots_before: knots.clone(),
            knots,
            decisions: Vec::new(),
            forecasts: Vec::new(),
            last_step: None,
            occasions: 0,
            replans: 0,
            changed_at: 0,
            advance: 0,
            first: None,
            went_back: false,
            unsound: false,
            adherence: Adherence::default(),
            carried: Vec::new(),
            finished: false,
        };
        Self::with(model, settings, state)
    }

    /// Goes on from a saved state, with the same model.
    ///
    /// # Errors
    /// If the state is of another model, or of a run of another length.
    pub fn resume(model: Model, settings: LiveRunSettings, state: LiveRunState) -> Result<Self> {
        let undecided = |question: String, remedy: &str| Error::Undecided {
            place: "the run's state".to_owned(),
            question,
            remedy: remedy.to_owned(),
        };
        if model.fingerprint() != state.fingerprint {
            return Err(undecided(
                format!("it was decided with model {}, and this one is {}", state.fingerprint, model.fingerprint()),
                "give that model, or move the file of rates and its state away to begin anew",
            ));
        }
        if settings.total_steps != state.total_steps {
            return Err(undecided(
                format!("the run was planned for {} steps, not {}", state.total_steps, settings.total_steps),
                "give that length, or move the file of rates and its state away to begin anew",
            ));
        }
        Self::with(model, settings, state)
    }

    fn with(model: Model, settings: LiveRunSettings, state: LiveRunState) -> Result<Self> {
        if settings.total_steps == 0 {
            let remedy = "give the planned number of optimizer steps";
            return Err(lodecast::Error::Setting { name: "total_steps", value: "0".to_owned(), remedy }.into());
        }
        let forecaster: lodecast::Forecaster = model.clone().into();
        let replan = settings.replan.unwrap_or_else(|| Replan::default_for(&forecaster));
        let planner_settings = settings.planner.unwrap_or_else(|| PlannerSettings::default_for(&forecaster));
        let planner = Planner::new(forecaster, planner_settings)?;
        let limits = limits(&model);
        Ok(Self { model: Arc::new(model), planner, replan, seed: settings.seed, lead: settings.lead, limits, state })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Everything that its further decisions depend on.
    pub fn state(&self) -> &LiveRunState {
        &self.state
    }

    /// Says which run of the log it is, which of its points are in the log no longer, and whether it is at its end.
    pub fn set_circumstances(&mut self, run: &str, carried: &[Point], finished: bool) {
        run.clone_into(&mut self.state.run);
        self.state.carried = carried.to_vec();
        self.state.finished = finished;
    }

    /// Learning rate for an optimizer step.
    pub fn learning_rate(&self, step: u64) -> f64 {
        Knot::learning_rate_at(&self.state.knots, step as f64 / self.state.total_steps as f64)
    }

    /// The file of rates as it should be now; `None` before anything was decided.
    pub fn rates_file(&self) -> Option<RatesFile> {
        let state = &self.state;
        let last = state.decisions.last()?;
        Some(RatesFile {
            format: RatesFile::FORMAT,
            run: state.run.clone(),
            revision: last.revision,
            effective_from_step: last.effective_from_step,
            total_steps: state.total_steps,
            knots: state.knots.clone(),
            metric: self.model.metric().to_string(),
            predicted: state.forecasts.last().map(|forecast| forecast.predicted).or(last.predicted),
            reason: last.reason.clone(),
            last_seen_step: state.last_step,
            not_followed: state.adherence.departure,
            finished: state.finished,
        })
    }

    /// The step of the next occasion to replan, where that is known.
    pub fn next_decision(&self) -> Option<u64> {
        let (total, last) = (self.state.total_steps, self.state.last_step.unwrap_or(0));
        if let Replan::EveryPoints(_) = self.replan {
            return None;
        }
        let occasions = |step: u64| self.replan.occasions(step as f64 / total as f64, 0);
        let (mut low, mut high) = (last, total.saturating_sub(1));
        if occasions(high) <= self.state.occasions {
            return None;
        }
        // The first step with more occasions than are over.
        while low < high {
            let middle = low + (high - low) / 2;
            if occasions(middle) > self.state.occasions { high = middle } else { low = middle + 1 }
        }
        Some(low)
    }

    /// Takes in all points of the run so far, decides if it is time to, and says what happened. Called again with the same points it
    /// does nothing.
    pub fn observe(&mut self, points: &[Point]) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(last) = points.last().copied() {
            if self.began_anew(points) {
                events.push(Event::BeganAnew);
            }
            let seen = self.state.last_step;
            if seen.is_some_and(|seen| last.step < seen) {
                if !self.state.went_back {
                    self.state.went_back = true;
                    events.push(Event::WentBack(last.step));
                }
                return events;
            }
            self.state.went_back = false;
            if let Some(seen) = seen.filter(|&seen| last.step > seen) {
                self.state.advance = last.step - seen;
            }
            self.state.last_step = Some(last.step);
            events.extend(self.compare(points));
            let unsound = is_unsound(&last);
            if unsound && !self.state.unsound {
                events.push(Event::Unsound(last.step));
            }
            self.state.unsound = unsound;
            if unsound && !self.state.decisions.is_empty() {
                // The occasion to replan is not lost: it waits for a sound point.
                return events;
            }
        }
        let known = for_planning(points, &self.state.knots, self.state.total_steps);
        let mut decided = self.decide(points, &known);
        if decided.is_none() && !self.is_forecast_due() {
            return events;
        }
        let revision = decided.as_ref().map_or(self.state.decisions.len() as u64, |decision| decision.revision);
        let made = self.forecast(&known, revision);
        if let Some(decision) = &mut decided {
            decision.predicted = made.as_ref().map(|made| made.predicted).or(decision.predicted);
            self.state.decisions.push(decision.clone());
        } else if let Some(made) = &made {
            events.push(Event::Forecast(made.predicted));
        }
        events.extend(decided.map(Event::Decided));
        self.state.forecasts.extend(made);
        events
    }

    /// Forecasts the run under another schedule from `from_step` on, without deciding anything.
    ///
    /// # Errors
    /// If the schedule is not usable, or the model can say nothing about it.
    pub fn what_if(&self, points: &[Point], knots_from_here: &[Knot], from_step: u64) -> Result<Forecast> {
        let state = &self.state;
        let asked = Schedule::PiecewiseLinear { knots: knots_from_here.to_vec() };
        asked.check()?;
        let at = from_step as f64 / state.total_steps as f64;
        let knots = knots::joined(&state.knots, at.min(1.0), &knots::of(&asked, self.limits));
        let known = for_planning(points, &state.knots, state.total_steps);
        Ok(self.model.forecast(&known, state.total_steps, Some(&Schedule::PiecewiseLinear { knots }))?)
    }

    /// First step from which a change may apply.
    pub fn earliest_change(&self, points: &[Point]) -> u64 {
        let Some(last) = self.state.last_step else { return 0 };
        let farthest = (FARTHEST_AHEAD * self.state.total_steps as f64) as u64;
        let lead = self.lead.unwrap_or_else(|| (2 * stride(points)).max(self.state.advance).min(farthest));
        last.saturating_add(lead.max(1))
    }

    /// Forgets what was seen if the log holds another training than it did.
    fn began_anew(&mut self, points: &[Point]) -> bool {
        let loss = |point: &Point| Some((point.step, point.train_loss.or(point.validation)?));
        // The last point may still change.
        let settled = points.len().saturating_sub(1);
        let Some(first) = points[..settled].iter().find_map(loss) else { return false };
        let known = *self.state.first.get_or_insert(first);
        let goes_back = self.state.last_step.zip(points.last()).is_some_and(|(seen, last)| last.step < seen);
        let is_another = match first.0.cmp(&known.0) {
            Ordering::Equal => first.1.to_bits() != known.1.to_bits(),
            // A sample that came late, unless the log ends earlier too.
            Ordering::Less => goes_back,
            Ordering::Greater => false,
        };
        if !is_another || self.state.last_step.is_none() {
            self.state.first = Some(if first.0 < known.0 { first } else { known });
            return false;
        }
        let state = &mut self.state;
        (state.first, state.last_step, state.occasions, state.advance) = (Some(first), None, 0, 0);
        state.adherence.restart();
        true
    }

    fn compare(&mut self, points: &[Point]) -> Option<Event> {
        let state = &mut self.state;
        let from_step = state.decisions.first()?.effective_from_step;
        let lead = state.advance.max(stride(points));
        let planned = Planned {
            knots: &state.knots,
            before: &state.knots_before,
            from_step,
            changed_at: state.changed_at,
            grace: 2 * lead,
            total_steps: state.total_steps,
            stride: stride(points),
        };
        state.adherence.compare(points, &planned).map(|turn| match turn {
            Turn::Departed(departure) => Event::NotFollowed(departure),
            Turn::Returned(step) => Event::FollowedAgain(step),
        })
    }

    /// Plans if it is time to. What the run is predicted to end at by a forecast is left to the caller.
    fn decide(&mut self, points: &[Point], known: &[Point]) -> Option<Decision> {
        let total = self.state.total_steps;
        let effective = self.earliest_change(points);
        let now = self.state.last_step.unwrap_or(0) as f64 / total as f64;
        let occasions = self.replan.occasions(now, points.len() as u64);
        let is_due = occasions > self.state.occasions && effective < total;
        let revision = self.state.decisions.len() as u64 + 1;
        if !is_due && revision > 1 {
            return None;
        }
        let mut decision = Decision {
            revision,
            at_step: self.state.last_step,
            effective_from_step: effective,
            changed: false,
            reason: "the schedule that the run starts with".to_owned(),
            knots: Vec::new(),
            predicted: None,
            candidates: Vec::new(),
            weighed: 0,
            rejected: 0,
        };
        if is_due && (self.planner.plans_ahead() || !known.is_empty()) {
            self.state.occasions = occasions;
            self.plan(known, &mut decision);
        }
        decision.knots.clone_from(&self.state.knots);
        Some(decision)
    }

    /// Plans the rest from `decision.effective_from_step` on, and puts a changed schedule in force.
    fn plan(&mut self, known: &[Point], decision: &mut Decision) {
        let total = self.state.total_steps;
        let effective = decision.effective_from_step as f64 / total as f64;
        let in_force = Schedule::PiecewiseLinear { knots: self.state.knots.clone() };
        // The paper's model finds the present among its curves: that is where the points end.
        let present = known.last().map_or(0.0, |point| point.step as f64 / total as f64);
        let now = if self.planner.plans_ahead() { effective } else { present };
        let replan = self.state.replans;
        let situation =
            Situation { observed: known, total_steps: total, now, in_force: &in_force, seed: self.seed, replan };
        self.state.replans += 1;
        match self.planner.plan(&situation) {
            Ok(plan) => {
                decision.reason.clone_from(&plan.reason);
                decision.changed = plan.changed;
                decision.predicted = plan.prediction.map(in_an_interval);
                (decision.weighed, decision.rejected) = (plan.candidates.len(), plan.rejected());
                if plan.changed {
                    let joined = knots::joined(&self.state.knots, effective, &knots::of(&plan.schedule, self.limits));
                    self.state.knots_before = std::mem::replace(&mut self.state.knots, joined);
                    self.state.changed_at = decision.effective_from_step;
                }
                decision.candidates = worth_keeping(plan);
            }
            Err(error) => decision.reason = error.to_string(),
        }
    }

    fn is_forecast_due(&self) -> bool {
        let step = |forecast: &MadeForecast| forecast.at_step.unwrap_or(0);
        let every = (FORECAST_EVERY * self.state.total_steps as f64).max(1.0) as u64;
        let last = self.state.forecasts.last().map(step);
        self.state.last_step.zip(last).is_some_and(|(now, last)| now >= last.saturating_add(every))
    }

    /// Forecasts the run under the schedule in force, which is that of `revision`.
    fn forecast(&self, known: &[Point], revision: u64) -> Option<MadeForecast> {
        let schedule = Schedule::PiecewiseLinear { knots: self.state.knots.clone() };
        let course = self.model.forecast(known, self.state.total_steps, Some(&schedule)).ok()?;
        Some(MadeForecast { at_step: self.state.last_step, revision, predicted: course.final_validation, course })
    }
}

/// The rates that runs of the model's sweep have borne.
fn limits(model: &Model) -> RateRange {
    let RateRange { lowest, highest } = model.experience().learning_rates;
    RateRange { lowest: lowest.max(f64::MIN_POSITIVE), highest }
}

fn in_an_interval(prediction: Prediction) -> Interval {
    let Prediction { metric, spread } = prediction;
    Interval { mean: metric, low: metric - spread, high: metric + spread }
}

/// Those of a plan's candidates that have a schedule, and the best of the others.
fn worth_keeping(plan: Plan) -> Vec<Candidate> {
    let mut candidates = plan.candidates;
    let score = |candidate: &Candidate| candidate.score.map_or(f64::NEG_INFINITY, |score| score.total);
    // Stable: of equals the earlier one stays first.
    candidates.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let mut others = 0;
    candidates.retain(|candidate| {
        others += usize::from(candidate.schedule.is_none());
        candidate.schedule.is_some() || others <= KEPT_CANDIDATES
    });
    candidates
}
