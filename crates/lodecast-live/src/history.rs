//! How the state of a run goes on, whoever decides: shared by those that read its log and those that are told its points.

use lodecast::{Forecast, Interval, Knot, Metric, Model, Point, RateRange, Replan, Schedule};

use crate::adherence::{Planned, Turn};
use crate::decision::{Decision, MadeForecast};
use crate::error::Result;
use crate::event::Event;
use crate::knots;
use crate::points::{for_planning, is_unsound, stride};
use crate::rates_file::RatesFile;
use crate::state::{LiveRunState, ScheduleOrigin};

/// A forecast is made whenever the run has come this fraction of its length farther.
const FORECAST_EVERY: f64 = 0.05;

impl LiveRunState {
    /// The file of rates as it should be now; `None` before anything was decided, and as long as nobody, neither the training nor a
    /// plan, has said how the rates go on.
    pub(crate) fn rates_file(&self, metric: &Metric) -> Option<RatesFile> {
        let last = self.decisions.last().filter(|_| self.finished || self.origin != ScheduleOrigin::Recorded)?;
        Some(RatesFile {
            format: RatesFile::FORMAT,
            run: self.run.clone(),
            revision: last.revision,
            effective_from_step: last.effective_from_step,
            total_steps: self.total_steps,
            knots: self.knots.clone(),
            metric: metric.to_string(),
            predicted: self.predicted(),
            reason: last.reason.clone(),
            last_seen_step: self.last_step,
            not_followed: self.adherence.departure,
            finished: self.finished,
        })
    }

    /// What the run is predicted to end at, as of the last forecast or else the last decision.
    pub(crate) fn predicted(&self) -> Option<Interval> {
        if self.no_forecast.is_some() {
            return None;
        }
        let forecast = self.forecasts.last().map(|forecast| forecast.predicted);
        forecast.or(self.decisions.last().and_then(|last| last.predicted))
    }

    /// The step of the next occasion to replan after so many that are over, where that is known. One that has passed without a
    /// decision, as at the end of a run, is none.
    pub(crate) fn next_occasion(&self, replan: &Replan, over: u64) -> Option<u64> {
        let (total, last) = (self.total_steps, self.last_step.unwrap_or(0));
        if let Replan::EveryPoints(_) = replan {
            return None;
        }
        let occasions = |step: u64| replan.occasions(step as f64 / total as f64, 0);
        let (mut low, mut high) = (last, total.saturating_sub(1));
        if occasions(high) <= over {
            return None;
        }
        // The first step with more occasions than are over.
        while low < high {
            let middle = low + (high - low) / 2;
            if occasions(middle) > over { high = middle } else { low = middle + 1 }
        }
        (self.last_step != Some(low)).then_some(low)
    }

    /// Puts a schedule in force from a step on.
    pub(crate) fn change(&mut self, drawn: &[Knot], from_step: u64) {
        let at = from_step as f64 / self.total_steps as f64;
        let joined = knots::joined(&self.knots, at, drawn);
        self.knots_before = std::mem::replace(&mut self.knots, joined);
        self.changed_at = from_step;
    }

    /// Takes in that the run has come to its point `last`, which is not before those known; `points` are all that count.
    pub(crate) fn arrive(&mut self, last: &Point, points: &[Point]) -> Vec<Event> {
        if let Some(known) = self.last_step.filter(|&known| last.step > known) {
            self.advance = last.step - known;
        }
        self.last_step = Some(last.step);
        let mut events = Vec::from_iter(self.compare(points));
        let unsound = is_unsound(last);
        if unsound && !self.unsound {
            events.push(Event::Unsound(last.step));
        }
        self.unsound = unsound;
        events
    }

