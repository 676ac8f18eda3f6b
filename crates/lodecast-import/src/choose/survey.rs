//! A first look at a few runs of each source: which series and settings there are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Wanted};
use lodecast::{Direction, Metric};

use crate::choose::options::ImportOptions;
use crate::choose::rate_schedule::RateSchedule;
use crate::choose::rates::Rates;
use crate::names::rate_rank;
use crate::recording::Recording;
use crate::role::Role;
use crate::source::Source;

/// Counts of something by name.
type Counts = BTreeMap<String, usize>;

/// Runs looked at, of all sources together. More are looked at only for what these do not have.
const RUNS: usize = 32;
/// No more runs of a source are looked at once they have this many samples.
const SAMPLES: usize = 20_000_000;

/// Values that may be the same by chance.
const FEW: usize = 8;
/// A series with so many times fewer samples than another is a result.
const FEWER: usize = 10;
/// Samples of each series that are kept to look at.
const HEAD: usize = 64;

/// What was seen of one run.
#[derive(Clone, Debug, Default, PartialEq)]
struct Looked {
    /// Samples of each series.
    series: Counts,
    /// What would be its learning rate by its names, the rates beside it with how far they are from it, and what is peculiar
    /// about it.
    rate: Option<String>,
    other_rates: Vec<(String, f64)>,
    peculiarity: Option<String>,
}

/// The series and settings of the first runs, and of the first that has what is missing in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    place: String,
    runs: Vec<Looked>,
    /// Samples of each series in all of these runs.
    series: Counts,
    /// Runs that have each setting.
    settings: Counts,
    /// Series that took more than one value in some run.
    vary: BTreeSet<String>,
    /// Which way of a metric is better, as the tracker says.
    directions: BTreeMap<String, Direction>,
    /// Are these all the runs there are?
    complete: bool,
    /// Why the first run that could not be read was left out, and what was noted of the first one of which anything was.
    skipped: Option<String>,
    noted: Option<String>,
}

impl Survey {
    /// Looks at the first runs of each source, or of some sources spread over all if there are many. If they
    /// lack a series that `options` name, or one of a usual name that has to be found, the others are looked through for it.
    ///
    /// # Errors
    /// If nothing of a source can be read.
    pub fn of(sources: &[(Source, &dyn Format)], options: &ImportOptions) -> Result<Self> {
        let place = sources.iter().map(|(source, _)| source.to_string()).collect::<Vec<_>>().join(", ");
        let mut survey = Self { place, ..Self::default() };
        let stride = sources.len().div_ceil(RUNS).max(1);
        let share = (RUNS / sources.len().max(1)).max(1);
        survey.complete = stride == 1;
        for (source, format) in sources.iter().step_by(stride) {
            survey.complete &= survey.look_at(source, *format, share, options)?;
        }
        if !survey.complete {
            survey.look_for_what_is_missing(sources, options)?;
        }
        if survey.runs.is_empty() {
            let reason = survey.skipped.take().unwrap_or_else(|| "there are none".to_owned());
            return Err(Error::Undecided {
                place: survey.place,
                question: format!("no run could be read ({reason})"),
                remedy: "check the files, or name the format".to_owned(),
            });
        }
        Ok(survey)
    }

