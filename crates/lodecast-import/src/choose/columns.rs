//! Which series of a recording is the train loss, which the learning rate, and which are validation metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lodecast::{Direction, Metric};

use crate::choose::loss::usual_loss;
use crate::choose::options::ImportOptions;
use crate::choose::survey::Survey;
use crate::error::Result;
use crate::format::Wanted;
use crate::names::{is_best_so_far, is_epoch, is_of_fold, is_overall, rate_rank, same_metric, stem, validation_rank};
use crate::role::Role;

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
    /// Series of the train loss, if there is one: a law needs none.
    pub loss: Option<String>,
    /// The learning rate.
    pub rate: Rate,
    /// Series of each validation metric, and the metric it becomes.
    pub validation: Vec<(String, Metric)>,
    /// Series of the epoch's number, by which series that count epochs are put among the steps.
    pub epoch: Option<String>,
    /// Columns that no option decided: a run that lacks the series named here may have it under another usual name.
    pub open: BTreeSet<Role>,
    /// Validation metrics that were looked at and not chosen.
    pub passed_over: BTreeSet<String>,
    /// What was chosen without being asked for, and why: to be shown.
    pub said: Vec<String>,
}

impl Columns {
    /// Chooses the columns: as `options` say, and else by the usual names among what `survey` found.
    ///
    /// # Errors
    /// If a series that was asked for is nowhere, or nothing has a usual name. The message lists what there is.
    pub fn choose(survey: &Survey, options: &ImportOptions) -> Result<Self> {
        survey.require_settings(options)?;
        let mut said = Vec::new();
        let loss = choose_loss(survey, options, &mut said)?;
        let rate = choose_rate(survey, options, &mut said)?;
        let validation = choose_validation(survey, options, loss.as_deref(), &mut said)?;
        let epoch = match &options.epoch {
            Some(name) => Some(survey.require(name, "--epoch")?),
            None => survey.names().find(|name| is_epoch(name)).map(ToOwned::to_owned),
        };
        let tested = validation.iter().all(|(name, _)| Role::Test.goes_by(name));
        let held_out = if tested { Role::Test } else { Role::Validation };
        let roles = [Role::Loss, Role::Rate, held_out, Role::Epoch];
        let open = roles.into_iter().filter(|&role| !options.decide(role)).collect();
        let is_chosen = |name: &str| validation.iter().any(|(chosen, _)| chosen == name);
        let passed_over = survey.names().filter(|name| held_out.goes_by(name) && !is_chosen(name));
        let passed_over = passed_over.map(ToOwned::to_owned).collect();
        Ok(Self { loss, rate, validation, epoch, open, passed_over, said })
    }

