//! [`Runs`]: the runs of a server. What is told of a run is checked, brought to disk, and then taken in, one after the other.

mod checks;
mod command;
mod news;
mod opened;
mod turns;
mod unstored;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use lodecast::RateRange;
use tokio::sync::{OnceCell, SemaphorePermit};
use tokio::task::spawn_blocking;

use self::news::News;
use self::turns::Turns;
use super::counters::Counters;
use super::entry::Entry;
use super::models::Models;
use super::served_run::ServedRun;
use super::settings::RunSettings;
use super::store::{Store, Write};
use super::which::Which;
use crate::http::pace::Pace;
use crate::http::problem::Problem;
use crate::knots::{self, ANY};
use crate::page::server::defect;
use crate::state::LiveRunState;
pub(crate) use command::{Command, Outcome, outcome};
pub(crate) use opened::{Opened, Slot};
pub(crate) use unstored::not_stored;

/// A run that nobody asked about for so long is kept on disk only, and one at its end sooner.
const IDLE: Duration = Duration::from_mins(10);
const IDLE_AT_ITS_END: Duration = Duration::from_mins(1);
/// Runs of which the list says anew at the start what is known.
const REFRESHED: u64 = 256;
/// Points that are taken in at once without another thread.
const QUICK: usize = 16;
/// Runs made a second.
const MADE: f64 = 50.0;

/// The runs of a server.
pub(crate) struct Runs {
    pub(crate) store: Arc<Store>,
    pub(crate) models: Models,
    pub(crate) counters: Counters,
    /// What a run should end at that says nothing of it.
    pub(crate) target: Option<f64>,
    /// Requests to write that a run may make a second.
    pace: f64,
    made: Pace,
    turns: Turns,
    next_key: AtomicI64,
    creating: tokio::sync::Mutex<()>,
    opened: Mutex<HashMap<String, Arc<OnceCell<Arc<Opened>>>>>,
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("runs")
    }
}

impl Runs {
    pub(crate) fn new(store: Store, models: Models, target: Option<f64>, pace: f64) -> Result<Self, String> {
        let next_key = AtomicI64::new(store.last_key()? + 1);
        Ok(Self {
            store: Arc::new(store),
            models,
            counters: Counters::default(),
            target,
            pace,
            made: Pace::new(MADE),
            turns: Turns::default(),
            next_key,
            creating: tokio::sync::Mutex::new(()),
            opened: Mutex::default(),
        })
    }

    /// A run, from memory or from disk.
    pub(crate) async fn get(self: &Arc<Self>, id: &str) -> Result<Arc<Opened>, Problem> {
        super::names::checked("run", id)?;
        let cell = Arc::clone(self.cells().entry(id.to_owned()).or_default());
        let opening = cell.get_or_try_init(|| {
            let (runs, id) = (Arc::clone(self), id.to_owned());
            async move { spawn_blocking(move || runs.open(&id)).await.unwrap_or_else(|_| Err(defect())) }
        });
        match opening.await {
            Ok(opened) => {
                opened.used();
                Ok(Arc::clone(opened))
            }
            Err(problem) => {
                self.cells().retain(|name, cell| name != id || cell.initialized());
                Err(problem)
            }
        }
    }

