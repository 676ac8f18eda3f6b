//! Runs under way, followed: each look hands over what has been recorded since the one before.
//!
//! ```
//! use std::ops::ControlFlow;
//! use lodecast_import::{Follow, Limits, Wanted};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("log.csv");
//! std::fs::write(&path, "step,loss\n10,2.1\n")?;
//! let mut follow = Follow::new(path.to_str().unwrap(), Wanted::default(), Limits::default());
//! let mut look = |follow: &mut Follow| {
//!     let mut steps = Vec::new();
//!     follow.look(&mut |news| {
//!         steps.extend(news.recording.series["loss"].steps());
//!         ControlFlow::Continue(())
//!     })?;
//!     Ok::<_, lodecast_import::Error>(steps)
//! };
//! assert_eq!(look(&mut follow)?, [10]);
//! std::fs::write(&path, "step,loss\n10,2.1\n20,1.8\n30,1.")?;
//! // A line in the writing waits for its end.
//! assert_eq!(look(&mut follow)?, [20]);
//!
//! // Where it stopped is plain data: another process can go on from there.
//! let kept = serde_json::to_string(follow.cursor())?;
//! let mut later = Follow::new(path.to_str().unwrap(), Wanted::default(), Limits::default());
//! later.resume(serde_json::from_str(&kept)?);
//! std::fs::write(&path, "step,loss\n10,2.1\n20,1.8\n30,1.5\n")?;
//! assert_eq!(look(&mut later)?, [30]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::ops::ControlFlow;

use crate::error::Result;
use crate::format::{Format, Outcome, Skipped, Wanted};
use crate::formats::registry::recognise;
use crate::limits::Limits;
use crate::recording::{Recording, Series};
use crate::since::{Cursor, Since};
use crate::source::Source;

/// A source that is looked at again and again.
pub struct Follow {
    place: String,
    format: Option<&'static dyn Format>,
    wanted: Wanted,
    limits: Limits,
    cursor: Cursor,
}

/// What has been recorded of a run since the last look.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// The new samples, and the settings as far as they were read again.
    pub recording: Recording,
    /// Was what had been read before replaced? Then this is all that there is.
    pub rewritten: bool,
}

impl Follow {
    /// Follows the file, folder or address `place` from its beginning.
    pub fn new(place: impl Into<String>, wanted: Wanted, limits: Limits) -> Self {
        Self { place: place.into(), format: None, wanted, limits, cursor: Cursor::default() }
    }

    /// Reads it in this format, instead of the one that it is recognised as.
    #[must_use]
    pub fn format(mut self, format: &'static dyn Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Goes on from where an earlier reading stopped.
    pub fn resume(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }

    /// Where the reading stopped.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Hands over what is new of each run, and tells which are newly left out and why. Folders are walked through again, so
    /// that new runs are found. If it is broken off, or fails, the next look begins where this one did.
    ///
    /// # Errors
    /// If the source cannot be read, or is of no known format.
    pub fn look(&mut self, take: &mut dyn FnMut(News) -> ControlFlow<()>) -> Result<Vec<Skipped>> {
        let source = Source::open(&self.place, &self.limits)?;
        let format = match self.format {
            Some(format) => format,
            None => *self.format.insert(recognise(&source)?[0]),
        };
        let since = Since::cursor(self.cursor.clone());
        let is_first = self.cursor == Cursor::default();
        // A look takes in little, and what is told by the number of samples must not lose any.
        let limits = Limits { since: since.clone(), points: usize::MAX, ..self.limits.clone() };
        let (mut counted, mut skipped) = (self.cursor.clone(), Vec::new());
        let mut broken_off = false;
        format.read(&source, &self.wanted, &limits, &mut |outcome| {
            let flow = match outcome {
                Outcome::Recording(recording) => {
                    let news = match since.went_on(&recording.source, &recording.id) {
                        Some(rewritten) => News { recording, rewritten },
                        // It was read whole.
                        None => unseen(recording, &mut counted),
                    };
                    let is_news = !news.recording.series.is_empty() || !news.recording.by_epoch.is_empty();
                    if is_news { take(news) } else { ControlFlow::Continue(()) }
                }
                Outcome::Skipped(run) => {
                    // Where nothing is new there is nothing at all.
                    if (is_first || !run.nothing) && counted.leave_out(&run.run, &run.reason) {
                        skipped.push(run);
                    }
                    ControlFlow::Continue(())
                }
            };
            broken_off = flow.is_break();
            flow
        })?;
        if !broken_off {
            self.cursor = since.reached().with_counts(counted);
        }
        Ok(skipped)
    }
}

/// What of a recording that was read whole has not been handed over yet.
fn unseen(mut recording: Recording, cursor: &mut Cursor) -> News {
    let id = recording.id.clone();
    let shorter = |name: &str, series: &Series| (series.len() as u64) < cursor.samples(&id, name);
    let all = recording.series.iter().chain(&recording.by_epoch);
    // Fewer samples than before: it is another recording.
    let rewritten = all.into_iter().any(|(name, series)| shorter(name, series));
    for (name, series) in recording.series.iter_mut().chain(&mut recording.by_epoch) {
        let (before, now) = (if rewritten { 0 } else { cursor.samples(&id, name) }, series.len() as u64);
        cursor.count(&id, name, now);
        if before > 0 {
            *series = series.samples_from(before as usize).collect();
        }
    }
    recording.series.retain(|_, series| !series.is_empty());
    recording.by_epoch.retain(|_, series| !series.is_empty());
    News { recording, rewritten }
}