    /// Adds a decision, with the schedule in force and what it is forecast to lead to.
    pub(crate) fn record(&mut self, mut decision: Decision, model: &Model, known: &[Point]) -> Decision {
        decision.knots.clone_from(&self.knots);
        let mut made = self.forecast(model, known, decision.revision);
        if let (Some(made), Some(picked)) = (&mut made, decision.of_pick()) {
            made.predicted = picked;
        }
        decision.predicted = made.as_ref().map(|made| made.predicted).or(decision.predicted);
        if let Some(made) = made {
            self.keep(made);
        }
        self.decisions.push(decision.clone());
        decision
    }

    /// Forecasts the run anew where nothing was decided, if it is time to.
    pub(crate) fn forecast_between(&mut self, model: &Model, known: &[Point]) -> Option<Event> {
        if !self.is_forecast_due() {
            return None;
        }
        let made = self.forecast(model, known, self.decisions.len() as u64)?;
        let event = Event::Forecast(made.predicted);
        self.keep(made);
        Some(event)
    }

    fn keep(&mut self, made: MadeForecast) {
        if let Some(earlier) = self.forecasts.last_mut() {
            earlier.course = None;
        }
        self.forecasts.push(made);
    }

    /// Compares the rates that were logged with those that were planned.
    fn compare(&mut self, points: &[Point]) -> Option<Event> {
        let from_step = self.decisions.first()?.effective_from_step;
        let stride = stride(points);
        let planned = Planned {
            knots: &self.knots,
            before: &self.knots_before,
            from_step,
            changed_at: self.changed_at,
            grace: 2 * self.advance.max(stride),
            total_steps: self.total_steps,
            stride,
        };
        self.adherence.compare(points, &planned).map(|turn| match turn {
            Turn::Departed(departure) => Event::NotFollowed(departure),
            Turn::Returned(step) => Event::FollowedAgain(step),
        })
    }

    /// Is it time to forecast the run again?
    pub(crate) fn is_forecast_due(&self) -> bool {
        let step = |forecast: &MadeForecast| forecast.at_step.unwrap_or(0);
        let every = (FORECAST_EVERY * self.total_steps as f64).max(1.0) as u64;
        let last = self.forecasts.last().map(step);
        last.zip(self.last_step).is_some_and(|(last, now)| now >= last.saturating_add(every))
    }

    /// Forecasts the run under the schedule in force, which is that of `revision`.
    fn forecast(&mut self, model: &Model, known: &[Point], revision: u64) -> Option<MadeForecast> {
        let schedule = Schedule::PiecewiseLinear { knots: self.knots.clone() };
        let forecast = model.forecast(known, self.total_steps, Some(&schedule));
        // Before the first point some models can say nothing, and at the end there is nothing to say.
        let is_under_way = !known.is_empty() && !self.finished;
        self.no_forecast = forecast.as_ref().err().filter(|_| is_under_way).map(ToString::to_string);
        let course = forecast.ok()?;
        Some(MadeForecast {
            at_step: self.last_step,
            revision,
            predicted: course.final_validation,
            course: Some(course),
        })
    }

    /// Forecasts the run under another schedule from `from_step` on, its rates within `limits`, without deciding anything.
    pub(crate) fn what_if(
        &self,
        model: &Model,
        points: &[Point],
        knots_from_here: &[Knot],
        from_step: u64,
        limits: RateRange,
    ) -> Result<Forecast> {
        let asked = Schedule::PiecewiseLinear { knots: knots_from_here.to_vec() };
        asked.check()?;
        let at = from_step as f64 / self.total_steps as f64;
        let knots = knots::joined(&self.knots, at.min(1.0), &knots::of(&asked, limits));
        let known = for_planning(points, &self.knots, self.total_steps);
        Ok(model.forecast(&known, self.total_steps, Some(&Schedule::PiecewiseLinear { knots }))?)
    }
}

/// The rates that runs of the model's sweep have borne.
pub(crate) fn limits(model: &Model) -> RateRange {
    let RateRange { lowest, highest } = model.experience().learning_rates;
    RateRange { lowest: lowest.max(f64::MIN_POSITIVE), highest }
}