    /// Reads a run from disk: what had become of it, and the entries since then.
    fn open(&self, id: &str) -> Result<Arc<Opened>, Problem> {
        let kept = self.store.run(id).map_err(not_stored)?.ok_or_else(|| {
            let remedy = "make it: PUT /v1/runs/ID with {\"model\": NAME, \"total_steps\": STEPS}";
            Problem::new(StatusCode::NOT_FOUND, format!("there is no run '{id}'"), remedy)
        })?;
        let settings: RunSettings = serde_json::from_str(&kept.settings).map_err(|_| defect())?;
        let hosted = self.models.get(&settings.model)?;
        if hosted.model.fingerprint() != kept.fingerprint {
            let title = format!("the model '{}' is another than when the run was made", settings.model);
            let remedy = "put the model of before back under that name, or make another run";
            return Err(Problem::new(StatusCode::CONFLICT, title, remedy));
        }
        let (run, number) = opened::replay(&self.store, id, &hosted, &settings, &kept).map_err(|reason| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, reason, "this is a defect of lodecast, or of the disk")
        })?;
        Ok(Arc::new(Opened::new(id, kept.key, settings, Slot { run, number }, self.pace)))
    }

    /// Makes a run; says whether it is new. The same settings again change nothing.
    pub(crate) async fn create(
        self: &Arc<Self>,
        id: &str,
        settings: RunSettings,
    ) -> Result<(Arc<Opened>, bool), Problem> {
        super::names::checked("run", id)?;
        let (runs, id) = (Arc::clone(self), id.to_owned());
        let creating = async move {
            let _one = runs.creating.lock().await;
            let (store, name) = (Arc::clone(&runs.store), id.clone());
            let kept = spawn_blocking(move || store.run(&name)).await.map_err(|_| defect())?.map_err(not_stored)?;
            if kept.is_some() {
                let opened = runs.get(&id).await?;
                let mut differing = opened.settings.differences(&settings);
                // One that was made longer is asked for with its new length by a training that begins again.
                let total_steps = opened.slot().await.run.history().total_steps;
                differing.retain(|name| *name != "total_steps" || settings.total_steps != total_steps);
                if differing.is_empty() {
                    return Ok((opened, false));
                }
                let title = format!("run '{id}' is there with another {}", differing.join(", "));
                let remedy =
                    "send the settings that it was made with, or take another id; .../extend makes a run longer";
                return Err(Problem::new(StatusCode::CONFLICT, title, remedy));
            }
            runs.made.take("wait a second before the next run")?;
            let (hosts, name, wanted) = (Arc::clone(&runs), id.clone(), settings.clone());
            let begun = spawn_blocking(move || {
                let hosted = hosts.models.get(&wanted.model)?;
                ServedRun::begin(&name, hosted, wanted).map_err(|error| {
                    let remedy = "mend the setting that is named";
                    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string(), remedy)
                })
            });
            let run = begun.await.map_err(|_| defect())??;
            if let Some(start) = &settings.start {
                // A schedule may fall to nought, whatever the lowest rate of the sweep was.
                checks::within(&knots::of(start, ANY), RateRange { lowest: 0.0, ..run.limits() })?;
            }
            let key = runs.next_key.fetch_add(1, Relaxed);
            let fingerprint = run.hosted().model.fingerprint().to_owned();
            let json = serde_json::to_string(&settings).map_err(|_| defect())?;
            let opened = Arc::new(Opened::new(&id, key, settings, Slot { run, number: 0 }, runs.pace));
            // Who lists the runs once this one is said to be made finds it with all that is known of it.
            let (summary, snapshot) = runs.said(&opened, &*opened.slot().await, true);
            let write = Write::Run { key, id: id.clone(), settings: json, fingerprint, summary, snapshot };
            runs.stored(runs.store.write(write).await)?;
            let cell = Arc::new(OnceCell::new_with(Some(Arc::clone(&opened))));
            runs.cells().insert(id, cell);
            Ok((opened, true))
        };
        // It goes on when the one who asked does not wait for it.
        tokio::spawn(creating).await.unwrap_or_else(|_| Err(defect()))
    }

    /// Takes in what is told of a run: it is on disk when this returns.
    pub(crate) async fn apply(self: &Arc<Self>, id: &str, command: Command) -> Result<Outcome, Problem> {
        let begun = Instant::now();
        let opened = self.get(id).await?;
        if !matches!(command, Command::Tell { from_log: true, .. }) {
            opened.pace.take("wait a second; many points go into one request to .../points")?;
        }
        let runs = Arc::clone(self);
        // It goes on when the one who asked does not wait for it: what is on disk is in memory, too.
        let work = tokio::spawn(async move { runs.work(&opened, command).await });
        let outcome = work.await.unwrap_or_else(|_| Err(defect()));
        if let Err(problem) = &outcome
            && problem.status == StatusCode::INTERNAL_SERVER_ERROR
        {
            self.forget(id);
        }
        self.counters.took(begun.elapsed());
        outcome
    }

    async fn work(self: Arc<Self>, opened: &Arc<Opened>, command: Command) -> Result<Outcome, Problem> {
        let mut slot = Arc::clone(&opened.slot).lock_owned().await;
        let (entries, known) = checks::to_enter(&self.store, opened.key, &slot.run, command).await?;
        let points = entries.iter().filter(|entry| matches!(entry, Entry::Point(_))).count();
        if !entries.is_empty() {
            let write = Write::Entries { key: opened.key, number: slot.number, entries: entries.clone() };
            self.stored(self.store.write(write).await)?;
        }
        self.counters.points.fetch_add(points as u64, Relaxed);
        self.counters.known_points.fetch_add(known as u64, Relaxed);
        let asks_model = entries.len() > QUICK || entries.iter().any(|entry| slot.run.asks_model(entry));
        let (runs, kept) = (Arc::clone(&self), Arc::clone(opened));
        let deciding = move || {
            let news = runs.decide(&kept, &mut slot, entries)?;
            let outcome = outcome(&slot.run, points, known);
            if points > 0 && slot.run.is_forecast_due() {
                return Ok((outcome, Some((slot, news))));
            }
            runs.conclude(&kept, &slot, &news);
            Ok((outcome, None))
        };
        // Most points cost microseconds: less than another thread.
        let decided = if asks_model {
            let _turn = self.turns.decisions.acquire().await;
            spawn_blocking(deciding).await.map_err(|_| defect())?
        } else {
            deciding()
        };
        let (outcome, to_forecast) = decided?;
        let Some((mut slot, mut news)) = to_forecast else { return Ok(outcome) };
        // No rate depends on a forecast: the answer does not wait for it, and what is told next of the run does.
        let (runs, kept) = (Arc::clone(&self), Arc::clone(opened));
        tokio::spawn(async move {
            let _turn = runs.turns.forecasts.acquire().await;
            let (forecasting, concluded) = (Arc::clone(&runs), Arc::clone(&kept));
            let work = spawn_blocking(move || {
                news.add(slot.run.forecast(), &forecasting.counters);
                forecasting.conclude(&concluded, &slot, &news);
            });
            if work.await.is_err() {
                runs.forget(&kept.id);
            }
        });
        Ok(outcome)
    }

    /// Takes in entries that are on disk. The forecast after the last of them is left to do.
    fn decide(&self, opened: &Opened, slot: &mut Slot, entries: Vec<Entry>) -> Result<News, Problem> {
        let mut news = News::default();
        let last = entries.len().saturating_sub(1);
        for (index, entry) in entries.into_iter().enumerate() {
            let is_point = matches!(entry, Entry::Point(_));
            news.turned |= !is_point;
            let number = slot.number;
            let before = || opened::counting(&self.store, opened.key, number);
            let events = slot.run.decide(entry, before).map_err(|error| {
                let remedy = "the run is read from disk again: send it once more";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), remedy)
            })?;
            news.add(events, &self.counters);
            if is_point && index < last {
                news.add(slot.run.forecast(), &self.counters);
            }
            slot.number += 1;
        }
        Ok(news)
    }

    /// Says what became of a run, when all that follows from what was told has been done.
    fn conclude(&self, opened: &Opened, slot: &Slot, news: &News) {
        let LiveRunState { finished, unsound, .. } = *slot.run.history();
        if news.turned || news.happened || finished || unsound {
            self.note(opened, slot, news.turned || news.decided);
        }
        opened.tell(slot.number);
    }

    /// Has the list say anew what is known of the latest runs under way: what it says is noted after what was told, and a server
    /// that was killed between the two has told it to nobody.
    pub(crate) async fn refresh(self: &Arc<Self>) {
        let store = Arc::clone(&self.store);
        let under_way = spawn_blocking(move || store.list("", Which::UnderWay, 0, REFRESHED)).await;
        let Ok(Ok((runs, _))) = under_way else { return };
        for run in runs {
            // One that cannot be opened says so to whoever asks for it.
            let Ok(opened) = self.get(&run.id).await else { continue };
            let slot = opened.slot().await;
            self.note(&opened, &slot, false);
        }
    }

    /// What is in memory of a run may be half done: it is read from disk again.
    fn forget(&self, id: &str) {
        self.counters.defects.fetch_add(1, Relaxed);
        self.cells().remove(id);
    }

    fn stored(&self, written: super::store::Written) -> Result<(), Problem> {
        written.map_err(|reason| {
            self.counters.not_stored.fetch_add(1, Relaxed);
            not_stored(reason)
        })
    }

    /// Has the list say what became of a run, and keeps it whole where that is worth it.
    fn note(&self, opened: &Opened, slot: &Slot, whole: bool) {
        let (summary, snapshot) = self.said(opened, slot, whole);
        self.store.note(Write::Become { key: opened.key, number: slot.number, summary, snapshot });
    }

    /// What is kept of a run as it is now: what its list says, and if `whole` all from which it goes on.
    fn said(&self, opened: &Opened, slot: &Slot, whole: bool) -> (String, Option<String>) {
        let summary = opened.summary(&slot.run, self.target).to_string();
        let snapshot = whole.then(|| serde_json::to_string(&slot.run.snapshot()).ok()).flatten();
        (summary, snapshot)
    }

    /// Runs in memory.
    pub(crate) fn in_memory(&self) -> usize {
        self.cells().len()
    }

    /// A turn at the models for what a reader asks.
    pub(crate) async fn turn_to_ask(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.questions.acquire().await.ok()
    }

    /// Keeps runs that are idle on disk only.
    pub(crate) fn sweep(&self) {
        self.cells().retain(|_, cell| {
            let is_held = Arc::strong_count(cell) > 1;
            let is_idle =
                |opened: &Opened| opened.is_idle(IDLE) || (opened.is_idle(IDLE_AT_ITS_END) && opened.is_at_its_end());
            is_held || cell.get().is_none_or(|opened| Arc::strong_count(opened) > 1 || !is_idle(opened))
        });
    }

    fn cells(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<OnceCell<Arc<Opened>>>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
