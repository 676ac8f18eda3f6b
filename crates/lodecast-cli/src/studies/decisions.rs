//! What lodecast's schedulers decide during a comparison, written down as it happens.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lodecast::Plan;
use serde::{Deserialize, Serialize};

use super::directory::Decisions;

/// The decisions of all runs, in memory and in a file, so that they outlive an interruption.
pub(crate) struct DecisionLog {
    path: PathBuf,
    lines: Mutex<Vec<Line>>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    method: String,
    seed: u64,
    progress: f64,
    changed: bool,
    reason: String,
}

impl DecisionLog {
    /// Opens or starts the log at `path`. What cannot be read of it is left out: it explains, and decides nothing.
    pub(crate) fn open(path: &Path) -> Arc<Self> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Arc::new(Self { path: path.to_owned(), lines: Mutex::new(lines) })
    }

    /// Adds a decision.
    pub(crate) fn add(&self, method: &str, seed: u64, plan: &Plan) {
        let (progress, changed, reason) = (plan.now, plan.changed, plan.reason.clone());
        let line = Line { method: method.to_owned(), seed, progress, changed, reason };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // A training is never stopped because its explanation could not be written down.
        if let (Ok(text), Ok(mut file)) =
            (serde_json::to_string(&line), std::fs::OpenOptions::new().create(true).append(true).open(&self.path))
        {
            let _ = writeln!(file, "{text}");
        }
        lines.push(line);
    }

    /// The decisions by run, in the order of progress. A run that was started twice counts as it went the last time.
    pub(crate) fn decisions(&self) -> Vec<Decisions> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut runs: BTreeMap<(String, u64), BTreeMap<u64, String>> = BTreeMap::new();
        for line in lines.iter() {
            let verb = if line.changed { "new schedule" } else { "kept" };
            let moments = runs.entry((line.method.clone(), line.seed)).or_default();
            moments.insert((line.progress * 1e6).round() as u64, format!("{verb}: {}", line.reason));
        }
        runs.into_iter()
            .map(|((method, seed), moments)| Decisions {
                method,
                seed,
                moments: moments.into_iter().map(|(at, reason)| (at as f64 / 1e6, reason)).collect(),
            })
            .collect()
    }
}
