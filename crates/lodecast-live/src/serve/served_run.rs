//! [`ServedRun`]: a run whose points are told. The engine's scheduler decides, exactly as it would within the training.

use std::sync::Arc;

use lodecast::{Forecast, Forecaster, Knot, Point, RateRange, Replan, Schedule, Scheduler, SchedulerState};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, push};
use super::models::Hosted;
use super::settings::RunSettings;
use crate::decision::{Choice, Decision};
use crate::error::Result;
use crate::event::Event;
use crate::history::limits;
use crate::knots;
use crate::points::is_at_end;
use crate::rates_file::RatesFile;
use crate::state::LiveRunState;
use crate::subject::Subject;

/// From this fraction of a run on it is over when its next point would lie beyond its end.
const NEAR_THE_END: f64 = 0.97;

/// A schedule, and from which step on it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) from_step: u64,
    pub(crate) total_steps: u64,
    pub(crate) schedule: Schedule,
}

/// What a client is told: the file of rates, and the same without loss.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told {
    #[serde(flatten)]
    file: RatesFile,
    /// The schedules that hold one after the other; their rates are bounded by the two below.
    segments: Vec<Segment>,
    lowest: f64,
    highest: f64,
}

/// A run as plain data, from which it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    scheduler: SchedulerState,
    segments: Vec<Segment>,
    #[serde(default)]
    before_choice: Option<Segment>,
    history: LiveRunState,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct ServedRun {
    hosted: Arc<Hosted>,
    settings: RunSettings,
    scheduler: Scheduler,
    segments: Vec<Segment>,
    /// What a model that picks whole schedules had picked before somebody chose another.
    before_choice: Option<Segment>,
    history: LiveRunState,
    limits: RateRange,
}

