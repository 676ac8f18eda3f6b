//! `lodecast runs`: what is in a sweep, or on a server.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use lodecast::{Metric, Sweep};
use serde::Serialize;

use crate::figures::sweep::{self, ConfigurationSummary};
use crate::figures::{is_fraction, metric_value};
use crate::options::sweep::Columns;
use crate::options::sweeps::SweepInput;
use crate::output::Output;
use crate::report::{Block, Report, Section, Table};
use crate::whole_file;

/// Which sweep, and how much of it.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Sweep files (.parquet, .csv or .jsonl), folders of them, or what a tracker left; the runs of several are joined
    #[cfg_attr(feature = "serve", arg(value_name = "SWEEP", required_unless_present = "live"))]
    #[cfg_attr(not(feature = "serve"), arg(value_name = "SWEEP", required = true))]
    sweeps: Vec<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// The runs under way on a server of 'lodecast serve' instead: http://HOST:PORT, or unix:PATH of its socket; a token to read
    /// with, if it asks for one, is taken from `LODECAST_TOKEN`
    #[cfg(feature = "serve")]
    #[arg(long, value_name = "URL", conflicts_with_all = ["sweeps", "metric", "each", "html"])]
    live: Option<String>,
    /// Metric to go by [default: the first]
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// One line a run instead of one a configuration
    #[arg(long)]
    each: bool,
    /// Also write the sweep's curves as an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// A sweep, summed up.
#[derive(Serialize)]
struct Summary {
    metrics: Vec<Metric>,
    metric: String,
    runs: usize,
    configurations: usize,
    points: usize,
    shortest_run: usize,
    longest_run: usize,
    validated_points: usize,
    points_without_loss: usize,
    points_without_learning_rate: usize,
    diverged: usize,
    stopped: usize,
    empty: Vec<String>,
    by_configuration: Vec<ConfigurationSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_run: Option<Vec<RunSummary>>,
}

/// A run, summed up.
#[derive(Serialize)]
struct RunSummary {
    run: String,
    configuration: String,
    points: usize,
    last_step: Option<u64>,
    total_steps: u64,
    final_validation: Option<f64>,
    diverged_at: Option<u64>,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        #[cfg(feature = "serve")]
        if let Some(address) = &self.live {
            return live(address, output);
        }
        let input = SweepInput { paths: self.sweeps.clone(), columns: self.columns.clone() };
        let sweep = input.read(output)?;
        // What stopped early is told by lengths, which others may have to say.
        let (sweep, notes) = sweep.with_lengths();
        for note in &notes {
            output.warn(format_args!("run '{}': {}", note.run, note.reason));
        }
        if sweep.metrics.is_empty() || sweep.runs.is_empty() {
            return Err(lodecast::Error::Sweep { reason: "it has no runs".to_owned() })
                .with_context(|| format!("cannot sum up {}", input.name()));
        }
        let metric = self.metric.as_deref().map_or(Ok(0), |name| sweep.metric_index(name))?;
        if let Some(path) = &self.html {
            whole_file::write_page(path, &page(&sweep, metric, &input.name()).to_html())?;
            output.say(format_args!("page written to {}", path.display()));
        }
        let summary = summary(&sweep, metric, self.each);
        if output.wants_json() {
            return output.json(&summary);
        }
        for line in lines(&sweep, &summary) {
            output.line(line)?;
        }
        output.line("")?;
        match &summary.by_run {
            Some(runs) => output.table(&run_table(&sweep, metric, runs)),
            None => output.table(&sweep::configuration_table(&sweep, metric)),
        }
    }
}

/// The runs on a server, the latest first.
#[cfg(feature = "serve")]
fn live(address: &str, output: &mut Output) -> Result<()> {
    let token = std::env::var("LODECAST_TOKEN").ok().filter(|token| !token.is_empty());
    let runs = lodecast_live::served_runs(address, token.as_deref())?;
    if output.wants_json() {
        return output.json(&serde_json::json!({"runs": runs}));
    }
    let mut table = Table::new("", ["Run", "#Step", "#Of", "What is going on", "Alerts"]);
    for run in &runs {
        let number = |name: &str| run[name].as_u64().map_or_else(|| "-".to_owned(), |number| number.to_string());
        let text = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
        let alerts = run["alerts"].as_array().into_iter().flatten().filter_map(|alert| alert.as_str());
        let alerts = alerts.collect::<Vec<_>>().join("; ");
        table.push([text("id"), number("last_step"), number("total_steps"), text("sentence"), alerts]);
    }
    output.table(&table)
}

