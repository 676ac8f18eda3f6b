//! Which series of a recording is the train loss, which the learning rate, and which are validation metrics.

use std::collections::BTreeMap;
use std::str::FromStr;

use lodecast::{Direction, Metric};

use crate::error::{Error, Result};
use crate::options::ImportOptions;
use crate::survey::Survey;
use crate::usual_names::{direction, is_epoch, loss_rank, rate_rank, validation_rank};

/// A validation metric as the user names it: `NAME:max`, `NAME:min`, or `NAME` if its name says which way is better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationChoice {
    /// Name of the series.
    pub name: String,
    /// Which way is better, if it was said.
    pub direction: Option<Direction>,
}

impl FromStr for ValidationChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, direction) = match text.rsplit_once(':') {
            Some((name, "max")) => (name, Some(Direction::Max)),
            Some((name, "min")) => (name, Some(Direction::Min)),
            _ => (text, None),
        };
        if name.is_empty() {
            return Err(lodecast::Error::MetricDirection { metric: text.to_owned() }.into());
        }
        Ok(Self { name: name.to_owned(), direction })
    }
}

/// Where the learning rate comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// A series.
    Series(String),
    /// The settings, by the schedule in the options.
    Rebuilt,
}

/// The series that make a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// Series of the train loss.
    pub loss: String,
    /// The learning rate.
    pub rate: Rate,
    /// Series of each validation metric, and the metric it becomes.
    pub validation: Vec<(String, Metric)>,
    /// Series of the epoch's number, by which series that count epochs are put among the steps.
    pub epoch: Option<String>,
    /// What was chosen without being asked for, and why: to be shown.
    pub said: Vec<String>,
}

impl Columns {
    /// Chooses the columns: as `options` say, and else by the usual names among what `survey` found.
    ///
    /// # Errors
    /// If a series that was asked for is nowhere, or nothing has a usual name. The message lists what there is.
    pub fn choose(survey: &Survey, options: &ImportOptions) -> Result<Self> {
        let mut said = Vec::new();
        let loss = choose_loss(survey, options, &mut said)?;
        let rate = choose_rate(survey, options, &mut said)?;
        let validation = choose_validation(survey, options, &loss, &mut said)?;
        let epoch = match &options.epoch {
            Some(name) => Some(survey.require(name, "--epoch")?),
            None => survey.names().find(|name| is_epoch(name)).map(ToOwned::to_owned),
        };
        Ok(Self { loss, rate, validation, epoch, said })
    }

    /// The validation metrics.
    pub fn metrics(&self) -> Vec<Metric> {
        self.validation.iter().map(|(_, metric)| metric.clone()).collect()
    }

    /// Name of the learning rate's series, if there is one.
    pub fn rate_series(&self) -> Option<&str> {
        match &self.rate {
            Rate::Series(name) => Some(name),
            Rate::Rebuilt => None,
        }
    }
}

fn choose_loss(survey: &Survey, options: &ImportOptions, said: &mut Vec<String>) -> Result<String> {
    if let Some(name) = &options.loss {
        return survey.require(name, "--loss");
    }
    // Of the usual names the densest: a loss of every few steps says more than the mean of an epoch.
    let usual = survey.names().filter_map(|name| loss_rank(name).map(|rank| (name, rank)));
    let mut usual: Vec<_> = usual.collect();
    usual.sort_by_key(|&(name, rank)| (std::cmp::Reverse(survey.samples(name)), rank));
    let Some(&(name, _)) = usual.first() else {
        return Err(survey.undecided("no series has a usual name of a train loss", "choose it with --loss NAME"));
    };
    said.push(match usual.get(1) {
        Some((next, _)) => format!("train loss: {name} (also there: {next}; choose with --loss)"),
        None => format!("train loss: {name}"),
    });
    Ok(name.to_owned())
}

