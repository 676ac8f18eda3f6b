//! [`Watch`]: a run in the log that its training writes, looked at again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use lodecast::{Metric, Point, Run, Schedule};
use lodecast_import::{
    Error as ImportError, Follow, Format, ImportOptions, News, Recording, Restarts, Role, Series, Session, Wanted,
};

use crate::columns::Chosen;
use crate::error::{Error, Result};

/// How the names of series begin that lodecast logs itself.
const OWN: &str = "lodecast/";
/// Runs that are named when one has to be chosen.
const NAMED: usize = 8;
/// The setting under which readers keep the name that a tracker shows instead of an id.
const TRACKER_NAME: &str = "run_name";

/// Where a run is logged, and what its series mean.
#[derive(Clone, Default)]
pub struct WatchOptions {
    /// File, folder or address of the log.
    pub place: String,
    /// Its format, where it is not to be recognised.
    pub format: Option<&'static dyn Format>,
    /// The run's id, or the name that its tracker shows, where the log holds several.
    pub run: Option<String>,
    /// What the series mean; of the validation metrics only the first counts, in the sense of the model's metric.
    pub options: ImportOptions,
}

/// A run in the log that its training writes.
///
/// The log need not be there yet, may be gone for a while, be truncated, rotated or written anew: what had been seen of the run and is
/// in the log no longer is remembered, and what is there in its place takes its place.
pub struct Watch {
    place: String,
    follow: Follow,
    options: ImportOptions,
    metric: Metric,
    run: Option<String>,
    gathered: BTreeMap<String, Gathered>,
    chosen: Option<Chosen>,
    /// Why there is nothing of a run that is there, as far as it is known.
    nothing: Option<String>,
    /// What the other runs in the log are called, where one was named.
    others: BTreeSet<String>,
    said: BTreeSet<String>,
}

/// What one look showed.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// The run, if there is something of it.
    pub run: Option<Observed>,
    /// Was anything new logged since the last look?
    pub news: bool,
    /// Why nothing can be read of it, if so: the log is not there, or not in a state to be read.
    pub absent: Option<String>,
    /// What is to be said about the log, once.
    pub notes: Vec<String>,
}

/// A run as far as it has been logged.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its id.
    pub id: String,
    /// Its points, steps increasing.
    pub points: Vec<Point>,
    /// Its planned length, if its log says it.
    pub total_steps: Option<u64>,
    /// What its log says of it besides.
    run: Option<Run>,
}

/// What has been read of a run.
#[derive(Clone, Debug, Default)]
struct Gathered {
    recording: Recording,
    /// Points that are in the log no longer.
    carried: Vec<Point>,
    /// The points as they were last put together, and the run that they are of, without those carried.
    points: Vec<Point>,
    run: Option<Run>,
    /// The planned length that the log itself states. The importer is not told: it would take what comes after it for a second
    /// training.
    planned_steps: Option<u64>,
}

impl Watch {
    /// Watches a run of which `metric` is predicted. `carried` are points that were seen by an earlier watch and may have left the log.
    pub fn new(options: WatchOptions, metric: Metric, carried: Option<(String, Vec<Point>)>) -> Self {
        let WatchOptions { place, format, run, mut options } = options;
        options.restarts = Some(options.restarts.unwrap_or(Restarts::Last));
        let mut series: BTreeSet<String> = options.validation.iter().map(|choice| choice.name.clone()).collect();
        series.insert(metric.name.clone());
        series.extend([&options.loss, &options.learning_rate, &options.epoch].into_iter().flatten().cloned());
        let roles = BTreeSet::from([Role::Loss, Role::Rate, Role::Epoch]);
        let wanted = Wanted { series: Some(series), roles, ..options.wanted.clone() };
        let mut follow = Follow::new(place.clone(), wanted, options.limits.clone());
        // What is followed is of that collection; once gathered, there is no other to choose from.
        options.wanted.collection = None;
        if let Some(format) = format {
            follow = follow.format(format);
        }
        let mut gathered = BTreeMap::new();
        if let Some((id, carried)) = carried.filter(|(_, points)| !points.is_empty()) {
            gathered.insert(id, Gathered { carried, ..Gathered::default() });
        }
        Self {
            place,
            follow,
            options,
            metric,
            run,
            gathered,
            chosen: None,
            nothing: None,
            others: BTreeSet::new(),
            said: BTreeSet::new(),
        }
    }

    /// Points that are in the log no longer, to be kept for another watch, with the run's id.
    pub fn carried(&self) -> Option<(&str, &[Point])> {
        let (id, gathered) = self.run.as_ref().and_then(|run| self.gathered.get_key_value(run))?;
        Some((id, &gathered.carried))
    }