fn summary(sweep: &Sweep, metric: usize, each: bool) -> Summary {
    let lengths = || sweep.runs.iter().map(lodecast::Run::len);
    let missing = |column: fn(&lodecast::Run) -> &[Option<f64>]| {
        sweep.runs.iter().map(|run| column(run).iter().filter(|value| value.is_none()).count()).sum()
    };
    let by_run = each.then(|| {
        let names = sweep.configuration_names();
        let runs = sweep.runs.iter().zip(names).map(|(run, configuration)| RunSummary {
            run: run.id.clone(),
            configuration,
            points: run.len(),
            last_step: run.steps().last().copied(),
            total_steps: run.total_steps(),
            final_validation: run.final_validation(metric),
            diverged_at: run.diverged_at(metric).map(|index| run.steps()[index]),
        });
        runs.collect()
    });
    Summary {
        metrics: sweep.metrics.clone(),
        metric: sweep.metrics[metric].name.clone(),
        runs: sweep.runs.len(),
        configurations: sweep.configurations().len(),
        points: lengths().sum(),
        shortest_run: lengths().min().unwrap_or(0),
        longest_run: lengths().max().unwrap_or(0),
        validated_points: sweep.runs.iter().map(|run| run.validation(metric).iter().flatten().count()).sum(),
        points_without_loss: missing(|run| run.train_loss()),
        points_without_learning_rate: missing(|run| run.learning_rate()),
        diverged: sweep.runs.iter().filter(|run| run.diverged_at(metric).is_some()).count(),
        stopped: sweep.runs.iter().filter(|run| sweep::stopped_early(run, metric)).count(),
        empty: sweep.runs.iter().filter(|run| run.is_empty()).map(|run| run.id.clone()).collect(),
        by_configuration: sweep::configurations(sweep, metric),
        by_run,
    }
}

/// The summary in words.
fn lines(sweep: &Sweep, summary: &Summary) -> Vec<String> {
    let metrics = summary.metrics.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!(
            "runs            {} of {} configurations, {} diverged{}",
            summary.runs,
            summary.configurations,
            summary.diverged,
            if summary.stopped == 0 {
                String::new()
            } else {
                format!(", {} stopped before their end", summary.stopped)
            }
        ),
        format!("points          {}, from {} to {} a run", summary.points, summary.shortest_run, summary.longest_run),
        format!("metrics         {metrics}; {} measured at {} of the points", summary.metric, summary.validated_points),
        format!("learning rates  {}", sweep::learning_rate_range(sweep)),
    ];
    if summary.points_without_loss + summary.points_without_learning_rate > 0 {
        lines.push(format!(
            "gaps            {} points without a train loss, {} without a learning rate",
            summary.points_without_loss, summary.points_without_learning_rate
        ));
    }
    if !summary.empty.is_empty() {
        lines.push(format!("empty           {}", summary.empty.join(", ")));
    }
    lines
}

fn run_table(sweep: &Sweep, metric: usize, runs: &[RunSummary]) -> Table {
    let fraction = is_fraction(&sweep.metrics[metric], runs.iter().filter_map(|run| run.final_validation));
    let mut table =
        Table::new("", ["Run", "Configuration", "#Points", "#Last step", "#Planned", "#Last value", "#Diverged at"]);
    for run in runs {
        table.push([
            run.run.clone(),
            run.configuration.clone(),
            run.points.to_string(),
            run.last_step.map_or_else(|| "-".to_owned(), |step| step.to_string()),
            run.total_steps.to_string(),
            run.final_validation.map_or_else(|| "-".to_owned(), |value| metric_value(value, fraction)),
            run.diverged_at.map_or_else(|| "-".to_owned(), |step| step.to_string()),
        ]);
    }
    table
}

fn page(sweep: &Sweep, metric: usize, name: &str) -> Report {
    let mut blocks = vec![Block::Figure(sweep::curves(sweep, metric))];
    blocks.extend(sweep::finals(sweep, metric).map(Block::Figure));
    blocks.push(Block::Table(sweep::configuration_table(sweep, metric)));
    Report {
        title: format!("The runs in {name}"),
        facts: vec![
            ("Runs".to_owned(), sweep.runs.len().to_string()),
            ("Configurations".to_owned(), sweep.configurations().len().to_string()),
            ("Learning rates".to_owned(), sweep::learning_rate_range(sweep)),
        ],
        sections: vec![Section { title: "The sweep".to_owned(), blocks }],
        ..Report::default()
    }
}