fn choose_rate(survey: &Survey, options: &ImportOptions, said: &mut Vec<String>) -> Result<Rate> {
    if let Some(name) = &options.learning_rate {
        return survey.require(name, "--lr").map(Rate::Series);
    }
    if let Some(schedule) = &options.rate_schedule {
        said.push(format!("learning rate: rebuilt from the settings, {schedule}"));
        return Ok(Rate::Rebuilt);
    }
    let mut usual: Vec<_> = survey.names().filter_map(|name| rate_rank(name).map(|rank| (rank, name))).collect();
    usual.sort_unstable();
    let Some(&(rank, name)) = usual.first() else {
        let settings = survey.settings_like_a_rate();
        let remedy = match settings.first() {
            Some(setting) => format!(
                "choose it with --lr NAME, or rebuild it from the settings: --lr-schedule cosine,peak-from={setting} \
                 (settings: {})",
                settings.join(", ")
            ),
            None => {
                "choose it with --lr NAME, or rebuild it: --lr-schedule cosine,peak=RATE,warmup=FRACTION".to_owned()
            }
        };
        return Err(survey.undecided("no series has a usual name of a learning rate", &remedy));
    };
    let others: Vec<&str> = usual[1..].iter().map(|&(_, name)| name).collect();
    said.push(match (rank, others.is_empty()) {
        (_, true) => format!("learning rate: {name}"),
        (0, false) => format!("learning rate: {name} (also there: {}; choose with --lr)", others.join(", ")),
        (_, false) => {
            format!(
                "learning rate: {name}, the first of several parameter groups (others: {}; choose with --lr)",
                others.join(", ")
            )
        }
    });
    Ok(Rate::Series(name.to_owned()))
}

fn choose_validation(
    survey: &Survey,
    options: &ImportOptions,
    loss: &str,
    said: &mut Vec<String>,
) -> Result<Vec<(String, Metric)>> {
    let mut chosen = Vec::new();
    for choice in &options.validation {
        let name = survey.require(&choice.name, "--val")?;
        let way = match (choice.direction, direction(&name)) {
            (Some(way), _) => way,
            (None, Some(way)) => {
                said.push(format!("validation: {name}, better if {} (by its name)", better(way)));
                way
            }
            (None, None) => return Err(lodecast::Error::MetricDirection { metric: name }.into()),
        };
        chosen.push((name.clone(), Metric::new(column_name(&name, said), way)));
    }
    if !chosen.is_empty() {
        return Ok(chosen);
    }

    let candidates: Vec<_> =
        survey.names().filter(|name| *name != loss).filter_map(|name| Some((validation_rank(name)?, name))).collect();
    // Test data only where there is nothing else.
    let rank = candidates.iter().map(|&(rank, _)| rank).min().unwrap_or(0);
    let candidates: Vec<&str> = candidates.into_iter().filter(|&(of, _)| of == rank).map(|(_, name)| name).collect();
    let mut known: Vec<_> = candidates.iter().filter_map(|name| direction(name).map(|way| (*name, way))).collect();
    // What a validation is about comes before its loss.
    known.sort_by_key(|&(name, _)| (name.to_lowercase().contains("loss"), name));
    let unknown: Vec<&str> = candidates.into_iter().filter(|name| direction(name).is_none()).collect();
    if known.is_empty() {
        let remedy = match unknown.first() {
            Some(name) => format!(
                "say which way is better: --val {name}:max or --val {name}:min (candidates: {})",
                unknown.join(", ")
            ),
            None => format!("choose one with --val NAME:max or NAME:min; with nothing but the loss: --val {loss}:min"),
        };
        return Err(survey.undecided("no series is a validation metric whose name says which way is better", &remedy));
    }
    for (name, way) in known {
        said.push(format!("validation: {name}, better if {} (by its name)", better(way)));
        chosen.push((name.to_owned(), Metric::new(column_name(name, said), way)));
    }
    if !unknown.is_empty() {
        let name = unknown[0];
        let all = unknown.join(", ");
        said.push(format!("left out, since nothing says which way is better: {all} (for example --val {name}:max)"));
    }
    Ok(chosen)
}

fn better(way: Direction) -> &'static str {
    match way {
        Direction::Max => "larger",
        Direction::Min => "smaller",
    }
}

/// Name of a validation metric in the sweep: the series' own, unless it is that of another column there.
fn column_name(name: &str, said: &mut Vec<String>) -> String {
    let trimmed = name.trim();
    let taken = ["run_id", "step", "train_loss", "learning_rate"];
    if taken.contains(&trimmed) || trimmed.starts_with("attribute.") || trimmed.is_empty() {
        let renamed = format!("val_{trimmed}");
        said.push(format!(
            "the metric '{name}' is called {renamed} in the sweep, where its name is that of another column"
        ));
        return renamed;
    }
    trimmed.to_owned()
}

/// Counts of something by name.
pub(crate) type Counts = BTreeMap<String, usize>;
