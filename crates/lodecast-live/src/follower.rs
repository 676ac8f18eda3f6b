//! [`Follower`]: a run is watched and decided upon, and a file of rates kept up to date, with its state beside it.

use std::fs::File;
use std::path::{Path, PathBuf};

use lodecast::{Model, PlannerSettings, Point, Replan, Schedule};

use crate::error::{Error, Result};
use crate::event::Event;
use crate::json_file;
use crate::live_run::{LiveRun, LiveRunSettings};
use crate::lock::lock;
use crate::log_back::{LogBack, LogBackEntry};
use crate::points::is_at_end;
use crate::rates_file::RatesFile;
use crate::state::LiveRunState;
use crate::watch::{Watch, WatchOptions};

/// A run whose next point would lie beyond its end is over when it was quiet for so many times longer than between two points.
const QUIET_AT_THE_END: u32 = 3;

/// What the name of a run's state has behind that of its file of rates.
pub const STATE: &str = ".state";

/// What to follow, and how.
#[derive(Default)]
pub struct FollowerOptions {
    /// Where the run is logged.
    pub watch: WatchOptions,
    /// The file of rates. Its state is kept in a file of the same name with [`STATE`] behind it.
    pub out: PathBuf,
    /// Planned length in optimizer steps, if the log does not say it.
    pub total_steps: Option<u64>,
    /// The schedule in force before anything is decided; see [`LiveRunSettings::in_force`].
    pub in_force: Option<Schedule>,
    /// Seed of the planner's candidates.
    pub seed: u64,
    /// When to replan.
    pub replan: Option<Replan>,
    /// Settings of the planner.
    pub planner: Option<PlannerSettings>,
    /// How many steps ahead a change is announced.
    pub lead: Option<u64>,
    /// What the run should end at.
    pub target: Option<f64>,
    /// Where decisions are logged.
    pub log_back: Vec<Box<dyn LogBack>>,
}

/// Follows one run.
pub struct Follower {
    watch: Watch,
    model: Model,
    options: FollowerOptions,
    run: Option<LiveRun>,
    points: Vec<Point>,
    written: Option<RatesFile>,
    /// Is there something that could not be written yet?
    unsaved: bool,
    quiet: Quiet,
    /// Held as long as this one follows.
    _lock: File,
}

/// What one look came to.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Why the log cannot be read now, if so.
    pub absent: Option<String>,
    /// What is to be said about the log, once.
    pub notes: Vec<String>,
    /// What could not be logged back.
    pub troubles: Vec<String>,
    /// Why rates or state could not be written, if so: the next look tries again.
    pub unwritten: Option<String>,
    /// Was the log longer than at the last look?
    pub news: bool,
    /// Is the run at its planned end?
    pub finished: bool,
}

impl Follower {
    /// Begins to follow, or goes on with the state beside the file of rates.
    ///
    /// # Errors
    /// If another process writes that file, or its state is damaged, of another model, or of another length.
    pub fn open(model: Model, mut options: FollowerOptions) -> Result<Self> {
        let lock = lock(&beside(&options.out, ".lock"))?.ok_or_else(|| Error::InUse {
            path: options.out.clone(),
            by: "lodecast follow",
            remedy: "stop that one, or name another file with --out",
        })?;
        let state = LiveRunState::read(&beside(&options.out, STATE))?;
        let carried = state.as_ref().map(|state| (state.run.clone(), state.carried.clone()));
        if let Some(state) = state.as_ref().filter(|state| !state.run.is_empty()) {
            options.watch.run.get_or_insert_with(|| state.run.clone());
        }
        let watch = Watch::new(std::mem::take(&mut options.watch), model.metric().clone(), carried);
        let mut follower = Self {
            watch,
            model,
            options,
            run: None,
            points: Vec::new(),
            written: None,
            unsaved: false,
            quiet: Quiet::default(),
            _lock: lock,
        };
        if let Some(state) = state {
            let settings = follower.settings(follower.options.total_steps.unwrap_or(state.total_steps));
            follower.run = Some(LiveRun::resume(follower.model.clone(), settings, state)?);
            // It may have ended between the two files.
            follower.publish()?;
        }
        Ok(follower)
    }

