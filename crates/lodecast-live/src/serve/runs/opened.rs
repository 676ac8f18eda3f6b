//! [`Opened`]: a run in memory, and how it comes there from disk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{MutexGuard, watch};

use crate::alerts::alerts_of;
use crate::error::{Error, Result};
use crate::http::pace::Pace;
use crate::serve::entry::{Entry, push};
use crate::serve::models::Hosted;
use crate::serve::served_run::ServedRun;
use crate::serve::settings::RunSettings;
use crate::serve::store::{KeptRun, Store};
use crate::words::sentence_of;

/// A run, and the number of its entries.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) run: ServedRun,
    pub(crate) number: u64,
}

/// A run in memory.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) id: String,
    pub(crate) key: i64,
    pub(crate) settings: RunSettings,
    pub(super) slot: Arc<tokio::sync::Mutex<Slot>>,
    pub(super) pace: Pace,
    /// Name of the model's metric.
    metric: String,
    /// The number of its entries, for those who wait for news.
    news: watch::Sender<u64>,
    used: Mutex<Instant>,
    /// Why its log cannot be read now, where it is followed.
    absent: Mutex<Option<String>>,
}

impl Opened {
    pub(super) fn new(id: &str, key: i64, settings: RunSettings, slot: Slot, pace: f64) -> Self {
        let (news, _) = watch::channel(slot.number);
        Self {
            id: id.to_owned(),
            metric: slot.run.hosted().model.metric().name.clone(),
            key,
            settings,
            slot: Arc::new(tokio::sync::Mutex::new(slot)),
            pace: Pace::new(pace),
            news,
            used: Mutex::new(Instant::now()),
            absent: Mutex::default(),
        }
    }

    /// Name of the model's metric.
    pub(crate) fn metric(&self) -> &str {
        &self.metric
    }

    /// The run, when nobody else has it.
    pub(crate) async fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().await
    }

    /// Tells those who wait.
    pub(super) fn tell(&self, number: u64) {
        self.news.send_replace(number);
    }

    /// For those who wait for news.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub(super) fn used(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn is_idle(&self, time: Duration) -> bool {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > time
    }

    /// Is nothing more expected of it?
    pub(super) fn is_at_its_end(&self) -> bool {
        self.slot.try_lock().is_ok_and(|slot| slot.run.history().finished)
    }

    /// Says why its log cannot be read, or that it can.
    pub(crate) fn set_absent(&self, reason: Option<String>) {
        *self.absent.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    pub(crate) fn absent(&self) -> Option<String> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The run in the list of runs.
    pub(crate) fn summary(&self, run: &ServedRun, default_target: Option<f64>) -> Value {
        let (subject, points) = run.shown(default_target);
        let history = run.history();
        json!({
            "model": self.settings.model,
            "metric": subject.model.metric().to_string(),
            "total_steps": history.total_steps,
            "revision": run.revision(),
            "sentence": sentence_of(&subject, points),
            "predicted": history.predicted(),
            "alerts": alerts_of(&subject, points, None).iter().map(ToString::to_string).collect::<Vec<_>>(),
            "by_hand": history.chosen.is_some(),
            "finished": history.finished,
        })
    }
}

/// What the disk says of a run.
fn read<T>(from: std::result::Result<T, String>) -> Result<T> {
    from.map_err(|reason| Error::Undecided {
        place: "the store".to_owned(),
        question: reason,
        remedy: "look at the disk".to_owned(),
    })
}

/// The entries of a run before a number that count.
pub(super) fn counting(store: &Store, key: i64, number: u64) -> Result<Vec<Entry>> {
    let mut counting = Vec::new();
    for entry in read(store.entries(key, 0))?.into_iter().take(number as usize) {
        push(&mut counting, entry);
    }
    Ok(counting)
}

/// The run as it was: from its snapshot and the entries since then, or else from all of them.
pub(super) fn replay(
    store: &Store,
    id: &str,
    hosted: &Arc<Hosted>,
    settings: &RunSettings,
    kept: &KeptRun,
) -> std::result::Result<(ServedRun, u64), String> {
    let from_snapshot = || {
        let (text, number) = kept.snapshot.as_ref()?;
        let run = ServedRun::restore(Arc::clone(hosted), settings.clone(), serde_json::from_str(text).ok()?).ok()?;
        Some((run, *number))
    };
    let begin = || Ok((ServedRun::begin(id, Arc::clone(hosted), settings.clone())?, 0));
    let all = |begun: Result<(ServedRun, u64)>| -> Result<(ServedRun, u64)> {
        let (mut run, mut number) = begun?;
        for entry in read(store.entries(kept.key, number))? {
            run.take_in(entry, || counting(store, kept.key, number))?;
            number += 1;
        }
        Ok((run, number))
    };
    all(from_snapshot().map_or_else(begin, Ok)).map_err(|error| error.to_string())
}
