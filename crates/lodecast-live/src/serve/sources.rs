//! [`Sources`]: runs that the server follows itself, in logs beneath places that were allowed on its command line.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::http::StatusCode;
use lodecast::Metric;
use lodecast_import::{ImportOptions, Limits, Stop, ValidationChoice, Wanted, format_named};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::form::MOST;
use super::runs::{Command, Runs, not_stored};
use super::store::Write;
use crate::error::{Error, Result};
use crate::follower::Quiet;
use crate::http::problem::Problem;
use crate::page::server::defect;
use crate::watch::{Watch, WatchOptions};

/// Runs that are followed at once.
const FOLLOWED: usize = 64;
/// Time between two looks, and between two thoughts of ending.
const EVERY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_millis(100);

/// Where a run is logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// File, folder or address.
    place: String,
    /// Its format, where it is not to be recognised.
    #[serde(default)]
    format: Option<String>,
    /// Id of the run there, where there are several.
    #[serde(default)]
    run: Option<String>,
    /// Series of the model's metric, the train loss and the learning rate, where they go by unusual names.
    #[serde(default)]
    validation: Option<String>,
    #[serde(default)]
    loss: Option<String>,
    #[serde(default)]
    learning_rate: Option<String>,
    /// Column or series that counts the steps.
    #[serde(default)]
    step: Option<String>,
}

/// Places beneath which logs may lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed {
    folders: Vec<PathBuf>,
    addresses: Vec<String>,
}

impl Allowed {
    /// Folders and addresses.
    ///
    /// # Errors
    /// If a folder is not there.
    pub(crate) fn of(places: &[String]) -> Result<Self> {
        let mut allowed = Self::default();
        for place in places {
            if place.contains("://") {
                allowed.addresses.push(place.trim_end_matches('/').to_owned());
            } else {
                let failed = |source| Error::File { path: place.into(), source };
                allowed.folders.push(Path::new(place).canonicalize().map_err(failed)?);
            }
        }
        Ok(allowed)
    }

    /// The place, links resolved, if logs may lie there.
    fn permitted(&self, place: &str) -> std::result::Result<String, Problem> {
        let refused = || {
            let remedy = "start the server with --source FOLDER or --source ADDRESS for what it may follow";
            Problem::new(StatusCode::FORBIDDEN, "this server may not read there", remedy)
        };
        if place.contains("://") {
            let plain = place.bytes().all(|byte| byte.is_ascii_graphic() && !b"@\\%".contains(&byte));
            let beneath = |address: &String| {
                let rest = place.strip_prefix(address.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
            };
            let allowed = plain && !place.contains("..") && self.addresses.iter().any(beneath);
            return if allowed { Ok(place.to_owned()) } else { Err(refused()) };
        }
        let found = resolved(Path::new(place)).ok_or_else(refused)?;
        if !self.folders.iter().any(|folder| found.starts_with(folder)) {
            return Err(refused());
        }
        found.into_os_string().into_string().map_err(|_| refused())
    }
}

/// An absolute path without links, as far as it is there.
fn resolved(path: &Path) -> Option<PathBuf> {
    if !path.is_absolute() {
        return None;
    }
    let mut there = path;
    let mut rest = Vec::new();
    loop {
        if let Ok(found) = there.canonicalize() {
            return Some(rest.iter().rev().fold(found, |found, part| found.join(part)));
        }
        // A link that leads nowhere yet may lead anywhere later.
        if there.is_symlink() {
            return None;
        }
        let Component::Normal(part) = there.components().next_back()? else { return None };
        rest.push(part);
        there = there.parent()?;
    }
}

/// The runs that are followed.
#[derive(Debug)]
pub(crate) struct Sources {
    allowed: Allowed,
    following: Mutex<HashMap<String, Thread>>,
}

/// A thread that follows a run until it is told to stop.
#[derive(Debug)]
struct Thread {
    stop: Arc<AtomicBool>,
    handle: JoinHandle<()>,
}

impl Sources {
    pub(crate) fn new(allowed: Allowed) -> Self {
        Self { allowed, following: Mutex::default() }
    }

    /// Follows a run from now on, also after a restart.
    pub(crate) async fn put(&self, runs: &Arc<Runs>, id: &str, body: &[u8]) -> std::result::Result<(), Problem> {
        let remedy =
            "send {\"place\": \"/absolute/path\"}, and run, format, validation, loss, learning_rate, step where needed";
        let source: Source = serde_json::from_slice(body).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, format!("the source cannot be read: {error}"), remedy)
        })?;
        self.allowed.permitted(&source.place)?;
        if let Some(format) = &source.format {
            format_named(format)
                .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string(), remedy))?;
        }
        let opened = runs.get(id).await?;
        let json = serde_json::to_string(&source).map_err(|_| defect())?;
        runs.store.write(Write::Source { key: opened.key, source: Some(json) }).await.map_err(not_stored)?;
        let metric = opened.slot().await.run.hosted().model.metric().clone();
        self.follow(runs, id, source, metric)
    }

    /// Goes on with what was followed when the server ended.
    pub(crate) async fn go_on(&self, runs: &Arc<Runs>) {
        for id in runs.store.followed().unwrap_or_default() {
            let Ok(opened) = runs.get(&id).await else { continue };
            let kept = runs.store.run(&id).ok().flatten().and_then(|kept| kept.source);
            let Some(source) = kept.and_then(|json| serde_json::from_str::<Source>(&json).ok()) else { continue };
            let slot = opened.slot().await;
            if !slot.run.history().finished {
                let metric = slot.run.hosted().model.metric().clone();
                if let Err(problem) = self.follow(runs, &id, source, metric) {
                    opened.set_absent(Some(problem.title));
                }
            }
        }
    }

    fn follow(&self, runs: &Arc<Runs>, id: &str, source: Source, metric: Metric) -> std::result::Result<(), Problem> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        following.retain(|_, thread| !thread.handle.is_finished());
        if following.len() >= FOLLOWED && !following.contains_key(id) {
            let remedy = "wait until one ends, or have 'lodecast follow' follow the run";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many runs are followed", remedy));
        }
        if let Some(before) = following.get(id) {
            before.stop.store(true, Relaxed);
        }
        let (runs, name, allowed, runtime) = (Arc::clone(runs), id.to_owned(), self.allowed.clone(), Handle::current());
        let told = Arc::clone(&stop);
        let follow = move || Following { runs, id: name, allowed, source, metric, runtime, stop }.follow();
        let handle = thread::Builder::new().name("source".to_owned()).spawn(follow).map_err(|_| defect())?;
        following.insert(id.to_owned(), Thread { stop: told, handle });
        Ok(())
    }

    /// Ends to follow, so that nobody holds the store any more. To be called where the runtime still runs.
    pub(crate) fn end(&self) {
        let following = std::mem::take(&mut *self.following.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in following.values() {
            thread.stop.store(true, Relaxed);
        }
        for thread in following.into_values() {
            let _ = thread.handle.join();
        }
    }
}

