//! A recording in the making, which takes what is wanted and no more than the limits allow.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::format::{Outcome, Wanted};
use crate::limits::Limits;
use crate::recording::{Recording, Series};

/// Samples or records after which it is asked again whether to stop: some hundredths of a second.
const BETWEEN_STOPS: u64 = 1 << 16;

/// A recording in the making.
pub(crate) struct Recorder<'a> {
    recording: Recording,
    wanted: &'a Wanted,
    limits: &'a Limits,
    /// Where in `series` a name's samples are; nowhere if they are not wanted.
    places: HashMap<String, Option<usize>>,
    series: Vec<(String, Series)>,
    samples: usize,
    /// Samples at steps below zero, which no optimizer takes.
    negative: u64,
}

impl<'a> Recorder<'a> {
    /// An empty recording of the run `id`, read from `source`.
    pub(crate) fn new(
        id: impl Into<String>,
        source: impl Into<String>,
        wanted: &'a Wanted,
        limits: &'a Limits,
    ) -> Self {
        Self {
            recording: Recording::new(id, source),
            wanted,
            limits,
            places: HashMap::new(),
            series: Vec::new(),
            samples: 0,
            negative: 0,
        }
    }

    /// The run's identity.
    pub(crate) fn id(&self) -> &str {
        &self.recording.id
    }

    /// Gives the run another identity, once it is known.
    pub(crate) fn rename(&mut self, id: &str) {
        id.clone_into(&mut self.recording.id);
    }

    /// The place for samples of the series `name`; none if it is not wanted.
    ///
    /// # Errors
    /// If the run has more series than the limits allow, or the name is too long.
    pub(crate) fn place(&mut self, name: &str) -> Result<Option<usize>> {
        if let Some(&place) = self.places.get(name) {
            return Ok(place);
        }
        self.check(self.places.len() < self.limits.series, "the number of its series", self.limits.series)?;
        self.check(name.len() <= self.limits.text_bytes, "the length of a metric's name", self.limits.text_bytes)?;
        let place = self.wanted.wants(name).then_some(self.series.len());
        if place.is_some() {
            self.series.push((name.to_owned(), Series::default()));
        }
        self.places.insert(name.to_owned(), place);
        Ok(place)
    }

    /// Appends a sample at a place that [`Recorder::place`] gave; `time` is in seconds since 1970, NaN if it is not known.
    ///
    /// # Errors
    /// If the run has more samples than the limits allow, or it is time to stop.
    #[inline]
    pub(crate) fn push(&mut self, place: usize, step: i64, value: f64, time: f64) -> Result<()> {
        let Ok(step) = u64::try_from(step) else {
            self.negative += 1;
            return Ok(());
        };
        self.check(self.samples < self.limits.samples, "the number of its points", self.limits.samples)?;
        self.stop_at(self.samples as u64)?;
        self.samples += 1;
        let series = &mut self.series[place].1;
        // Where nothing is known of times, they take no memory.
        if time.is_nan() {
            series.push(step, value);
        } else {
            series.push_timed(step, value, time);
        }
        Ok(())
    }

    /// Ends the reading if that was asked for; it is looked at every so many of what is counted by `done`.
    ///
    /// # Errors
    /// If it is time to stop.
    #[inline]
    pub(crate) fn stop_at(&self, done: u64) -> Result<()> {
        if done.is_multiple_of(BETWEEN_STOPS) { self.limits.stop.check() } else { Ok(()) }
    }

    /// Sets a setting; a later value replaces an earlier one. One that is too long is noted as left out.
    ///
    /// # Errors
    /// If the run has more settings than the limits allow.
    pub(crate) fn set(&mut self, key: &str, value: String) -> Result<()> {
        let limits = self.limits;
        self.check(self.recording.settings.len() < limits.settings, "the number of its settings", limits.settings)?;
        if key.len().max(value.len()) > limits.text_bytes {
            let start: String = key.chars().take(60).collect();
            self.note(format!("the setting '{start}' is longer than {} bytes: left out", limits.text_bytes));
            return Ok(());
        }
        self.recording.settings.insert(key.to_owned(), value);
        Ok(())
    }

    /// Removes a setting.
    pub(crate) fn unset(&mut self, key: &str) {
        self.recording.settings.remove(key);
    }

    /// Notes what was mended or lost.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.recording.notes.push(note.into());
    }

    /// The steps of all series, to be replaced.
    pub(crate) fn steps(&mut self) -> impl Iterator<Item = &mut u64> {
        self.series.iter_mut().flat_map(|(_, series)| &mut series.steps)
    }

    /// Puts the samples of each series in the order of their steps; those of one step keep theirs.
    pub(crate) fn sort(&mut self) {
        for (_, series) in &mut self.series {
            series.sort();
        }
    }

    /// The recording; a run without a sample is left out, for the reason that it has `nothing`.
    pub(crate) fn finish(mut self, nothing: &str) -> Outcome {
        if self.negative > 0 {
            self.recording.notes.push(format!("{} points at steps below zero left out", self.negative));
        }
        if self.samples == 0 {
            let wanted = if self.places.is_empty() { nothing } else { "it has none of the metrics asked for" };
            let reason = std::iter::once(wanted).chain(self.recording.notes.iter().map(String::as_str));
            return Outcome::skipped(self.recording.id, reason.collect::<Vec<_>>().join("; "));
        }
        for (_, series) in &mut self.series {
            if series.times.iter().all(|time| time.is_nan()) {
                series.times = Vec::new();
            }
        }
        self.recording.series = self.series.into_iter().filter(|(_, series)| !series.is_empty()).collect();
        Outcome::Recording(self.recording)
    }

    #[inline]
    fn check(&self, holds: bool, what: &str, limit: usize) -> Result<()> {
        if holds { Ok(()) } else { Err(self.too_large(what, limit)) }
    }

    #[cold]
    fn too_large(&self, what: &str, limit: usize) -> Error {
        Error::TooLarge {
            place: self.recording.source.clone(),
            what: what.to_owned(),
            limit: limit as u64,
            remedy: "this is beyond what trackers write; ask for fewer metrics, or export the run as CSV",
        }
    }
}