    /// Looks at the first runs of a source, at most `share`, and says whether it has no more.
    fn look_at(&mut self, source: &Source, format: &dyn Format, share: usize, options: &ImportOptions) -> Result<bool> {
        let (mut left, before) = (share, self.samples_in_all());
        let mut all = true;
        let wanted = Wanted { head: Some(HEAD), ..options.wanted.clone() };
        format.read(source, &wanted, &options.limits, &mut |outcome| {
            if left == 0 || self.samples_in_all() - before > SAMPLES {
                all = false;
                return ControlFlow::Break(());
            }
            match outcome {
                Outcome::Recording(recording) => {
                    left -= 1;
                    self.add(&recording);
                }
                Outcome::Skipped(skipped) => {
                    self.skipped.get_or_insert_with(|| format!("{}: {}", skipped.run, skipped.reason));
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }

    /// Looks through all runs until each series that was asked for, and a usual name for each that was not, has been found.
    fn look_for_what_is_missing(&mut self, sources: &[(Source, &dyn Format)], options: &ImportOptions) -> Result<()> {
        for (source, format) in sources {
            let mut missing = self.missing(options);
            if missing.is_nothing() && self.missing_settings(options).next().is_none() {
                return Ok(());
            }
            // Readers are asked for these series only, and spare themselves the others.
            let wanted = Wanted { head: Some(HEAD), ..missing.clone() };
            format.read(source, &wanted, &options.limits, &mut |outcome| {
                if let Outcome::Recording(recording) = outcome {
                    let of_use =
                        recording.series.keys().chain(recording.by_epoch.keys()).any(|name| missing.wants(name));
                    if of_use || self.missing_settings(options).any(|(_, name)| recording.settings.contains_key(name)) {
                        self.add(&recording);
                        missing = self.missing(options);
                    }
                }
                let found = missing.is_nothing() && self.missing_settings(options).next().is_none();
                if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        self.complete = true;
        Ok(())
    }

    fn add(&mut self, recording: &Recording) {
        let mut counts = Counts::new();
        for (name, series) in recording.series.iter().chain(&recording.by_epoch) {
            *counts.entry(name.clone()).or_default() += series.recorded();
            let mut values = series.samples_from(0).map(|(_, value, _)| value);
            let first = values.next();
            // Of a few values that are the same nobody knows.
            if series.len() < FEW || values.any(|value| Some(value) != first) {
                self.vary.insert(name.clone());
            }
            *self.series.entry(name.clone()).or_default() += series.recorded();
        }
        for name in recording.settings.keys().chain(recording.only_row.keys()) {
            *self.settings.entry(name.clone()).or_default() += 1;
        }
        // Such a note begins with the name of a series.
        if let (None, Some(note)) = (&self.noted, recording.notes.iter().find(|note| note.starts_with('\''))) {
            self.noted = Some(format!("{}: {note}", recording.id));
        }
        self.directions.extend(recording.directions.iter().map(|(name, &way)| (name.clone(), way)));
        let rates = Rates::of(&recording.series);
        let rate = rates.usual().map(ToOwned::to_owned);
        let beside = rate.as_ref().map_or_else(Vec::new, |rate| rates.beside(rate));
        self.runs.push(Looked {
            series: counts,
            other_rates: beside.into_iter().map(|(name, factor)| (name.to_owned(), factor)).collect(),
            peculiarity: rate.as_ref().and_then(|rate| rates.peculiarity(rate)),
            rate,
        });
    }

    /// What `options` need that has not been seen yet.
    fn missing(&self, options: &ImportOptions) -> Wanted {
        let asked = [&options.loss, &options.learning_rate, &options.epoch].into_iter().flatten();
        let asked = asked.chain(options.validation.iter().map(|choice| &choice.name));
        let names = asked.filter(|name| !self.series.contains_key(*name)).cloned().collect();
        // Test data will do where there is no validation data.
        let found = |role| self.has(role) || (role == Role::Validation && self.has(Role::Test));
        let needed = [Role::Loss, Role::Rate, Role::Validation].into_iter();
        let roles = needed.filter(|&role| !options.decide(role) && !found(role)).collect();
        Wanted { series: Some(names), roles, ..options.wanted.clone() }
    }

    /// The settings that `options` name and that have not been seen yet, each with its option.
    fn missing_settings<'o>(&self, options: &'o ImportOptions) -> impl Iterator<Item = (&'static str, &'o str)> {
        let rate = options.rate_schedule.iter().flat_map(RateSchedule::settings).map(|name| ("--lr-schedule", name));
        options.attributes.named().chain(rate).filter(|(_, name)| !self.settings.contains_key(*name))
    }

    /// Checks that the settings that `options` name are there.
    ///
    /// # Errors
    /// If one is nowhere; the message lists those there are.
    pub(crate) fn require_settings(&self, options: &ImportOptions) -> Result<()> {
        let Some((option, name)) = self.missing_settings(options).next() else { return Ok(()) };
        let there = listed(self.settings());
        Err(Error::Undecided {
            place: self.place.clone(),
            question: format!("no setting '{name}'; there are: {there}"),
            remedy: format!("correct {option}"),
        })
    }

    /// Which way of a metric is better: as the tracker says, or else by its name, which may spell it.
    pub(crate) fn direction(&self, name: &str) -> Option<Direction> {
        let spelled = || name.trim().parse().ok().map(|metric: Metric| metric.direction);
        self.directions.get(name).copied().or_else(spelled).or_else(|| crate::names::direction(name))
    }

    /// Does the tracker itself say which way is better?
    pub(crate) fn knows_direction(&self, name: &str) -> bool {
        self.directions.contains_key(name)
    }

    /// What the runs would take for their learning rate, and in how many of them.
    pub(crate) fn rates(&self) -> BTreeMap<&str, usize> {
        let mut rates = BTreeMap::new();
        for rate in self.runs.iter().filter_map(|run| run.rate.as_deref()) {
            *rates.entry(rate).or_default() += 1;
        }
        rates
    }

    /// The rates beside the one named `name` in the first run that takes it for its own, with how far they are from it at
    /// most, and what is peculiar about it.
    pub(crate) fn beside_rate(&self, name: &str) -> (&[(String, f64)], Option<&str>) {
        let run = self.runs.iter().find(|run| run.rate.as_deref() == Some(name));
        run.map_or((&[], None), |run| (run.other_rates.as_slice(), run.peculiarity.as_deref()))
    }

    /// What the runs that have no series named `name` would take for their learning rate.
    pub(crate) fn rates_instead_of(&self, name: &str) -> BTreeSet<&str> {
        self.runs.iter().filter(|run| !run.series.contains_key(name)).filter_map(|run| run.rate.as_deref()).collect()
    }

    fn has(&self, role: Role) -> bool {
        self.names().any(|name| role.goes_by(name))
    }

    /// Names of the series.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().map(String::as_str)
    }

    /// Names of the settings.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(String::as_str)
    }

    /// Has the series the same value throughout, or hardly any sample, where `others` have more to say? Then it is a result, noted down,
    /// and nothing that was measured again and again.
    pub(crate) fn is_a_result(&self, name: &str, others: &[&str]) -> bool {
        let most = others.iter().map(|other| self.samples(other)).max().unwrap_or(0);
        let says_more = others.iter().any(|other| self.vary.contains(*other));
        says_more && !self.vary.contains(name) || self.samples(name).saturating_mul(FEWER) < most
    }

    /// Samples of the series of this name.
    pub fn samples(&self, name: &str) -> usize {
        self.series.get(name).copied().unwrap_or(0)
    }

    /// The other series that runs have beside the one named `name`.
    pub(crate) fn beside<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let runs = self.runs.iter().map(|run| &run.series).filter(move |run| run.contains_key(name));
        let others: BTreeSet<&str> = runs.flat_map(BTreeMap::keys).map(String::as_str).collect();
        others.into_iter().filter(move |other| *other != name)
    }

    /// The series that `choose` picks in the runs that have none named `name`.
    pub(crate) fn instead_of<'a>(
        &'a self,
        name: &str,
        choose: impl Fn(&'a Counts) -> Option<&'a str>,
    ) -> BTreeSet<&'a str> {
        self.runs.iter().map(|run| &run.series).filter(|run| !run.contains_key(name)).filter_map(choose).collect()
    }

    /// Settings whose name is that of a learning rate.
    pub(crate) fn settings_like_a_rate(&self) -> Vec<&str> {
        self.settings().filter(|name| rate_rank(name).is_some()).collect()
    }

    /// The name as the series spells it: with its direction, where none has it without.
    pub(crate) fn as_spelled(&self, name: &str) -> String {
        let ways = ["", ":max", ":min"].iter().map(|way| format!("{name}{way}"));
        ways.into_iter().find(|name| self.has_series(name)).unwrap_or_else(|| name.to_owned())
    }

    /// Is there a series of this name?
    pub(crate) fn has_series(&self, name: &str) -> bool {
        self.series.contains_key(name)
    }

    /// The name, if there is a series of it.
    pub(crate) fn require(&self, name: &str, option: &str) -> Result<String> {
        if self.has_series(name) {
            return Ok(name.to_owned());
        }
        Err(self.undecided(&format!("no series '{name}'"), &format!("correct {option}")))
    }

    /// An open choice, with the series there are.
    pub(crate) fn undecided(&self, question: &str, remedy: &str) -> Error {
        let names = listed(self.names());
        // What is missing may be in what could not be read.
        let left_out = self.skipped.as_ref().map(|skipped| format!("; left out was {skipped}"));
        let left_out = left_out.or(self.noted.as_ref().map(|noted| format!(" ({noted})"))).unwrap_or_default();
        Error::Undecided {
            place: self.place.clone(),
            question: format!("{question}; there are: {names}{left_out}"),
            remedy: remedy.to_owned(),
        }
    }

    fn samples_in_all(&self) -> usize {
        self.series.values().sum()
    }
}

/// The first of many names.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 40;
    let mut names: Vec<&str> = names.collect();
    let more = format!("and {} more", names.len().saturating_sub(SHOWN));
    if names.len() > SHOWN {
        names.truncate(SHOWN);
        names.push(&more);
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
