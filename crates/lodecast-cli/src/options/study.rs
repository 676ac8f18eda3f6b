//! Options of a study that is tuned: what is sought, what may be tried, and the runs that are known.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use lodecast::tune::{SearchSpace, SettingRange, Strategy, TuneError, Tuner, TunerBuilder, TunerSettings};
use lodecast::{Family, LawSettings, Metric, Sweep};

use super::sweep::Columns;
use crate::failure::misuse;
use crate::model_input;
use crate::output::Output;

/// Heading of the options that a study keeps.
const HEADING: &str = "The study (said once, kept in its file)";

/// What a study is about. A study that is there already keeps what is left out here.
#[derive(Args, Clone, Debug)]
pub(crate) struct StudyOptions {
    /// Length of the runs that a schedule is sought for, in optimizer steps
    #[arg(long, value_name = "STEPS", help_heading = HEADING)]
    total_steps: Option<u64>,
    /// Metric and its better direction
    #[arg(long, value_name = "NAME:max|min", help_heading = HEADING)]
    metric: Option<Metric>,
    /// Lowest and highest peak learning rate to try [default: those of the runs]
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',', num_args = 1, help_heading = HEADING)]
    peaks: Vec<f64>,
    /// One learning rate that worked: peaks from a tenth of it to ten times it are tried
    #[arg(long, value_name = "RATE", conflicts_with = "peaks", help_heading = HEADING)]
    learning_rate: Option<f64>,
    /// The one warm-up to use, as a fraction of the run [default: any up to 0.4]
    #[arg(long, value_name = "FRACTION", help_heading = HEADING)]
    warmup: Option<f64>,
    /// The one last rate to use, as a fraction of the peak [default: any from 0.001 to 0.1]
    #[arg(long, value_name = "FRACTION", help_heading = HEADING)]
    end: Option<f64>,
    /// Schedule families to choose from [default: any warm-up, hold and anneal in straight lines]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", conflicts_with = "end", help_heading = HEADING)]
    families: Vec<Family>,
    /// Another setting to tune: NAME=LOW:HIGH, NAME=LOW:HIGH:log, or NAME=WORD,WORD; whole numbers stay whole
    #[arg(long = "setting", value_name = "NAME=RANGE", value_parser = setting, help_heading = HEADING)]
    settings: Vec<(String, SettingRange)>,
    /// What is trained, in your words: a study of one task refuses another's
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    task: Option<String>,
    /// Seed of everything that is drawn [default: 0]
    #[arg(long, help_heading = HEADING)]
    seed: Option<u64>,
    /// Training steps that may be spent in all; then nothing more is asked
    #[arg(long, value_name = "STEPS", help_heading = HEADING)]
    budget: Option<u64>,
    /// How the next run is chosen: spread, random, plain-process, averaged, confirm or half [default: spread]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    strategy: Option<Strategy>,
    /// The metric of an untrained network, where runs report final values only
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, help_heading = HEADING)]
    start: Option<f64>,
    /// Take the ranges given here for those of the study from here on; what was measured stays
    #[arg(long, help_heading = HEADING)]
    change_space: bool,
    /// The value of the metric that no run can pass
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, help_heading = HEADING)]
    ideal: Option<f64>,
}

