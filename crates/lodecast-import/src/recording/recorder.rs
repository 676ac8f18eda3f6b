//! A recording in the making: the one place where samples are taken in, what is wanted of them and no more than the limits allow.

use std::collections::{BTreeMap, HashMap};

use crate::error::{Error, Result};
use crate::format::{Outcome, Wanted};
use crate::limits::Limits;
use crate::recording::gaps::drop_gaps;
use crate::recording::placeholders::{Placeholder, placeholder};
use crate::recording::{Recording, Series, Session};

/// Samples or records after which it is asked again whether to stop: some hundredths of a second.
const BETWEEN_STOPS: u64 = 1 << 16;

/// A recording in the making.
///
/// Samples belong to moments: a [row](Self::next_moment) of a table, an event, or a time of one's own
/// ([`push_at`](Self::push_at)). By them the attempts of a run that was restarted are told apart in all series alike.
pub(crate) struct Recorder<'a> {
    recording: Recording,
    wanted: &'a Wanted,
    limits: &'a Limits,
    /// Where in `series` a name's samples are; nowhere if they are not wanted.
    places: HashMap<String, Option<usize>>,
    series: Vec<Named>,
    moment: u64,
    /// Samples kept, and samples met.
    kept: usize,
    met: u64,
    /// Samples at steps below zero, which no optimizer takes.
    negative: u64,
    sessions_left_out: bool,
    /// May NaN mean that nothing was measured, as in tables?
    has_gaps: bool,
}

/// A series with its name: what was recorded at steps, and what was recorded at epochs.
struct Named {
    name: String,
    at_steps: Series,
    at_epochs: Series,
}

impl<'a> Recorder<'a> {
    /// An empty recording of the run `id`, read from `source`.
    pub(crate) fn new(
        id: impl Into<String>,
        source: impl Into<String>,
        wanted: &'a Wanted,
        limits: &'a Limits,
    ) -> Self {
        Self::of(Recording::new(id, source), wanted, limits)
    }

    /// A recording that goes on from `base`: its identity, its settings and what else is known beforehand.
    pub(crate) fn of(base: Recording, wanted: &'a Wanted, limits: &'a Limits) -> Self {
        Self {
            recording: base,
            wanted,
            limits,
            places: HashMap::new(),
            series: Vec::new(),
            moment: 0,
            kept: 0,
            met: 0,
            negative: 0,
            sessions_left_out: false,
            has_gaps: false,
        }
    }

    /// The same, of a table, in which NaN may mean that nothing was measured.
    pub(crate) fn of_table(base: Recording, wanted: &'a Wanted, limits: &'a Limits) -> Self {
        Self { has_gaps: true, ..Self::of(base, wanted, limits) }
    }

    /// The run's identity.
    pub(crate) fn id(&self) -> &str {
        &self.recording.id
    }

    /// Gives the run another identity, once it is known.
    pub(crate) fn rename(&mut self, id: &str) {
        id.clone_into(&mut self.recording.id);
    }

    /// What is known of the run besides its samples.
    pub(crate) fn recording(&mut self) -> &mut Recording {
        &mut self.recording
    }