/// One run that is followed.
struct Following {
    runs: Arc<Runs>,
    id: String,
    allowed: Allowed,
    source: Source,
    metric: Metric,
    runtime: Handle,
    stop: Arc<AtomicBool>,
}

impl Following {
    /// Looks at the log until the run is over.
    fn follow(self) {
        let mut watch = self.watch();
        // What was told is told again from the last step on: it may have been added to.
        let (mut from, mut quiet) = (0, Quiet::default());
        while !self.stop.load(Relaxed) {
            let seen = match self.allowed.permitted(&self.source.place) {
                Err(problem) => Err(problem.title),
                Ok(_) => watch.look().map_err(|error| error.to_string()),
            };
            quiet.look(from == 0 || seen.as_ref().is_ok_and(|sight| sight.news));
            let absent = match seen {
                Ok(sight) => {
                    let points = sight.run.map(|run| run.points).unwrap_or_default();
                    let fresh = &points[points.partition_point(|point| point.step < from)..];
                    let mut absent = sight.absent;
                    for part in fresh.chunks(MOST) {
                        let command = Command::Tell { points: part.to_vec(), from_log: true };
                        match self.runtime.block_on(self.runs.apply(&self.id, command)) {
                            Ok(outcome) => from = outcome.last_step.unwrap_or(0),
                            Err(problem) => absent = Some(problem.title),
                        }
                    }
                    absent
                }
                Err(reason) => Some(reason),
            };
            let is_over = self.runtime.block_on(async {
                let Ok(opened) = self.runs.get(&self.id).await else { return false };
                opened.set_absent(absent);
                let slot = opened.slot().await;
                let points = slot.run.shown(None).1;
                quiet.is_over(points, slot.run.history().total_steps)
            });
            if is_over {
                return;
            }
            for _ in 0..EVERY.as_millis() / PATIENCE.as_millis() {
                if self.stop.load(Relaxed) {
                    return;
                }
                thread::sleep(PATIENCE);
            }
        }
    }

    fn watch(&self) -> Watch {
        let Source { place, format, run, validation, loss, learning_rate, step } = self.source.clone();
        let stop = Arc::clone(&self.stop);
        let named = validation.map(|name| ValidationChoice { name, direction: Some(self.metric.direction) });
        let options = ImportOptions {
            limits: Limits { stop: Stop::when(move || stop.load(Relaxed)), ..Limits::default() },
            loss,
            learning_rate,
            validation: named.into_iter().collect(),
            wanted: Wanted { step_column: step, ..Wanted::default() },
            ..ImportOptions::default()
        };
        let format = format.and_then(|name| format_named(&name).ok());
        Watch::new(WatchOptions { place, format, run, options }, self.metric.clone(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_beneath_an_allowed_place_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().canonicalize().expect("there");
        let logs = base.join("logs");
        std::fs::create_dir_all(logs.join("a")).expect("made");
        std::fs::create_dir_all(base.join("logs-of-others")).expect("made");
        std::fs::write(base.join("secret.csv"), "step,loss\n").expect("written");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&base, logs.join("out")).expect("linked");
            std::os::unix::fs::symlink(base.join("nowhere/x"), logs.join("later")).expect("linked");
        }
        let text = |path: PathBuf| path.to_str().expect("Unicode").to_owned();
        let allowed = Allowed::of(&[text(logs.clone()), "http://tracker.example:5000/".to_owned()]).expect("there");
        let may = |place: &str| allowed.permitted(place).is_ok();
        assert!(may(&text(logs.join("a"))) && may(&text(logs.join("a/not/yet.csv"))) && may(&text(logs.clone())));
        assert!(may("http://tracker.example:5000") && may("http://tracker.example:5000/#/experiments/1"));
        for place in [
            text(base.join("secret.csv")),
            text(base.join("logs-of-others")),
            text(logs.join("../secret.csv")),
            text(logs.join("none/../../secret.csv")),
            text(logs.join("out/secret.csv")),
            text(logs.join("later/file")),
            "logs/a".to_owned(),
            String::new(),
            "http://tracker.example:50001/".to_owned(),
            "http://tracker.example:5000@evil.example/".to_owned(),
            "http://tracker.example:5000/../x".to_owned(),
            "file:///etc/passwd".to_owned(),
            "wandb:entity/project".to_owned(),
        ] {
            #[cfg(not(unix))]
            if place.contains("later") || place.contains("out") {
                continue;
            }
            assert!(!may(&place), "{place}");
        }
    }
}