    /// What a reader has to keep of each run.
    pub(crate) fn wanted(&self, options: &Wanted) -> Wanted {
        let mut names: BTreeSet<String> = self.validation.iter().map(|(name, _)| name.clone()).collect();
        names.extend(self.loss.clone());
        names.extend(self.rate_series().map(ToOwned::to_owned));
        names.extend(self.epoch.clone());
        Wanted { series: Some(names), roles: self.open.clone(), ..options.clone() }
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

/// What is in names of series that may be the loss, though they are not usual ones.
const LIKE_A_LOSS: [&str; 6] = ["loss", "objective", "cost", "nll", "criterion", "likelihood"];

/// The train loss; none where nothing is called a loss and something was validated.
fn choose_loss(survey: &Survey, options: &ImportOptions, said: &mut Vec<String>) -> Result<Option<String>> {
    if let Some(name) = &options.loss {
        return survey.require(name, "--loss").map(Some);
    }
    let Some(name) = usual_loss(survey.names().map(|name| (name, survey.samples(name)))) else {
        let is_validated = !options.validation.is_empty() || survey.names().any(|name| validation_rank(name).is_some());
        let may_be_one = |name: &str| {
            let lower = name.to_lowercase();
            LIKE_A_LOSS.iter().any(|word| lower.contains(word)) && validation_rank(name).is_none()
        };
        if is_validated && !survey.names().any(may_be_one) {
            said.push("train loss: none was recorded, and a law needs none (--loss NAME names it)".to_owned());
            return Ok(None);
        }
        // Columns side by side for the folds of a cross-validation.
        let of_fold = survey.names().find(|name| is_of_fold(name) && name.to_lowercase().contains("loss"));
        let without =
            if is_validated { "" } else { "; with nothing but a metric and the rate: --val NAME:max, or NAME:min" };
        let remedy = of_fold.map_or(format!("choose it with --loss NAME{without}"), |name| {
            format!("its columns are those of several folds: choose one fold's with --loss {name}, and --val and --lr likewise")
        });
        return Err(survey.undecided("no series has a usual name of a train loss", &remedy));
    };
    let mut beside: Vec<&str> = survey.beside(name).filter(|name| Role::Loss.goes_by(name)).collect();
    beside.sort_by_key(|name| std::cmp::Reverse(survey.samples(name)));
    let also = beside.first().map_or_else(String::new, |next| format!(" (also there: {next}; choose with --loss)"));
    let instead =
        survey.instead_of(name, |run| usual_loss(run.iter().map(|(name, &samples)| (name.as_str(), samples))));
    said.push(format!("train loss: {name}{also}{}", in_other_runs(&instead)));
    Ok(Some(name.to_owned()))
}

fn choose_rate(survey: &Survey, options: &ImportOptions, said: &mut Vec<String>) -> Result<Rate> {
    if let Some(name) = &options.learning_rate {
        return survey.require(name, "--lr").map(Rate::Series);
    }
    if let Some(schedule) = &options.rate_schedule {
        said.push(format!("learning rate: rebuilt from the settings, {schedule}"));
        return Ok(Rate::Rebuilt);
    }
    // Of several names on their own, or of several groups, the one that most runs take for theirs.
    let usual = survey.rates().into_iter();
    let usual = usual.filter_map(|(name, runs)| Some((rate_rank(name)?, std::cmp::Reverse(runs), name)));
    let Some((rank, _, name)) = usual.min() else {
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
    said.push(format!(
        "learning rate: {name}{}{}",
        among_rates(survey, rank, name),
        in_other_runs(&survey.rates_instead_of(name))
    ));
    Ok(Rate::Series(name.to_owned()))
}

/// What is said of the rates beside the chosen one, and of what is peculiar about it.
fn among_rates(survey: &Survey, rank: usize, name: &str) -> String {
    let (others, peculiarity) = survey.beside_rate(name);
    let (same, different): (Vec<_>, Vec<_>) = others.iter().partition(|(_, factor)| *factor < 1.02);
    let names = |of: &[&(String, f64)]| of.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let mut text = match (rank, others.is_empty()) {
        (_, true) => String::new(),
        (0, false) => format!(" (also there: {}; choose with --lr)", names(&others.iter().collect::<Vec<_>>())),
        _ if different.is_empty() => format!(", as in all {} parameter groups", others.len() + 1),
        _ => {
            let far = |factor: f64| {
                if factor.is_finite() { format!("by up to {factor:.3} times") } else { "in what is nought".into() }
            };
            let different: Vec<String> =
                different.iter().map(|(name, factor)| format!("{name} differs {}", far(*factor))).collect();
            let shared = if same.is_empty() {
                format!("the first of {} parameter groups", others.len() + 1)
            } else {
                format!("which {} of {} parameter groups share", same.len() + 1, others.len() + 1)
            };
            format!(", {shared} ({}; choose with --lr)", different.join(", "))
        }
    };
    if let Some(peculiarity) = peculiarity {
        let _ = write!(text, "; {peculiarity}");
    }
    text
}

fn choose_validation(
    survey: &Survey,
    options: &ImportOptions,
    loss: Option<&str>,
    said: &mut Vec<String>,
) -> Result<Vec<(String, Metric)>> {
    let mut chosen = Vec::new();
    for choice in &options.validation {
        let name = survey.require(&survey.as_spelled(&choice.name), "--val")?;
        let way = match (choice.direction, survey.direction(&name)) {
            (Some(way), known) => {
                if let Some(other) = known.filter(|other| *other != way) {
                    let (way, other) = (better(way), better(other));
                    let by = by_what(survey, &name);
                    said.push(format!("validation: {name}, better if {way}, as asked, though better if {other} {by}"));
                }
                way
            }
            (None, Some(way)) => {
                said.push(format!("validation: {name}, better if {} ({})", better(way), by_what(survey, &name)));
                way
            }
            (None, None) => return Err(lodecast::Error::MetricDirection { metric: name }.into()),
        };
        chosen.push((name.clone(), Metric::new(column_name(survey, &name, said), way)));
    }
    if !chosen.is_empty() {
        return Ok(chosen);
    }

    let candidates: Vec<_> = survey
        .names()
        .filter(|&name| Some(name) != loss)
        .filter_map(|name| Some((validation_rank(name)?, name)))
        .collect();
    // Test data only where there is nothing else.
    let rank = candidates.iter().map(|&(rank, _)| rank).min().unwrap_or(0);
    let candidates: Vec<&str> = candidates.into_iter().filter(|&(of, _)| of == rank).map(|(_, name)| name).collect();
    let mut known: Vec<_> =
        candidates.iter().filter_map(|name| survey.direction(name).map(|way| (*name, way))).collect();
    // What a validation is about comes before its loss, and what is overall before its parts.
    // Results that were noted down once say nothing of the way there.
    known.sort_by_cached_key(|&(name, _)| {
        (survey.is_a_result(name, &candidates), name.to_lowercase().contains("loss"), !is_overall(name), name)
    });
    let known = without_best(without_classes(known, said), said);
    let unknown: Vec<&str> = candidates.into_iter().filter(|name| survey.direction(name).is_none()).collect();
    if known.is_empty() {
        let remedy = if let Some(name) = unknown.first() {
            format!(
                "say which way is better: --val {name}:max or --val {name}:min (candidates: {})",
                unknown.join(", ")
            )
        } else {
            let alone = loss.map_or_else(String::new, |loss| {
                let way = survey.direction(loss).unwrap_or(Direction::Min);
                format!("; with nothing but the loss: --val {loss}:{way}")
            });
            format!("choose one with --val NAME:max or NAME:min{alone}")
        };
        return Err(survey.undecided("no series is a validation metric whose name says which way is better", &remedy));
    }
    for (name, way) in in_one_word(known, survey) {
        said.push(format!("validation: {name}, better if {} ({})", better(way), by_what(survey, name)));
        chosen.push((name.to_owned(), Metric::new(column_name(survey, name, said), way)));
    }
    let of_folds: Vec<&str> = chosen.iter().map(|(name, _)| name.as_str()).filter(|name| is_of_fold(name)).collect();
    if of_folds.len() > 1 {
        said.push(format!(
            "{} are of the folds of a cross-validation, and here metrics of their own; --val NAME takes one",
            of_folds.join(", ")
        ));
    }
    if !unknown.is_empty() {
        let name = unknown[0];
        let all = unknown.join(", ");
        said.push(format!("left out, since nothing says which way is better: {all} (for example --val {name}:max)"));
    }
    Ok(chosen)
}

fn by_what(survey: &Survey, name: &str) -> &'static str {
    if survey.knows_direction(name) { "as the tracker says" } else { "by its name" }
}

/// Leaves out metrics of single classes where there are others, and says so in a line a kind.
fn without_classes<'a>(metrics: Vec<(&'a str, Direction)>, said: &mut Vec<String>) -> Vec<(&'a str, Direction)> {
    // Fewer of a kind are metrics in their own right: top-1 and top-5, a loss and its parts.
    const CLASSES: usize = 6;
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, _) in metrics.iter().filter(|(name, _)| !is_overall(name)) {
        if let Some(stem) = stem(name) {
            kinds.entry(stem).or_default().push(name);
        }
    }
    kinds.retain(|_, names| names.len() >= CLASSES);
    let of_a_class: BTreeSet<&str> = kinds.values().flatten().copied().collect();
    if of_a_class.len() == metrics.len() {
        return metrics;
    }
    for (stem, names) in &kinds {
        said.push(format!(
            "left out: {} metrics of single classes, in all likelihood: {stem}... ({} for one; --val NAME takes one in)",
            names.len(),
            names[0]
        ));
    }
    metrics.into_iter().filter(|(name, _)| !of_a_class.contains(name)).collect()
}