    /// Samples kept so far.
    pub(crate) fn samples(&self) -> usize {
        self.kept
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
            let (at_steps, at_epochs) = (Series::default(), Series::default());
            self.series.push(Named { name: name.to_owned(), at_steps, at_epochs });
        }
        self.places.insert(name.to_owned(), place);
        Ok(place)
    }

    /// Goes on to the next moment, that of the next row or event.
    pub(crate) fn next_moment(&mut self) {
        self.moment += 1;
    }

    /// Marks that a file or session begins with the next moment, which goes on to it.
    pub(crate) fn begin_session(&mut self, from_step: Option<u64>) {
        self.moment += 1;
        // As many as there can be files; more would be memory that no sample pays for.
        if self.recording.sessions.len() < self.limits.series {
            self.recording.sessions.push(Session { moment: self.moment, from_step });
        } else if !self.sessions_left_out {
            self.sessions_left_out = true;
            self.note(format!("it was begun anew more than {} times: later marks are passed over", self.limits.series));
        }
    }

    /// Appends a sample of the moment at hand at a place that [`Recorder::place`] gave.
    ///
    /// # Errors
    /// If the run has more samples than the limits allow, or it is time to stop.
    #[inline]
    pub(crate) fn push(&mut self, place: usize, step: i64, value: f64) -> Result<()> {
        self.push_at(place, step, value, self.moment)
    }

    /// Appends a sample of a moment of its own, such as milliseconds since 1970.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    #[inline]
    pub(crate) fn push_at(&mut self, place: usize, step: i64, value: f64, moment: u64) -> Result<()> {
        self.meet()?;
        let Ok(step) = u64::try_from(step) else {
            self.negative += 1;
            return Ok(());
        };
        let series = &mut self.series[place].at_steps;
        self.kept = keep(series, (step, value, moment), self.kept, self.wanted, self.limits);
        self.check_kept()
    }

    /// Appends a sample of which only the epoch is known.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(crate) fn push_at_epoch(&mut self, place: usize, epoch: u64, value: f64) -> Result<()> {
        self.meet()?;
        let series = &mut self.series[place].at_epochs;
        self.kept = keep(series, (epoch, value, self.moment), self.kept, self.wanted, self.limits);
        self.check_kept()
    }

    #[inline]
    fn meet(&mut self) -> Result<()> {
        self.stop_at(self.met)?;
        self.met += 1;
        if self.met > self.limits.samples_read {
            return Err(self.too_large("the number of its samples", self.limits.samples_read));
        }
        Ok(())
    }

    #[inline]
    fn check_kept(&self) -> Result<()> {
        self.check(self.kept <= self.limits.samples, "the number of its points", self.limits.samples)
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

    /// Gives every sample the step that `of` makes of the one it has.
    pub(crate) fn renumber(&mut self, of: impl Fn(u64) -> u64) {
        self.series.iter_mut().for_each(|series| series.at_steps.renumber(&of));
    }

    /// Puts the samples of each series in the order of their steps; those of one step keep theirs.
    pub(crate) fn sort_by_step(&mut self) {
        self.series.iter_mut().for_each(|series| series.at_steps.sort_by_step());
    }

    /// The recording; a run without a sample is left out, for the reason that it has `nothing`.
    pub(crate) fn finish(mut self, nothing: &str) -> Outcome {
        if self.negative > 0 {
            self.recording.notes.push(format!("{} points at steps below zero left out", self.negative));
        }
        if self.kept == 0 {
            let wanted = if self.places.is_empty() { nothing } else { "it has none of the metrics asked for" };
            let reason = std::iter::once(wanted).chain(self.recording.notes.iter().map(String::as_str));
            return Outcome::nothing(self.recording.id, reason.collect::<Vec<_>>().join("; "));
        }
        let (mut at_steps, mut at_epochs) = (BTreeMap::new(), BTreeMap::new());
        let mut thinned: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for Named { name, at_steps: mut steps, at_epochs: mut epochs } in self.series {
            for series in [&mut steps, &mut epochs] {
                series.end();
                if series.every() > 1 {
                    let said = format!("'{name}' ({} of {} samples)", series.len(), series.recorded());
                    thinned.entry(series.every()).or_default().push(said);
                }
            }
            if !epochs.is_empty() {
                at_epochs.insert(name.clone(), epochs);
            }
            if !steps.is_empty() {
                at_steps.insert(name, steps);
            }
        }
        // Where nothing counts steps, epochs are the steps.
        if at_steps.is_empty() {
            (at_steps, at_epochs) = (at_epochs, at_steps);
            self.recording.steps_are_epochs = true;
        }
        for (every, names) in thinned {
            self.recording.notes.push(format!(
                "more than {} samples: of {} one of every {every} is kept (--points COUNT keeps more)",
                self.limits.points,
                names.join(", ")
            ));
        }
        let (mut gaps, mut placeholders) = (Vec::new(), Vec::new());
        for (name, series) in at_steps.iter_mut().chain(&mut at_epochs) {
            series.sort_by_moment();
            if self.wanted.head.is_some() {
                continue;
            }
            if self.has_gaps && drop_gaps(series) {
                gaps.push(name.as_str());
            }
            placeholders.extend(drop_placeholders(name, series));
        }
        if !gaps.is_empty() {
            self.recording.notes.push(format!("NaN means not measured in: {}", gaps.join(", ")));
        }
        self.recording.notes.extend(placeholders);
        at_steps.retain(|_, series| !series.is_empty());
        at_epochs.retain(|_, series| !series.is_empty());
        (self.recording.series, self.recording.by_epoch) = (at_steps, at_epochs);
        Outcome::Recording(self.recording)
    }

    #[inline]
    fn check(&self, holds: bool, what: &str, limit: usize) -> Result<()> {
        if holds { Ok(()) } else { Err(self.too_large(what, limit as u64)) }
    }

    #[cold]
    fn too_large(&self, what: &str, limit: u64) -> Error {
        Error::TooLarge {
            place: self.recording.source.clone(),
            what: what.to_owned(),
            limit,
            remedy: "this is beyond what trackers write; name the series with --loss, --lr and --val, so that no others are read",
        }
    }
}

/// Adds a sample to a series that keeps its head only, or no more than the limits allow, and gives the number of samples kept
/// in all, which was `kept`.
#[inline]
fn keep(series: &mut Series, sample: (u64, f64, u64), kept: usize, wanted: &Wanted, limits: &Limits) -> usize {
    let (step, value, moment) = sample;
    if wanted.head.is_some_and(|head| series.len() >= head) {
        series.pass();
        return kept;
    }
    let before = series.len();
    series.push_thinned(step, value, moment, limits.points);
    kept + series.len() - before
}

/// Takes out the numbers that stand where nothing was measured, and says so.
fn drop_placeholders(name: &str, series: &mut Series) -> Option<String> {
    let all = series.len();
    match placeholder(name, series)? {
        Placeholder::Certain { value, count } => {
            series.retain(|_, other| other != value);
            Some(format!("{value} means not measured in '{name}': {count} of {all} samples left out"))
        }
        Placeholder::Perhaps { value, count } => Some(format!(
            "'{name}' is {value} in {count} of {all} samples, between others: if that means not measured, leave these out of the log"
        )),
    }
}
