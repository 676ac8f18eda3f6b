//! Which series of a run under way are which, with what has been logged so far: early in a run a metric may be missing yet, and a
//! training that is told its rate need not log it.

use std::ops::ControlFlow;

use lodecast::{Direction, Metric, Point, Run};
use lodecast_import::{
    Columns, Format, ImportOptions, Limits, Outcome, Recording, Role, Source, Survey, ValidationChoice, Visit, Wanted,
    import,
};

/// Stands for the rate of a run that logs none: it is never looked at.
const NO_RATE: &str = "constant,peak=1";

/// The series that are the loss, the rate and the metric, and which of these there are.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    columns: Columns,
    options: ImportOptions,
    has: Has,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Has {
    loss: bool,
    rate: bool,
    validation: bool,
}

/// A run as it was put together from its recording.
#[derive(Clone, Debug)]
pub(crate) struct Assembled {
    pub(crate) run: Run,
    pub(crate) points: Vec<Point>,
    pub(crate) notes: Vec<String>,
}

impl Chosen {
    /// Chooses as `options` say, with `metric` as the only validation metric, and else by the usual names; says why nothing can
    /// be chosen yet.
    pub(crate) fn of(
        recording: &Recording,
        place: &str,
        options: &ImportOptions,
        metric: &Metric,
    ) -> Result<Self, String> {
        let names: Vec<&str> = recording.series.keys().chain(recording.by_epoch.keys()).map(String::as_str).collect();
        let named = options.validation.first().cloned();
        let validation =
            named.unwrap_or_else(|| ValidationChoice { name: metric.name.clone(), direction: Some(metric.direction) });
        let is_there = |name: &str| names.contains(&name);
        let usual = |role: Role| names.iter().copied().find(|name| role.goes_by(name));
        let asked = |choice: &Option<String>, role| match choice {
            Some(name) => is_there(name),
            None => usual(role).is_some(),
        };
        let has = Has {
            loss: asked(&options.loss, Role::Loss),
            rate: asked(&options.learning_rate, Role::Rate),
            validation: is_there(&validation.name),
        };
        let loss = || options.loss.clone().or_else(|| usual(Role::Loss).map(ToOwned::to_owned));
        // A column that is missing is stood for by one that is there, and never looked at.
        let (loss, validation) = match (has.loss, has.validation) {
            (true, true) => (options.loss.clone(), validation),
            (false, true) => (Some(validation.name.clone()), validation),
            (true, false) => {
                let name = loss().unwrap_or_default();
                (Some(name.clone()), ValidationChoice { name, direction: Some(Direction::Min) })
            }
            (false, false) => {
                let there = if names.is_empty() { "nothing yet".to_owned() } else { names.join(", ") };
                return Err(format!(
                    "neither a train loss nor the metric '{}' is logged yet (there: {there}); --loss NAME and --val NAME say \
                     what they are called",
                    validation.name
                ));
            }
        };
        let direction = validation.direction.or(Some(metric.direction));
        let mut options =
            ImportOptions { loss, validation: vec![ValidationChoice { direction, ..validation }], ..options.clone() };
        if !has.rate {
            options.learning_rate = None;
            options.rate_schedule = NO_RATE.parse().ok();
        }
        let sources = [(source(place), &InMemory(recording) as &dyn Format)];
        let survey = Survey::of(&sources, &options).map_err(|error| error.to_string())?;
        let columns = Columns::choose(&survey, &options).map_err(|error| error.to_string())?;
        Ok(Self { columns, options, has })
    }

    /// Is there nothing left to look for?
    pub(crate) fn is_complete(&self) -> bool {
        self.has == Has { loss: true, rate: true, validation: true }
    }

    /// Is the metric among what is logged?
    pub(crate) fn has_validation(&self) -> bool {
        self.has.validation
    }

    /// What was chosen, in words.
    pub(crate) fn said(&self) -> Vec<String> {
        let mut said = Vec::new();
        if let (true, Some(name)) = (self.has.loss, &self.columns.loss) {
            said.push(format!("train loss: {name}"));
        }
        if let (true, Some(name)) = (self.has.rate, self.columns.rate_series()) {
            said.push(format!("learning rate: {name}"));
        }
        if let (true, Some((name, _))) = (self.has.validation, self.columns.validation.first()) {
            said.push(format!("validation: {name}"));
        }
        said
    }

    /// Puts the run together; says why it cannot be used.
    pub(crate) fn assemble(&self, recording: &Recording, place: &str) -> Result<Assembled, String> {
        let sources = [(source(place), &InMemory(recording) as &dyn Format)];
        let mut found = None;
        let report = import(&sources, &self.columns, &self.options, &mut |run, report| {
            found = Some((run, report.notes.clone()));
            Ok(ControlFlow::Continue(()))
        });
        let report = report.map_err(|error| error.to_string())?;
        let Some((run, mut notes)) = found else {
            let reason = report.skipped.first().map_or("it has no points", |skipped| &skipped.reason);
            return Err(reason.to_owned());
        };
        if !self.has.rate {
            notes.retain(|note| !note.contains("the schedule was laid over"));
        }
        let points = run.points(0).map(|point| Point {
            step: point.step,
            train_loss: point.train_loss.filter(|_| self.has.loss),
            learning_rate: point.learning_rate.filter(|_| self.has.rate),
            validation: point.validation.filter(|_| self.has.validation),
        });
        let points: Vec<Point> = points.collect();
        let mut own = Run::from_points(run.id.clone(), points.iter().copied()).map_err(|error| error.to_string())?;
        own.attributes = run.attributes;
        Ok(Assembled { run: own, points, notes })
    }
}

/// The source of a recording that is in memory: its address, which is only shown.
fn source(place: &str) -> Source {
    Source::Url(place.to_owned())
}

/// One recording, as a format hands it over.
struct InMemory<'a>(&'a Recording);

impl Format for InMemory<'_> {
    fn name(&self) -> &'static str {
        "followed"
    }

    fn describes(&self) -> &'static str {
        "a run that is followed"
    }

    fn steps(&self) -> &'static str {
        "as in its log"
    }

    fn files(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognises(&self, _: &Source) -> bool {
        false
    }

    fn read(&self, _: &Source, _: &Wanted, _: &Limits, visit: &mut Visit<'_>) -> Result<(), lodecast_import::Error> {
        let _flow = visit(Outcome::Recording(self.0.clone()));
        Ok(())
    }
}
