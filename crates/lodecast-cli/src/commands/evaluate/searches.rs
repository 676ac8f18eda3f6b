//! Forecasts from few runs over whole searches, one sweep file each: `lodecast evaluate --searches DIR`.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};
use clap::Args;
use lodecast::{FewRunsMethod, FewRunsScore, FewRunsSettings, Run, Sweep, evaluate_few_runs};
use lodecast_sweep_file::files_in;
use serde::{Deserialize, Serialize};

use crate::failure::{failure, misuse};
use crate::model_input;
use crate::options::sweep::Columns;
use crate::output::Output;
use crate::progress::Phase;
use crate::report::{Table, significant};

/// Heading of these options in help texts.
const HEADING: &str = "Forecasts from few runs (with --searches)";

/// Which searches, and how they are drawn from.
#[derive(Args, Debug)]
#[command(next_help_heading = HEADING)]
pub(crate) struct Searches {
    /// Folder of searches, a sweep file each: the first N runs of a random order are learned from, all others forecast
    #[arg(id = "searches", long, value_name = "DIR", conflicts_with = "model")]
    folder: Option<PathBuf>,
    /// Numbers of runs to learn from
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "COUNTS",
        default_value = "3,6,12,24,48",
        conflicts_with = "model"
    )]
    sizes: Vec<usize>,
    /// Random orders
    #[arg(long, value_name = "COUNT", default_value_t = 3, conflicts_with = "model")]
    draws: u64,
    /// Seed of the orders
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with = "model")]
    draw_seed: u64,
    /// Who forecasts: law, gaussian-process, multi-power-law, sweep-mean, last-value, controlled, paper, best
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "law,gaussian-process,multi-power-law,sweep-mean,last-value",
        conflicts_with = "model"
    )]
    methods: Vec<FewRunsMethod>,
    /// Final values worse than this count as this [default: the median of first values]
    #[arg(long, value_name = "VALUE", conflicts_with = "model")]
    cut: Option<f64>,
    /// Take only runs with such a setting, like 'beta1<0.999' or 'peak_lr>1e-5'; may be given several times
    #[arg(long, value_name = "SETTING<VALUE", conflicts_with = "model")]
    keep: Vec<Condition>,
    /// Take only runs with a peak within so many powers of ten of the best run's
    #[arg(long, value_name = "DECADES", conflicts_with = "model")]
    near_best: Option<f64>,
    /// Take only runs that reached their planned end, one of each configuration
    #[arg(long, conflicts_with = "model")]
    complete: bool,
    /// File that scores are added to, a line a search; searches that are in it are not drawn from again
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    journal: Option<PathBuf>,
}

/// What a setting of a run has to be.
#[derive(Clone, Debug, PartialEq)]
struct Condition {
    setting: String,
    below: bool,
    limit: f64,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let advice = || format!("'{text}' is no condition: write SETTING<VALUE or SETTING>VALUE");
        let at = text.find(['<', '>']).ok_or_else(advice)?;
        let limit = text[at + 1..].trim().parse().map_err(|_| advice())?;
        Ok(Self { setting: text[..at].trim().to_owned(), below: text.as_bytes()[at] == b'<', limit })
    }
}

impl Condition {
    /// Does it hold? Of a run that does not have the setting it cannot be said.
    fn holds(&self, run: &Run) -> bool {
        let value = match self.setting.as_str() {
            "peak_lr" => Some(peak(run)),
            other => run.attributes.other.get(other).and_then(|value| value.trim().parse().ok()),
        };
        value.is_some_and(|value: f64| if self.below { value < self.limit } else { value > self.limit })
    }
}

/// Scores of one search.
#[derive(Serialize, Deserialize)]
struct Scored {
    search: String,
    settings: FewRunsSettings,
    runs: usize,
    scores: Vec<FewRunsScore>,
}

