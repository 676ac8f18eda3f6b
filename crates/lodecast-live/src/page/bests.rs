//! [`Bests`]: the best configurations that were asked for, each made once.

use std::sync::{Arc, Mutex, PoisonError};

use lodecast::Model;

use super::best::Best;

/// Courses that are kept. One is some kilobytes.
const KEPT: usize = 64;

/// Those that were asked for: a model is not asked the same again for every event of a page.
#[derive(Debug, Default)]
pub(crate) struct Bests(Mutex<Vec<(Key, Arc<Best>)>>);

/// Which model, and the length of the run.
type Key = (String, u64);

impl Bests {
    /// That of a model for runs of a length, which is made once.
    pub(crate) fn of(&self, model: &Model, total_steps: u64) -> Arc<Best> {
        let key = (model.fingerprint().to_owned(), total_steps);
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, best)) = kept().iter().find(|(known, _)| *known == key) {
            return Arc::clone(best);
        }
        // Others may ask meanwhile: what two have made is the same.
        let best = Arc::new(Best::of(model, total_steps));
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((key, Arc::clone(&best)));
        best
    }
}
