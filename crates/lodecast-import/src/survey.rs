//! A first look at a few runs of each source: which series and settings there are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Wanted};
use crate::options::ImportOptions;
use crate::recording::Recording;
use crate::role::Role;
use crate::source::Source;
use crate::usual_names::rate_rank;

/// Counts of something by name.
type Counts = BTreeMap<String, usize>;

/// Runs looked at, of all sources together. More are looked at only for what these do not have.
const RUNS: usize = 32;
/// No more runs of a source are looked at once they have this many samples.
const SAMPLES: usize = 20_000_000;

/// The series and settings of the first runs, and of the first that has what is missing in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    place: String,
    /// Samples of each series, run by run.
    runs: Vec<Counts>,
    /// Samples of each series in all of these runs.
    series: Counts,
    /// Runs that have each setting.
    settings: Counts,
    /// Are these all the runs there are?
    complete: bool,
    /// Why the first run that could not be read was left out.
    skipped: Option<String>,
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
        format.read(source, &options.wanted, &options.limits, &mut |outcome| {
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
            if missing.is_nothing() {
                return Ok(());
            }
            // Readers are asked for these series only, and spare themselves the others.
            let wanted = missing.clone();
            format.read(source, &wanted, &options.limits, &mut |outcome| {
                if let Outcome::Recording(recording) = outcome
                    && recording.series.keys().any(|name| missing.wants(name))
                {
                    self.add(&recording);
                    missing = self.missing(options);
                }
                if missing.is_nothing() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        self.complete = true;
        Ok(())
    }

    fn add(&mut self, recording: &Recording) {
        let counts: Counts = recording.series.iter().map(|(name, series)| (name.clone(), series.len())).collect();
        for (name, samples) in &counts {
            *self.series.entry(name.clone()).or_default() += samples;
        }
        for name in recording.settings.keys() {
            *self.settings.entry(name.clone()).or_default() += 1;
        }
        self.runs.push(counts);
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

    /// Samples of the series of this name.
    pub fn samples(&self, name: &str) -> usize {
        self.series.get(name).copied().unwrap_or(0)
    }

    /// How many of the runs have a series of this name.
    pub(crate) fn runs_with(&self, name: &str) -> usize {
        self.runs.iter().filter(|run| run.contains_key(name)).count()
    }

    /// The other series that runs have beside the one named `name`.
    pub(crate) fn beside<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let runs = self.runs.iter().filter(move |run| run.contains_key(name));
        let others: BTreeSet<&str> = runs.flat_map(BTreeMap::keys).map(String::as_str).collect();
        others.into_iter().filter(move |other| *other != name)
    }

    /// The series that `choose` picks in the runs that have none named `name`.
    pub(crate) fn instead_of<'a>(
        &'a self,
        name: &str,
        choose: impl Fn(&'a Counts) -> Option<&'a str>,
    ) -> BTreeSet<&'a str> {
        self.runs.iter().filter(|run| !run.contains_key(name)).filter_map(choose).collect()
    }

    /// Settings whose name is that of a learning rate.
    pub(crate) fn settings_like_a_rate(&self) -> Vec<&str> {
        self.settings().filter(|name| rate_rank(name).is_some()).collect()
    }

    /// The name, if there is a series of it.
    pub(crate) fn require(&self, name: &str, option: &str) -> Result<String> {
        if self.series.contains_key(name) {
            return Ok(name.to_owned());
        }
        Err(self.undecided(&format!("no series '{name}'"), &format!("correct {option}")))
    }

    /// An open choice, with the series there are.
    pub(crate) fn undecided(&self, question: &str, remedy: &str) -> Error {
        const SHOWN: usize = 40;
        let mut names: Vec<&str> = self.names().take(SHOWN).collect();
        let more = format!("and {} more", self.series.len().saturating_sub(SHOWN));
        if self.series.len() > SHOWN {
            names.push(&more);
        }
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Error::Undecided {
            place: self.place.clone(),
            question: format!("{question}; there are: {names}"),
            remedy: remedy.to_owned(),
        }
    }

    fn samples_in_all(&self) -> usize {
        self.series.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{Columns, Rate};

    fn survey(runs: &[&[(&str, usize)]]) -> Survey {
        let mut survey = Survey { place: "here".to_owned(), ..Survey::default() };
        for series in runs {
            let mut recording = Recording::new("a", "here");
            for &(name, samples) in *series {
                (0..samples).for_each(|step| recording.push(name, step as u64, 1.0));
            }
            survey.add(&recording);
        }
        survey
    }

    fn choose(series: &[(&str, usize)], options: &ImportOptions) -> Result<Columns> {
        Columns::choose(&survey(&[series]), options)
    }

    fn names(columns: &Columns) -> Vec<String> {
        columns.metrics().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn usual_names_are_chosen_and_said() {
        let timm = [("train_loss", 9), ("eval_loss", 9), ("eval_top1", 9), ("eval_top5", 9), ("lr", 9)];
        let columns = choose(&timm, &ImportOptions::default()).unwrap();
        assert_eq!((columns.loss.as_str(), columns.rate_series()), ("train_loss", Some("lr")));
        assert_eq!(names(&columns), ["eval_top1:max", "eval_top5:max", "eval_loss:min"]);
        assert!(columns.said.iter().any(|said| said.contains("eval_top1, better if larger")));

        // The loss of every hundred steps before the one of an evaluation; no test data where there is validation data.
        let algoperf = [("loss", 900), ("train/loss", 30), ("lr", 900), ("validation/wer", 30), ("test/wer", 30)];
        let columns = choose(&algoperf, &ImportOptions::default()).unwrap();
        assert_eq!((columns.loss.as_str(), names(&columns)), ("loss", vec!["validation/wer:min".to_owned()]));

        let groups = [("train_loss", 9), ("val_acc", 9), ("lr-Adam/pg1", 9), ("lr-Adam/pg2", 9)];
        let columns = choose(&groups, &ImportOptions::default()).unwrap();
        assert_eq!(columns.rate, Rate::Series("lr-Adam/pg1".to_owned()));
        assert!(columns.said.iter().any(|said| said.contains("the first of several parameter groups")));
    }

    #[test]
    fn what_cannot_be_known_is_refused_with_how_to_say_it() {
        let refused =
            |series: &[(&str, usize)], options: &ImportOptions| choose(series, options).unwrap_err().to_string();
        let plain = ImportOptions::default();
        assert!(refused(&[("loss", 9), ("lr", 9), ("val_score", 9)], &plain).contains("--val val_score:max"));
        assert!(refused(&[("loss", 9), ("lr", 9)], &plain).contains("--val loss:min"));
        assert!(refused(&[("loss", 9), ("val_acc", 9)], &plain).contains("--lr-schedule"));
        assert!(refused(&[("objective", 9), ("lr", 9), ("val_acc", 9)], &plain).contains("--loss NAME"));
        let score = ImportOptions { validation: vec!["val_score".parse().unwrap()], ..plain.clone() };
        assert!(refused(&[("loss", 9), ("lr", 9), ("val_score", 9)], &score).contains("val_score:max"));
        let wrong = ImportOptions { loss: Some("cost".to_owned()), ..plain };
        assert!(refused(&[("loss", 9), ("lr", 9)], &wrong).contains("no series 'cost'"));
    }

    #[test]
    fn a_series_may_be_loss_and_metric() {
        let options = ImportOptions { validation: vec!["train_loss:min".parse().unwrap()], ..ImportOptions::default() };
        let columns = choose(&[("train_loss", 9), ("lr", 9)], &options).unwrap();
        assert_eq!(columns.validation[0].0, "train_loss");
        assert_eq!(names(&columns), ["val_train_loss:min"]);
    }

    #[test]
    fn runs_may_call_the_same_otherwise() {
        let sgd: &[(&str, usize)] = &[("train_loss", 9), ("lr-SGD", 9), ("lr-SGD/pg2", 9), ("val_acc", 3)];
        let adam: &[(&str, usize)] = &[("loss", 9), ("lr-AdamW", 9), ("val/accuracy", 2)];
        let columns = Columns::choose(&survey(&[sgd, adam, sgd]), &ImportOptions::default()).unwrap();
        assert_eq!((columns.loss.as_str(), columns.rate_series()), ("train_loss", Some("lr-SGD")));
        assert_eq!(names(&columns), ["val_acc:max"]);
        let said = columns.said.join("\n");
        assert!(said.contains("train loss: train_loss; in runs without it: loss"), "{said}");
        assert!(said.contains("parameter groups (others: lr-SGD/pg2; choose with --lr); in runs without it: lr-AdamW"));

        // Side by side in one run they are two metrics.
        let both: &[(&str, usize)] = &[("loss", 9), ("lr", 9), ("val_acc", 2), ("val/accuracy", 2)];
        let columns = Columns::choose(&survey(&[sgd, adam, both]), &ImportOptions::default()).unwrap();
        assert_eq!(names(&columns), ["val/accuracy:max", "val_acc:max"]);
    }
}