    /// Looks what has been logged since the last time.
    ///
    /// # Errors
    /// If the log holds several runs and none was named, its address or the credentials for it are refused, or the reading was interrupted. A log that is not there, or damaged, is no
    /// error: it may be there, or mended, the next time.
    pub fn look(&mut self) -> Result<Sight> {
        let mut sight = Sight::default();
        let mut fresh = Vec::new();
        let looked = self.follow.look(&mut |news| {
            fresh.push(news);
            ControlFlow::Continue(())
        });
        match looked {
            Ok(skipped) => {
                let asked = |run: &str| self.run.as_deref().is_none_or(|wanted| wanted == run);
                for skipped in skipped.into_iter().filter(|skipped| asked(&skipped.run)) {
                    if skipped.nothing {
                        // It may just have begun.
                        self.nothing = Some(skipped.reason);
                    } else {
                        sight.notes.push(format!("run '{}' was left out: {}", skipped.run, skipped.reason));
                    }
                }
            }
            Err(ImportError::Interrupted) => return Err(Error::Interrupted),
            // What has been read from once may come to be again.
            Err(error @ ImportError::Refused { .. }) if self.gathered.is_empty() => return Err(error.into()),
            Err(error) => {
                // What was read before it failed comes again.
                fresh.clear();
                sight.absent = Some(match error {
                    // A folder may be there before the first log in it.
                    ImportError::UnknownFormat { place, .. } => {
                        format!("{place}: nothing in it is of a known format yet; --format NAME says which it will be")
                    }
                    error => error.to_string(),
                });
            }
        }
        for news in fresh {
            let id = news.recording.id.clone();
            let is_meant = |wanted| self.gathered.contains_key(&id) || is_named(&news.recording, wanted);
            if self.run.as_deref().is_none_or(is_meant) {
                sight.news = true;
                if news.rewritten {
                    // Its columns may be others.
                    self.chosen = None;
                }
                self.gathered.entry(id).or_default().take_in(news);
            } else {
                self.others.insert(shown_name(&news.recording).unwrap_or(&id).to_owned());
            }
        }
        let Some(id) = self.only_run()? else {
            if sight.absent.is_none() {
                sight.absent = Some(match &self.run {
                    Some(run) if self.others.is_empty() => format!("{}: no run '{run}' in it yet", self.place),
                    Some(run) => {
                        format!("{}: no run '{run}' in it yet; there are: {}", self.place, some_of(&self.others))
                    }
                    None => {
                        let why = self.nothing.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
                        format!("{}: nothing is logged in it yet{why}", self.place)
                    }
                });
            }
            return Ok(sight);
        };
        self.run = Some(id.clone());
        match self.observe(&id, sight.news, &mut sight.notes) {
            Ok(run) => sight.run = run,
            Err(reason) => sight.absent = sight.absent.or(Some(format!("run '{id}' cannot be used yet: {reason}"))),
        }
        sight.notes.retain(|note| self.said.insert(note.clone()));
        Ok(sight)
    }

    /// The one run that is meant.
    fn only_run(&self) -> Result<Option<String>> {
        let mut ids = self.gathered.keys();
        let (Some(first), None) = (ids.next(), ids.next()) else {
            if self.gathered.len() > 1 && !self.run.as_ref().is_some_and(|run| self.gathered.contains_key(run)) {
                return Err(Error::Undecided {
                    place: self.place.clone(),
                    question: format!("it holds {} runs ({})", self.gathered.len(), some_of(self.gathered.keys())),
                    remedy: "say which one to follow with --run, or name its own file or folder".to_owned(),
                });
            }
            return Ok(self.run.clone().filter(|run| self.gathered.contains_key(run)));
        };
        Ok(Some(first.clone()))
    }

    /// The run as far as it has been logged.
    fn observe(&mut self, id: &str, news: bool, notes: &mut Vec<String>) -> Result<Option<Observed>, String> {
        let Some(gathered) = self.gathered.get_mut(id) else { return Ok(None) };
        let is_empty = gathered.recording.series.is_empty() && gathered.recording.by_epoch.is_empty();
        if is_empty {
            return Ok(Observed::of(id, gathered.carried.clone(), None, gathered.planned_steps));
        }
        if !news && gathered.run.is_some() {
            return Ok(Observed::of(id, gathered.points.clone(), gathered.run.clone(), gathered.planned_steps));
        }
        gathered.run = None;
        if !self.chosen.as_ref().is_some_and(Chosen::is_complete) {
            let chosen = Chosen::of(&gathered.recording, &self.place, &self.options, &self.metric)?;
            notes.extend(chosen.said());
            self.chosen = Some(chosen);
        }
        let Some(chosen) = &self.chosen else { return Ok(None) };
        let assembled = chosen.assemble(&gathered.recording, &self.place)?;
        if !chosen.has_validation() && assembled.points.len() > 1 {
            notes.push(format!(
                "the model's metric '{}' is not logged yet; if it goes by another name, say --val NAME",
                self.metric.name
            ));
        }
        notes.extend(assembled.notes);
        let first = assembled.points.first().map_or(u64::MAX, |point| point.step);
        gathered.carried.retain(|point| point.step < first);
        gathered.points = gathered.carried.iter().copied().chain(assembled.points).collect();
        gathered.run = Some(assembled.run);
        Ok(Observed::of(id, gathered.points.clone(), gathered.run.clone(), gathered.planned_steps))
    }
}