/// Leaves out the best that a metric has been so far where the metric itself is there, and says what it is where it is not.
fn without_best<'a>(metrics: Vec<(&'a str, Direction)>, said: &mut Vec<String>) -> Vec<(&'a str, Direction)> {
    let (best, own): (Vec<_>, Vec<_>) = metrics.into_iter().partition(|(name, _)| is_best_so_far(name));
    if best.is_empty() {
        return own;
    }
    let names = best.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if own.is_empty() {
        said.push(format!("of what is called the best so far nothing shows that a run got worse: {names}"));
        return best;
    }
    said.push(format!("left out, since it is the best so far of others: {names} (--val NAME takes one in)"));
    own
}

/// Of metrics that say the same in other words, and that no run has side by side, the one with the most samples.
fn in_one_word<'a>(metrics: Vec<(&'a str, Direction)>, survey: &Survey) -> Vec<(&'a str, Direction)> {
    let mut kept: Vec<(&str, Direction)> = Vec::new();
    for (name, way) in metrics {
        let alike = |other: &str| same_metric(other, name) && !survey.beside(other).any(|beside| beside == name);
        match kept.iter_mut().find(|(other, of)| *of == way && alike(other)) {
            Some(known) if survey.samples(known.0) < survey.samples(name) => known.0 = name,
            Some(_) => {}
            None => kept.push((name, way)),
        }
    }
    kept
}

/// What is said of the names that something has in runs without the chosen one.
fn in_other_runs(names: &BTreeSet<&str>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names = names.iter().copied().collect::<Vec<_>>().join(", ");
    format!("; in runs without it: {names}")
}

fn better(way: Direction) -> &'static str {
    match way {
        Direction::Max => "larger",
        Direction::Min => "smaller",
    }
}

/// Name of a validation metric in the sweep: the series' own, unless it is that of another column there.
fn column_name(survey: &Survey, name: &str, said: &mut Vec<String>) -> String {
    // A name may spell the direction, as in files of one's own.
    let spelled = name.trim().parse::<Metric>().ok().filter(|metric| !survey.has_series(&metric.name));
    let trimmed = spelled.as_ref().map_or(name.trim(), |metric| metric.name.as_str());
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