impl ServedRun {
    /// A run before its first step, already planned where the model can.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub(crate) fn begin(id: &str, hosted: Arc<Hosted>, settings: RunSettings) -> Result<Self> {
        let mut builder = Scheduler::builder(hosted.forecaster.clone());
        builder = builder.total_steps(settings.total_steps).seed(settings.seed).range_factor(settings.range_factor);
        if let Some(start) = settings.start.clone() {
            builder = builder.start(start);
        }
        if let Some(replan) = settings.replan(&hosted.forecaster) {
            builder = builder.replan(replan);
        }
        let scheduler = builder.build()?;
        let limits = widened(&hosted, settings.range_factor);
        let drawn = knots::of(scheduler.schedule(), limits);
        let mut history = LiveRunState::of_the_start(hosted.model.fingerprint(), settings.total_steps, drawn);
        id.clone_into(&mut history.run);
        let first = Segment { from_step: 0, total_steps: settings.total_steps, schedule: scheduler.schedule().clone() };
        let mut run = Self { hosted, settings, scheduler, segments: vec![first], before_choice: None, history, limits };
        let mut decision = Decision::of_the_start(1, None, 0);
        if let Some(plan) = run.scheduler.last_plan() {
            decision.take(plan.clone());
            // It stands where nothing stood before, unless somebody gave the run a schedule.
            decision.changed |= run.settings.start.is_none() && decision.of_pick().is_some();
        }
        run.record(decision);
        Ok(run)
    }

    /// Goes on from a snapshot.
    ///
    /// # Errors
    /// If it is of another model, or damaged.
    pub(crate) fn restore(hosted: Arc<Hosted>, settings: RunSettings, snapshot: Snapshot) -> Result<Self> {
        let scheduler = Scheduler::restore(hosted.forecaster.clone(), snapshot.scheduler)?;
        let limits = widened(&hosted, settings.range_factor);
        let Snapshot { segments, before_choice, history, .. } = snapshot;
        Ok(Self { hosted, settings, scheduler, segments, before_choice, history, limits })
    }

    /// The run as plain data.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            scheduler: self.scheduler.state(),
            segments: self.segments.clone(),
            before_choice: self.before_choice.clone(),
            history: self.history.clone(),
        }
    }

    pub(crate) fn hosted(&self) -> &Arc<Hosted> {
        &self.hosted
    }

    pub(crate) fn history(&self) -> &LiveRunState {
        &self.history
    }

    /// Learning rate for an optimizer step.
    pub(crate) fn learning_rate(&self, step: u64) -> f64 {
        let holding = self.segments.partition_point(|segment| segment.from_step <= step);
        let segment = &self.segments[holding.saturating_sub(1)];
        self.limits.clamp(segment.schedule.at_step(step, segment.total_steps))
    }

    /// Counts the decisions.
    pub(crate) fn revision(&self) -> u64 {
        self.history.decisions.len() as u64
    }

    /// What a client is told.
    pub(crate) fn told(&self) -> Option<Told> {
        Some(Told {
            file: self.history.rates_file(self.hosted.model.metric())?,
            segments: self.segments.clone(),
            lowest: self.limits.lowest,
            highest: self.limits.highest,
        })
    }

    /// The run as it is shown, with the points that are remembered of it.
    pub(crate) fn shown(&self, default_target: Option<f64>) -> (Subject<'_>, &[Point]) {
        let replan = self.replan();
        let over = self.occasions(&replan, self.history.last_step.unwrap_or(0));
        let subject = Subject {
            model: &self.hosted.model,
            state: &self.history,
            next_decision: self.history.next_occasion(&replan, over).filter(|_| self.history.chosen.is_none()),
            earliest_change: self.earliest_choice(),
            target: self.settings.target.or(default_target),
            limits: self.limits,
            may_choose: true,
        };
        (subject, self.scheduler.observed())
    }

    fn replan(&self) -> Replan {
        let forecaster = &self.hosted.forecaster;
        self.settings.replan(forecaster).unwrap_or_else(|| Replan::default_for(forecaster))
    }

    /// Occasions to replan up to a step.
    fn occasions(&self, replan: &Replan, step: u64) -> u64 {
        replan.occasions(step as f64 / self.history.total_steps as f64, 0)
    }

    /// Will the model be asked before it is known what follows from this? That takes a while.
    pub(crate) fn asks_model(&self, entry: &Entry) -> bool {
        let (Entry::Point(point), Some(last)) = (entry, self.history.last_step) else { return true };
        let replan = self.replan();
        let is_due = || self.occasions(&replan, point.step) > self.occasions(&replan, last);
        // After a point that was not finite a decision may be overdue.
        self.history.unsound || is_due()
    }

    /// Is it time to forecast the run? That takes a while, too, and changes no rate.
    pub(crate) fn is_forecast_due(&self) -> bool {
        !self.history.unsound && self.history.is_forecast_due()
    }

    /// Forecasts the run, if it is time to.
    pub(crate) fn forecast(&mut self) -> Option<Event> {
        let is_due = self.is_forecast_due();
        is_due.then(|| self.history.forecast_between(&self.hosted.model, self.scheduler.observed())).flatten()
    }

    /// First step from which a choice may apply that comes between two points: the rate of the next step has been told already.
    pub(crate) fn earliest_choice(&self) -> u64 {
        self.history.last_step.map_or(0, |last| last.saturating_add(1)).saturating_add(self.settings.lead)
    }

    /// Bounds of every rate.
    pub(crate) fn limits(&self) -> RateRange {
        self.limits
    }

    fn earliest_change(&self) -> u64 {
        self.history.last_step.map_or(0, |last| last.saturating_add(self.settings.lead))
    }

    /// Forecasts the run under another schedule, without deciding anything.
    ///
    /// # Errors
    /// If the schedule is not usable, or the model can say nothing about it.
    pub(crate) fn what_if(&self, knots: &[Knot], from_step: u64) -> Result<Forecast> {
        self.history.what_if(&self.hosted.model, self.scheduler.observed(), knots, from_step, self.limits)
    }

    /// Takes in what happened, and all that follows from it.
    pub(crate) fn take_in(&mut self, entry: Entry, before: impl FnOnce() -> Result<Vec<Entry>>) -> Result<Vec<Event>> {
        let is_point = matches!(entry, Entry::Point(_));
        let mut events = self.decide(entry, before)?;
        events.extend(is_point.then(|| self.forecast()).flatten());
        Ok(events)
    }

    /// Takes in what happened, as far as rates depend on it. `before` gives the entries that count from before it, which only a
    /// resumption needs.
    pub(crate) fn decide(&mut self, entry: Entry, before: impl FnOnce() -> Result<Vec<Entry>>) -> Result<Vec<Event>> {
        match entry {
            Entry::Point(point) => Ok(self.observe(point)),
            Entry::Extended(total_steps) => self.extend(total_steps).map(|()| Vec::new()),
            Entry::Resumed(step) => self.resume(Some(step), before()?),
            Entry::BeganAgain => self.resume(None, before()?),
            Entry::Chosen(choice) => self.choose(choice),
            Entry::HandedBack => self.hand_back(),
        }
    }

    fn observe(&mut self, point: Point) -> Vec<Event> {
        let rate = point.learning_rate.unwrap_or_else(|| self.learning_rate(point.step));
        let known = self.history.last_step;
        let plans = self.scheduler.replans();
        let point = Point { learning_rate: Some(rate), ..point };
        // What somebody chose holds until it is handed back.
        let _ = if self.history.chosen.is_some() { self.scheduler.note(point) } else { self.scheduler.observe(point) };
        if known.is_some_and(|known| point.step < known) {
            return Vec::new();
        }
        let total_steps = self.history.total_steps;
        let is_complete = point.step.saturating_add(1) >= total_steps;
        let is_near = point.step as f64 >= NEAR_THE_END * total_steps as f64;
        self.history.finished = is_complete || is_near && is_at_end(self.scheduler.observed(), total_steps);
        let mut events = self.history.arrive(&point, self.scheduler.observed());
        if self.scheduler.replans() > plans {
            let effective = self.earliest_change();
            let decision = self.planned(effective);
            events.push(Event::Decided(self.record(decision)));
        }
        events
    }

    /// The decision that the scheduler has just planned; a changed schedule holds from a step on.
    fn planned(&mut self, from_step: u64) -> Decision {
        let mut decision = Decision::of_the_start(self.revision() + 1, self.history.last_step, from_step);
        if let Some(plan) = self.scheduler.last_plan() {
            decision.take(plan.clone());
        }
        if decision.changed {
            self.put_in_force(from_step);
        }
        decision
    }

    /// Puts a schedule in force that somebody chose.
    fn choose(&mut self, choice: Choice) -> Result<Vec<Event>> {
        let from_step = choice.from_step;
        let keeps_picks =
            matches!(&self.hosted.forecaster, Forecaster::Controlled(model) if model.picks_whole_schedules());
        if keeps_picks && self.scheduler.state().picked {
            self.before_choice = self.segments.last().cloned();
        }
        // A model that keeps what it picked has not picked this one.
        self.go_over_to(&Schedule::PiecewiseLinear { knots: choice.knots.clone() }, from_step, false)?;
        self.history.chosen = Some(choice);
        let mut decision = Decision::of_the_start(self.revision() + 1, self.history.last_step, from_step);
        (decision.changed, decision.by_hand) = (true, true);
        "somebody chose this schedule; it is kept until it is handed back".clone_into(&mut decision.reason);
        Ok(vec![Event::Decided(self.record(decision))])
    }

    /// Goes back to what had been picked, or else decides again, at once if an occasion has passed meanwhile.
    fn hand_back(&mut self) -> Result<Vec<Event>> {
        self.history.chosen = None;
        let effective = self.earliest_choice();
        if let Some(picked) = self.before_choice.take() {
            self.go_over_to(&picked.schedule, effective, true)?;
            let mut decision = Decision::of_the_start(self.revision() + 1, self.history.last_step, effective);
            decision.changed = true;
            "the schedule was handed back to lodecast, which goes back to the one that it had picked"
                .clone_into(&mut decision.reason);
            return Ok(vec![Event::Decided(self.record(decision))]);
        }
        let plans = self.scheduler.replans();
        if self.history.last_step.is_some() && !self.history.unsound {
            let _ = self.scheduler.decide();
        }
        let handed_back = "the schedule was handed back to lodecast";
        let decision = if self.scheduler.replans() > plans {
            let planned = self.planned(effective);
            Decision { reason: format!("{handed_back}; {}", planned.reason), ..planned }
        } else {
            let reason = format!("{handed_back}, which keeps it until its next decision");
            Decision { reason, ..Decision::of_the_start(self.revision() + 1, self.history.last_step, effective) }
        };
        Ok(vec![Event::Decided(self.record(decision))])
    }

    /// Has the scheduler go on with another schedule from a step on; is it one that the model picked?
    fn go_over_to(&mut self, schedule: &Schedule, from_step: u64, picked: bool) -> Result<()> {
        let at = from_step as f64 / self.history.total_steps as f64;
        let knots = knots::joined(&self.history.knots, at.min(1.0), &knots::of(schedule, self.limits));
        let mut state = self.scheduler.state();
        (state.schedule, state.picked) = (Schedule::PiecewiseLinear { knots }, picked);
        self.scheduler = Scheduler::restore(self.hosted.forecaster.clone(), state)?;
        self.put_in_force(from_step);
        Ok(())
    }

    /// Has the scheduler's schedule hold from a step on.
    fn put_in_force(&mut self, from_step: u64) {
        let schedule = self.scheduler.schedule().clone();
        let total_steps = self.scheduler.total_steps();
        self.history.change(&knots::of(&schedule, self.limits), from_step);
        self.segments.retain(|segment| segment.from_step < from_step);
        self.segments.push(Segment { from_step, total_steps, schedule });
    }

    /// Adds a decision with its schedule and forecast to the history.
    fn record(&mut self, decision: Decision) -> Decision {
        self.history.record(decision, &self.hosted.model, self.scheduler.observed())
    }

    fn extend(&mut self, total_steps: u64) -> Result<()> {
        let before = self.history.total_steps;
        self.scheduler.extend(total_steps)?;
        // The same rates at the same steps, over another length.
        for knot in self.history.knots.iter_mut().chain(&mut self.history.knots_before) {
            knot.progress *= before as f64 / total_steps as f64;
        }
        self.history.total_steps = total_steps;
        self.history.finished = false;
        // What had been picked was picked for another length.
        self.before_choice = None;
        let effective = self.earliest_change();
        self.put_in_force(effective);
        if let Some(choice) = &mut self.history.chosen {
            // It is held as it is now.
            choice.knots.clone_from(&self.history.knots);
        }
        let mut decision = Decision::of_the_start(self.revision() + 1, self.history.last_step, effective);
        decision.changed = true;
        decision.reason = format!("the run was extended from {before} to {total_steps} steps");
        self.record(decision);
        Ok(())
    }

    /// Goes back to what was known at a step, or before any. What had been decided since stays in the history, and revisions count on.
    fn resume(&mut self, step: Option<u64>, mut counting: Vec<Entry>) -> Result<Vec<Event>> {
        push(&mut counting, step.map_or(Entry::BeganAgain, Entry::Resumed));
        let mut past = Self::begin(&self.history.run, Arc::clone(&self.hosted), self.settings.clone())?;
        for entry in counting {
            // Among those that count there is no resumption.
            past.take_in(entry, || Ok(Vec::new()))?;
        }
        let (decisions, forecasts) = (self.history.decisions.clone(), self.history.forecasts.clone());
        let effective = past.earliest_change();
        *self = past;
        (self.history.decisions, self.history.forecasts) = (decisions, forecasts);
        let mut decision = Decision::of_the_start(self.revision() + 1, self.history.last_step, effective);
        decision.changed = true;
        let chosen = self
            .history
            .chosen
            .as_ref()
            .map_or_else(String::new, |choice| format!(", and the chosen one from step {} on", choice.from_step));
        decision.reason = match step {
            Some(step) => format!("the training went back to step {step}: the schedule is what it was there{chosen}"),
            None => format!("the training began again: the schedule is what it was before the start{chosen}"),
        };
        self.record(decision);
        Ok(vec![step.map_or(Event::BeganAnew, Event::WentBack)])
    }
}

fn widened(hosted: &Hosted, factor: f64) -> RateRange {
    let RateRange { lowest, highest } = limits(&hosted.model);
    RateRange { lowest: (lowest / factor).max(f64::MIN_POSITIVE), highest: (highest * factor).min(f64::MAX) }
}