impl Observed {
    fn of(id: &str, points: Vec<Point>, run: Option<Run>, planned_steps: Option<u64>) -> Option<Self> {
        let total_steps = planned_steps.or_else(|| run.as_ref().and_then(Run::planned_steps));
        (!points.is_empty()).then(|| Self { id: id.to_owned(), points, total_steps, run })
    }

    /// The schedule that it follows of its own accord, if its log says it: its family and peak, or the rates so far.
    pub fn own_schedule(&self, total_steps: u64) -> Option<Schedule> {
        let mut run = self.run.clone()?;
        run.attributes.total_steps = Some(total_steps);
        Schedule::of_run(&run)
    }
}

/// Is this the run that is called `wanted`: by its id, the end of its path, or the name that its tracker shows?
fn is_named(recording: &Recording, wanted: &str) -> bool {
    let id = &recording.id;
    id == wanted
        || id.strip_suffix(wanted).is_some_and(|above| above.ends_with('/'))
        || shown_name(recording) == Some(wanted)
}

/// The name that its tracker shows instead of an id.
fn shown_name(recording: &Recording) -> Option<&str> {
    recording.settings.get(TRACKER_NAME).map(String::as_str)
}

/// The first names, and that there are more.
fn some_of<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let mut names = names.into_iter().map(String::as_str);
    let mut some: Vec<&str> = names.by_ref().take(NAMED).collect();
    some.extend(names.next().map(|_| "..."));
    some.join(", ")
}

impl Gathered {
    /// Adds what is new, or takes it instead of what there was, if that was replaced: points from before it are carried on.
    fn take_in(&mut self, news: News) {
        let News { mut recording, rewritten } = news;
        // What was decided about the run, and logged beside it, is not measured.
        recording.series.retain(|name, _| !name.starts_with(OWN));
        self.planned_steps = recording.planned_steps.take().or(self.planned_steps);
        if rewritten || self.recording.series.is_empty() && self.recording.by_epoch.is_empty() {
            self.carried.append(&mut self.points);
            self.carried.sort_by_key(|point| point.step);
            self.carried.dedup_by_key(|point| point.step);
            self.recording = recording;
            return;
        }
        append(&mut self.recording, recording);
    }
}

/// Appends what was recorded later. Moments go on where they had been, however the reader counts them.
fn append(known: &mut Recording, news: Recording) {
    let all = |recording: &Recording| -> Vec<u64> {
        let series = recording.series.values().chain(recording.by_epoch.values());
        series.flat_map(|series| [series.moments().next(), series.moments().last()]).flatten().collect()
    };
    let last = all(known).into_iter().max();
    let first = all(&news).into_iter().min();
    let shift = match (last, first) {
        (Some(last), Some(first)) if first <= last => last - first + 1,
        _ => 0,
    };
    let moved = |moment: u64| moment.saturating_add(shift);
    let join = |known: &mut BTreeMap<String, Series>, news: BTreeMap<String, Series>| {
        for (name, series) in news {
            let into = known.entry(name).or_default();
            let before = samples(into);
            let after = samples(&series).map(|(step, value, moment)| (step, value, moved(moment)));
            let joined: Series = before.chain(after).collect();
            *into = joined;
        }
    };
    join(&mut known.series, news.series);
    join(&mut known.by_epoch, news.by_epoch);
    // A file that is read on begins no session; what a tracker marks as one does.
    let marked = news.sessions.into_iter().filter(|session| session.from_step.is_some());
    known.sessions.extend(marked.map(|session| Session { moment: moved(session.moment), ..session }));
    if !news.settings.is_empty() {
        known.settings.extend(news.settings);
    }
    known.directions.extend(news.directions);
    known.steps_are_epochs |= news.steps_are_epochs;
    for note in news.notes {
        if !known.notes.contains(&note) {
            known.notes.push(note);
        }
    }
}

fn samples(series: &Series) -> impl Iterator<Item = (u64, f64, u64)> {
    series.steps().zip(series.values()).zip(series.moments()).map(|((step, value), moment)| (step, value, moment))
}
