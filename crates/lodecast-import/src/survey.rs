//! A first look at a few runs of each source: which series and settings there are.

use std::ops::ControlFlow;

use crate::columns::Counts;
use crate::error::{Error, Result};
use crate::format::{Format, Outcome};
use crate::options::ImportOptions;
use crate::source::Source;
use crate::usual_names::rate_rank;

/// Runs looked at, of all sources together.
const RUNS: usize = 32;
/// No more runs are looked at once they have this many samples.
const SAMPLES: usize = 20_000_000;

/// The series and settings of the first runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    place: String,
    /// Samples of each series.
    series: Counts,
    /// Runs that have each setting.
    settings: Counts,
    runs: usize,
    /// Why the first run that could not be read was left out.
    skipped: Option<String>,
}

impl Survey {
    /// Looks at the first runs of each source.
    ///
    /// # Errors
    /// If nothing of a source can be read.
    pub fn of(sources: &[(Source, &dyn Format)], options: &ImportOptions) -> Result<Self> {
        let place = sources.iter().map(|(source, _)| source.to_string()).collect::<Vec<_>>().join(", ");
        let mut survey = Self { place, ..Self::default() };
        let share = (RUNS / sources.len().max(1)).max(1);
        for (source, format) in sources {
            let mut left = share;
            let before = survey.samples_in_all();
            format.read(source, &options.wanted, &options.limits, &mut |outcome| {
                match outcome {
                    Outcome::Recording(recording) => {
                        survey.runs += 1;
                        left -= 1;
                        for (name, series) in &recording.series {
                            *survey.series.entry(name.clone()).or_default() += series.len();
                        }
                        for name in recording.settings.keys() {
                            *survey.settings.entry(name.clone()).or_default() += 1;
                        }
                    }
                    Outcome::Skipped(skipped) => {
                        let reason = || format!("{}: {}", skipped.run, skipped.reason);
                        survey.skipped.get_or_insert_with(reason);
                    }
                }
                if left == 0 || survey.samples_in_all() - before > SAMPLES {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
        }
        if survey.runs == 0 {
            let reason = survey.skipped.take().unwrap_or_else(|| "there are none".to_owned());
            return Err(Error::Undecided {
                place: survey.place,
                question: format!("no run could be read ({reason})"),
                remedy: "check the files, or name the format".to_owned(),
            });
        }
        Ok(survey)
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

    fn choose(series: &[(&str, usize)], options: &ImportOptions) -> Result<Columns> {
        let series = series.iter().map(|&(name, samples)| (name.to_owned(), samples)).collect();
        let survey = Survey { place: "here".to_owned(), series, runs: 1, ..Survey::default() };
        Columns::choose(&survey, options)
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
}