impl StudyOptions {
    /// The study in the file, or a new one, as these options have it; and the space that it is to have from here on, if that is
    /// to be changed.
    pub(crate) fn builder(&self, path: &Path, columns: &Columns) -> Result<(TunerBuilder, Option<SearchSpace>)> {
        let saved = if path.exists() { Some(Tuner::load(path)?.settings().clone()) } else { None };
        let metric = self.metric.clone().or_else(|| columns.metrics.first().cloned());
        let mut settings = match &saved {
            Some(saved) => saved.clone(),
            None => self.new_settings(path, metric.as_ref())?,
        };
        if let Some(metric) = metric {
            settings.metric = metric;
        }
        settings.total_steps = self.total_steps.unwrap_or(settings.total_steps);
        settings.task = self.task.clone().or(settings.task);
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.budget = self.budget.or(settings.budget);
        settings.strategy = self.strategy.unwrap_or(settings.strategy);
        let LawSettings { start, ideal, .. } = &mut settings.law;
        (*start, *ideal) = (self.start.or(*start), self.ideal.or(*ideal));
        let space = &mut settings.space;
        space.warmup = self.warmup.or(space.warmup);
        space.end = self.end.or(space.end);
        if !self.families.is_empty() {
            space.families.clone_from(&self.families);
        }
        space.settings.extend(self.settings.iter().cloned());
        let mut builder = TunerBuilder::from(settings);
        match self.peaks[..] {
            [] => {}
            [low, high] => builder = builder.peaks(low, high),
            _ => return Err(misuse("--peaks takes two rates", "give the lowest and the highest: --peaks 0.001,0.1")),
        }
        if let Some(rate) = self.learning_rate {
            builder = builder.learning_rate(rate);
        }
        match saved.filter(|_| self.change_space) {
            Some(saved) => {
                let space = builder.settings().space.clone();
                Ok((builder.space(saved.space), Some(space)))
            }
            None => Ok((builder, None)),
        }
    }

    fn new_settings(&self, path: &Path, metric: Option<&Metric>) -> Result<TunerSettings> {
        let (Some(metric), Some(total_steps)) = (metric, self.total_steps) else {
            return Err(misuse(
                format!("{} is not there yet, and a new study needs to know what is sought", path.display()),
                "give --metric NAME:max (or :min) and --total-steps STEPS, and --peaks LOW,HIGH or --learning-rate RATE where there \
                 are no runs",
            ));
        };
        Ok(Tuner::builder(metric.clone(), total_steps).build()?.settings().clone())
    }
}

/// Runs that are added to a study.
#[derive(Args, Clone, Debug)]
pub(crate) struct KnownRuns {
    /// Runs that there are: sweep files, folders of them, or what trackers left. A run with a trial's name is its report
    #[arg(long, value_name = "PATH")]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
}

impl KnownRuns {
    /// Reads the runs, by the metric of the study.
    pub(crate) fn read(&self, metric: &Metric, output: &mut Output) -> Result<Vec<(PathBuf, Sweep)>> {
        let mut columns = self.columns.clone();
        if columns.metrics.is_empty() {
            columns.metrics.push(metric.clone());
        }
        self.runs.iter().map(|path| Ok((path.clone(), model_input::runs(path, &columns, output)?))).collect()
    }
}

/// Adds runs to a study, and says what became of them.
pub(crate) fn add(tuner: &mut Tuner, runs: &[(PathBuf, Sweep)], output: &mut Output) -> Result<(), TuneError> {
    for (path, sweep) in runs {
        let added = tuner.add(sweep)?;
        output.say(format_args!(
            "{}: {} runs new or gone on, {} reports of trials, {} known before",
            path.display(),
            added.new,
            added.told,
            added.known
        ));
        for refused in added.refused {
            output.warn(format_args!("run '{}' was left out: {}", refused.run, refused.error));
        }
    }
    Ok(())
}

/// `weight_decay=1e-4:1e-1:log`, `batch_size=16:256:log`, `optimizer=adam,sgd`.
fn setting(text: &str) -> Result<(String, SettingRange), String> {
    let usage = || format!("'{text}' is no setting: write NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=WORD,WORD");
    let (name, range) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(usage)?;
    let range = match range.split(':').collect::<Vec<_>>()[..] {
        [words] if !words.is_empty() => {
            SettingRange::Choice { values: words.split(',').map(|word| word.trim().to_owned()).collect() }
        }
        [low, high] | [low, high, "log"] => {
            let logarithmic = range.ends_with(":log");
            match (low.parse::<i64>(), high.parse::<i64>()) {
                (Ok(low), Ok(high)) => SettingRange::Integer { low, high, logarithmic },
                _ => SettingRange::Number {
                    low: low.parse().map_err(|_| usage())?,
                    high: high.parse().map_err(|_| usage())?,
                    logarithmic,
                },
            }
        }
        _ => return Err(usage()),
    };
    Ok((name.to_owned(), range))
}