    /// Looks at the log, decides if it is time to, and writes what changed.
    ///
    /// # Errors
    /// If it is not known how long the run is or which one is meant. A log that is not there or not in a state to be read is no error,
    /// nor is a full disk: what cannot be written now is written later.
    pub fn look(&mut self) -> Result<Looked> {
        let sight = self.watch.look()?;
        let mut looked = Looked { absent: sight.absent, notes: sight.notes, news: sight.news, ..Looked::default() };
        self.quiet.look(sight.news || self.points.is_empty());
        if self.run.is_none() {
            let known = self.options.total_steps.or(sight.run.as_ref().and_then(|run| run.total_steps));
            let Some(total_steps) = known else {
                return match sight.run {
                    Some(run) => Err(Error::Undecided {
                        place: format!("run '{}'", run.id),
                        question: "its log does not say how long it is planned to be".to_owned(),
                        remedy: "give the planned number of optimizer steps with --total-steps".to_owned(),
                    }),
                    None => Ok(looked),
                };
            };
            let own = sight.run.as_ref().and_then(|run| run.own_schedule(total_steps));
            self.run = Some(LiveRun::begin(self.model.clone(), self.settings(total_steps), own)?);
        }
        let Some(run) = &mut self.run else { return Ok(looked) };
        let id = match sight.run {
            Some(observed) => {
                self.points = observed.points;
                observed.id
            }
            None => run.state().run.clone(),
        };
        looked.events = run.observe(&self.points);
        looked.finished = self.quiet.is_over(&self.points, run.state().total_steps);
        let carried = self.watch.carried().map_or(&[][..], |(_, points)| points).to_vec();
        let before = run.state().finished;
        run.set_circumstances(&id, &carried, looked.finished);
        if looked.news || !looked.events.is_empty() || before != looked.finished || self.unsaved {
            // The state first: a decision that was published is never made again.
            let written =
                json_file::write(&beside(&self.options.out, STATE), run.state()).and_then(|()| self.publish());
            self.unsaved = written.is_err();
            looked.unwritten = written.err().map(|error| error.to_string());
            looked.troubles = self.log_back(&looked.events);
        }
        Ok(looked)
    }

    /// The run, once its length is known.
    pub fn run(&self) -> Option<&LiveRun> {
        self.run.as_ref()
    }

    /// The run's points as they were last seen.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    fn settings(&self, total_steps: u64) -> LiveRunSettings {
        LiveRunSettings {
            total_steps,
            in_force: self.options.in_force.clone(),
            seed: self.options.seed,
            replan: self.options.replan.clone(),
            planner: self.options.planner,
            lead: self.options.lead,
            target: self.options.target,
        }
    }

    /// Writes the file of rates if it says something else than it did.
    fn publish(&mut self) -> Result<()> {
        let Some(file) = self.run.as_ref().and_then(LiveRun::rates_file) else { return Ok(()) };
        let says_more = self.written.as_ref().is_none_or(|written| {
            let moved = RatesFile { last_seen_step: file.last_seen_step, ..written.clone() };
            moved != file
        });
        if says_more {
            file.write(&self.options.out)?;
            self.written = Some(file);
        }
        Ok(())
    }

    /// Logs what was decided. That it cannot be logged ends nothing.
    fn log_back(&mut self, events: &[Event]) -> Vec<String> {
        let Some(run) = &self.run else { return Vec::new() };
        let step = run.state().last_step.unwrap_or(0);
        let revision = run.state().decisions.len() as u64;
        let entry = |predicted, reason, changed| LogBackEntry {
            step,
            revision,
            learning_rate: run.learning_rate(step),
            predicted,
            reason,
            changed,
        };
        let mut entries = Vec::new();
        for event in events {
            match event {
                Event::Decided(decision) => {
                    entries.push(entry(decision.predicted, Some(decision.reason.clone()), decision.changed));
                }
                Event::Forecast(predicted) => entries.push(entry(Some(*predicted), None, false)),
                _ => {}
            }
        }
        let mut troubles = Vec::new();
        for sink in &mut self.options.log_back {
            troubles.extend(entries.iter().find_map(|entry| sink.write(entry).err()).map(|error| error.to_string()));
        }
        troubles
    }
}

/// Looks without news: how many there were last, and how many between each of the last that showed something. Of a pause that a
/// training made nothing is left some points later.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quiet {
    looks: u32,
    before: [u32; 8],
}

impl Quiet {
    /// Counts a look.
    pub(crate) fn look(&mut self, news: bool) {
        if news {
            self.before.rotate_right(1);
            self.before[0] = std::mem::take(&mut self.looks);
        } else {
            self.looks = self.looks.saturating_add(1);
        }
    }

    /// Is the run at its planned end? Where only the next point would lie beyond it, that is told by the silence: steps, and an
    /// evaluation, may come yet.
    pub(crate) fn is_over(self, points: &[Point], total_steps: u64) -> bool {
        let is_complete = points.last().is_some_and(|last| last.step.saturating_add(1) >= total_steps);
        let longest = self.before.into_iter().max().unwrap_or(0);
        let is_long = self.looks >= QUIET_AT_THE_END.saturating_mul(longest.saturating_add(1));
        is_complete || is_long && is_at_end(points, total_steps)
    }
}

/// The file that is called like `path` with `ending` behind it.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