impl Searches {
    /// Draws from every search, writes the journal, and prints what came out.
    pub(crate) fn run(&self, fractions: &[f64], columns: &Columns, output: &mut Output) -> Result<()> {
        let Some(folder) = &self.folder else {
            return Err(misuse("there is nothing to evaluate", "name a model and a sweep, runs, or --searches DIR"));
        };
        let mut settings = FewRunsSettings::default();
        if !fractions.is_empty() {
            settings.observed = fractions.to_vec();
        }
        settings.sizes.clone_from(&self.sizes);
        settings.methods.clone_from(&self.methods);
        (settings.draws, settings.seed, settings.cut) = (self.draws, self.draw_seed, self.cut);
        let mut known = self.known(&settings)?;
        let files = files_in(folder)?;
        let phase = Phase::start("searches", files.len() as u64, output);
        let mut scored = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            phase.at(index as u64, name.clone());
            let done = match known.remove(&name) {
                Some(done) => done,
                None => self.score(&name, file, columns, &settings, output)?,
            };
            scored.push(done);
        }
        phase.done(output, format!("{} searches", scored.len()));
        if output.wants_json() {
            return output.json(&scored);
        }
        let table = table(&scored);
        output.line(&table.caption)?;
        output.line("")?;
        output.table(&table)
    }

    fn score(
        &self,
        name: &str,
        file: &Path,
        columns: &Columns,
        settings: &FewRunsSettings,
        output: &mut Output,
    ) -> Result<Scored> {
        let sweep = self.kept(model_input::runs(file, columns, output)?);
        let metric = match (&columns.metrics[..], &sweep.metrics[..]) {
            ([first, ..], _) | ([], [first, ..]) => first.name.clone(),
            ([], []) => return Err(failure(format!("{name} has no metric"), "name it with --val NAME:min")),
        };
        let mut scores = Vec::new();
        let drawn = evaluate_few_runs(&sweep, &metric, settings, &mut |score| scores.push(score));
        if let Err(error) = drawn {
            output.warn(format_args!("{name} was left out: {error}"));
        }
        let scored = Scored { search: name.to_owned(), settings: settings.clone(), runs: sweep.runs.len(), scores };
        if let Some(path) = &self.journal {
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write {}", path.display()))?;
            let line = serde_json::to_string(&scored)? + "\n";
            file.write_all(line.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(scored)
    }

    /// Scores that the journal has under these settings. A line that a crash cut off is none.
    fn known(&self, settings: &FewRunsSettings) -> Result<HashMap<String, Scored>> {
        let Some(path) = self.journal.as_ref().filter(|path| path.exists()) else { return Ok(HashMap::new()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Scored>(line).ok());
        Ok(lines.filter(|scored| scored.settings == *settings).map(|scored| (scored.search.clone(), scored)).collect())
    }

    /// The runs that were asked for.
    fn kept(&self, mut sweep: Sweep) -> Sweep {
        sweep.runs.retain(|run| self.keep.iter().all(|condition| condition.holds(run)));
        if let (Some(decades), Some((_, _, runs))) = (self.near_best, sweep.best_configuration(0)) {
            let best = peak(&sweep.runs[runs[0]]);
            sweep.runs.retain(|run| (peak(run) / best).log10().abs() <= decades + 1e-9);
        }
        if self.complete {
            let firsts: Vec<usize> = sweep
                .configurations()
                .into_iter()
                .filter_map(|(_, runs)| runs.into_iter().find(|&run| sweep.runs[run].reached_end()))
                .collect();
            let mut index = 0..;
            sweep.runs.retain(|_| index.next().is_some_and(|index| firsts.contains(&index)));
        }
        sweep
    }
}

/// Highest recorded rate of a run.
fn peak(run: &Run) -> f64 {
    run.learning_rate().iter().copied().flatten().filter(|rate| rate.is_finite()).fold(0.0, f64::max)
}

/// Medians over all draws of all searches, one row a number of runs, part seen and method.
fn table(scored: &[Scored]) -> Table {
    let mut table = Table::new(
        "Medians over draws and searches. Errors and interval scores are fractions of the mean distance of a search's runs from their median.",
        [
            "#Runs",
            "#Seen",
            "Method",
            "#Draws",
            "#Error",
            "#Mean error",
            "#Rank",
            "#Regret",
            "#In 68 %",
            "#In 95 %",
            "#Score",
            "#Fit",
        ],
    );
    let mut groups: Vec<(usize, f64, FewRunsMethod)> = Vec::new();
    let all = || scored.iter().flat_map(|search| &search.scores);
    for score in all() {
        let group = (score.size, score.observed, score.method);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups.sort_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).unwrap_or(std::cmp::Ordering::Equal));
    for (size, observed, method) in groups {
        let of = || all().filter(|score| (score.size, score.observed, score.method) == (size, observed, method));
        let values = |value: fn(&FewRunsScore) -> f64| of().map(value).collect::<Vec<f64>>();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let ranks: Vec<f64> = of().filter_map(|score| score.rank_correlation).collect();
        table.push([
            size.to_string(),
            format!("{:.0} %", observed * 100.0),
            method.name().to_owned(),
            of().count().to_string(),
            significant(median(values(|score| score.relative_error)), 3),
            significant(mean(values(|score| score.relative_error)), 3),
            significant(median(ranks), 2),
            significant(median(values(|score| score.regret)), 2),
            format!("{:.0} %", mean(values(|score| score.coverage_68)) * 100.0),
            format!("{:.0} %", mean(values(|score| score.coverage_95)) * 100.0),
            significant(median(values(|score| score.interval_score)), 3),
            format!("{:.2} s", median(values(|score| score.seconds))),
        ]);
    }
    table
}

/// The middle value, the mean of two where there are two; NaN of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    if count == 0 {
        return f64::NAN;
    }
    f64::midpoint(values[(count - 1) / 2], values[count / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_kept() {
        let condition: Condition = "beta1 < 0.999".parse().unwrap();
        let mut run = Run::new("a", 1);
        assert!(!condition.holds(&run), "a setting that is not there cannot be said to be small");
        run.attributes.other.insert("beta1".to_owned(), "0.9".to_owned());
        assert!(condition.holds(&run));
        run.push(0, None, Some(0.1), &[None]).unwrap();
        assert!("peak_lr>0.05".parse::<Condition>().unwrap().holds(&run));
        assert!("beta1=0.9".parse::<Condition>().is_err());
        assert_eq!(median(vec![3.0, 1.0, 2.0, 10.0]), 2.5);
    }
}
