//! [`LiveRun`]: the decisions about one run. Points come in as they are logged, and now and then the rest is planned anew.

use std::cmp::Ordering;
use std::sync::Arc;

use lodecast::{Forecast, Knot, Model, Planner, PlannerSettings, Point, RateRange, Replan, Schedule, Situation};

use crate::decision::Decision;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::history::limits;
use crate::knots;
use crate::points::{for_planning, stride};
use crate::rates_file::RatesFile;
use crate::state::{LiveRunState, ScheduleOrigin};
use crate::subject::Subject;

/// A change is announced at most this fraction of the run ahead.
const FARTHEST_AHEAD: f64 = 0.05;

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
    /// What the run should end at: that it hardly will is alerted.
    pub target: Option<f64>,
}

impl LiveRunSettings {
    /// The default settings of a run of `total_steps`.
    pub fn new(total_steps: u64) -> Self {
        Self { total_steps, in_force: None, seed: 0, replan: None, planner: None, lead: None, target: None }
    }
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
    target: Option<f64>,
    state: LiveRunState,
}

impl LiveRun {
    /// A run of which nothing was decided yet. `observed` tells which schedule it follows of its own accord, if it has begun.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn begin(model: Model, settings: LiveRunSettings, own_schedule: Option<Schedule>) -> Result<Self> {
        let best = || model.experience().best_configuration().schedule.clone();
        let origin = match (&settings.in_force, &own_schedule) {
            (None, Some(Schedule::PiecewiseLinear { .. })) => ScheduleOrigin::Recorded,
            _ => ScheduleOrigin::Given,
        };
        let in_force = settings.in_force.clone().or(own_schedule).unwrap_or_else(best);
        in_force.check()?;
        let knots = knots::of(&in_force, limits(&model));
        let start = LiveRunState::of_the_start(model.fingerprint(), settings.total_steps, knots);
        let state = LiveRunState { origin, ..start };
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
        Ok(Self {
            model: Arc::new(model),
            planner,
            replan,
            seed: settings.seed,
            lead: settings.lead,
            limits,
            target: settings.target,
            state,
        })
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
        self.state.rates_file(self.model.metric())
    }

    /// The step of the next occasion to replan, where that is known.
    pub fn next_decision(&self) -> Option<u64> {
        self.state.next_occasion(&self.replan, self.state.occasions)
    }

    /// The run as it is shown.
    pub(crate) fn subject(&self, points: &[Point]) -> Subject<'_> {
        Subject {
            model: &self.model,
            state: &self.state,
            next_decision: self.next_decision(),
            earliest_change: self.earliest_change(points),
            target: self.target,
            limits: self.limits,
            may_choose: false,
        }
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
            events.extend(self.state.arrive(&last, points));
            if self.state.unsound && !self.state.decisions.is_empty() {
                // The occasion to replan is not lost: it waits for a sound point.
                return events;
            }
        }
        let known = for_planning(points, &self.state.knots, self.state.total_steps);
        events.extend(match self.decide(points, &known) {
            Some(decision) => Some(Event::Decided(self.state.record(decision, &self.model, &known))),
            None => self.state.forecast_between(&self.model, &known),
        });
        events
    }

    /// Forecasts the run under another schedule from `from_step` on, without deciding anything.
    ///
    /// # Errors
    /// If the schedule is not usable, or the model can say nothing about it.
    pub fn what_if(&self, points: &[Point], knots_from_here: &[Knot], from_step: u64) -> Result<Forecast> {
        self.state.what_if(&self.model, points, knots_from_here, from_step, self.limits)
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

    /// Plans if it is time to. The decision is still to be recorded.
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
        let mut decision = Decision::of_the_start(revision, self.state.last_step, effective);
        if is_due && (self.planner.plans_ahead() || !known.is_empty()) {
            self.state.occasions = occasions;
            self.plan(known, &mut decision);
        }
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
        let (replan, picked) = (self.state.replans, self.state.origin == ScheduleOrigin::Planned);
        let situation = Situation {
            observed: known,
            total_steps: total,
            now,
            in_force: &in_force,
            seed: self.seed,
            replan,
            picked,
        };
        self.state.replans += 1;
        match self.planner.plan(&situation) {
            Ok(plan) => {
                if plan.is_weighed() {
                    self.state.origin = ScheduleOrigin::Planned;
                }
                if plan.changed {
                    let drawn = knots::of(&plan.schedule, self.limits);
                    self.state.change(&drawn, decision.effective_from_step);
                }
                decision.take(plan);
            }
            Err(error) => decision.reason = error.to_string(),
        }
    }
}
