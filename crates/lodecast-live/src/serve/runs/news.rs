//! What came of entries, and the count of it.

use std::sync::atomic::Ordering::Relaxed;

use crate::event::Event;
use crate::serve::counters::Counters;

/// What came of entries.
#[derive(Debug, Default)]
pub(super) struct News {
    /// It was not points alone.
    pub(super) turned: bool,
    pub(super) decided: bool,
    pub(super) happened: bool,
}

impl News {
    pub(super) fn add(&mut self, events: impl IntoIterator<Item = Event>, counters: &Counters) {
        for event in events {
            self.happened = true;
            match event {
                Event::Decided(_) => {
                    self.decided = true;
                    counters.decisions.fetch_add(1, Relaxed)
                }
                Event::Forecast(_) => counters.forecasts.fetch_add(1, Relaxed),
                _ => 0,
            };
        }
    }
}
