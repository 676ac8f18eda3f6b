//! `lodecast import`: the runs that trackers and frameworks recorded, as a sweep.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use lodecast_import::{
    AttributeNames, Columns, FORMATS, Format, ImportOptions, ImportReport, Limits, RateSchedule, Restarts, Source,
    Stop, Survey, ValidationChoice, Wanted, format_named, import, recognise, warning,
};
use lodecast_sweep_file::SweepWriter;
use serde_json::json;

use crate::failure::{failure, misuse};
use crate::interrupt;
use crate::options::overwriting::Overwriting;
use crate::output::Output;
use crate::progress::Phase;
use crate::report::{Table, significant};

const COLUMNS: &str = "Columns (without them the usual names are looked for, and what was chosen is said)";
const SETTINGS: &str = "Settings (without them the usual names are looked for)";

/// Where the runs are, and what their series mean.
#[derive(Args, Debug)]
#[command(after_help = formats())]
pub(crate) struct Arguments {
    /// Files, folders or addresses to read; before them the name of their format, if it is not to be recognised
    #[arg(value_name = "[FORMAT] SOURCE", required = true)]
    sources: Vec<String>,
    /// Sweep file to write: .parquet, .csv or .jsonl
    #[arg(short, long, value_name = "FILE", default_value = "sweep.parquet")]
    out: PathBuf,
    #[command(flatten)]
    overwriting: Overwriting,
    /// Show what would be read, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Experiment, study or project to read, where a store holds several
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
    /// A restarted run: keep its last attempt on top of what came before its first step, or make a run of each attempt
    #[arg(long, value_name = "last|split")]
    restarts: Option<Restarts>,
    /// Points of a series that are kept at most; of a longer one every second, every fourth and so on, and the last
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(2..))]
    points: Option<u64>,
    /// Series of the train loss
    #[arg(long, value_name = "NAME", help_heading = COLUMNS)]
    loss: Option<String>,
    /// Series of the learning rate
    #[arg(long, value_name = "NAME", help_heading = COLUMNS)]
    lr: Option<String>,
    /// Learning rate rebuilt from the settings where none was recorded: FAMILY, then ,peak=RATE or ,peak-from=SETTING, then
    /// perhaps ,warmup=AMOUNT or ,warmup-from=SETTING
    #[arg(long, value_name = "SCHEDULE", conflicts_with = "lr", help_heading = COLUMNS)]
    lr_schedule: Option<RateSchedule>,
    /// Validation metric and its better direction, which may be left out where the name says it
    #[arg(long = "val", value_name = "NAME:max|min", help_heading = COLUMNS)]
    validation: Vec<ValidationChoice>,
    /// Column or series that counts the optimizer steps
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    step: Option<String>,
    /// Column that names the run, in tables with several
    #[arg(id = "run_column", long = "run", value_name = "COLUMN", help_heading = COLUMNS)]
    run: Option<String>,
    /// Series of the epoch's number, by which series that count epochs are put among the steps
    #[arg(long, value_name = "NAME", help_heading = COLUMNS)]
    epoch: Option<String>,
    /// Optimizer steps of an epoch, where no series tells the epoch of a step
    #[arg(long, value_name = "COUNT", help_heading = COLUMNS, value_parser = clap::value_parser!(u64).range(1..))]
    steps_per_epoch: Option<u64>,
    /// Setting that holds the seed
    #[arg(long, value_name = "SETTING", help_heading = SETTINGS)]
    seed_from: Option<String>,
    /// Planned number of optimizer steps of every run
    #[arg(long, value_name = "COUNT", conflicts_with = "total_steps_from", help_heading = SETTINGS)]
    total_steps: Option<u64>,
    /// Setting that holds the planned number of optimizer steps
    #[arg(long, value_name = "SETTING", help_heading = SETTINGS)]
    total_steps_from: Option<String>,
    /// Setting that holds the peak learning rate
    #[arg(long, value_name = "SETTING", help_heading = SETTINGS)]
    peak_from: Option<String>,
    /// Setting that holds the optimizer's name
    #[arg(long, value_name = "SETTING", help_heading = SETTINGS)]
    optimizer_from: Option<String>,
    /// Setting that holds the schedule's name
    #[arg(long, value_name = "SETTING", help_heading = SETTINGS)]
    schedule_from: Option<String>,
}

/// The formats, for the end of the help.
fn formats() -> String {
    let width = FORMATS.iter().map(|format| format.name().len()).max().unwrap_or(0);
    let lines = FORMATS.iter().map(|format| format!("  {:<width$}  {}\n", format.name(), format.describes()));
    format!("Formats:\n{}", lines.collect::<String>())
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let mut options = self.options();
        if !self.dry_run {
            self.check_out()?;
        }
        let sources = self.open(&options, output)?;
        self.check_sources(&sources)?;
        let survey = {
            let _looking = Phase::counting("look", output);
            Survey::of(&sources, &options)?
        };
        let columns = Columns::choose(&survey, &options)?;
        for said in &columns.said {
            output.say(said);
        }

        // Before there is a file that an interruption could leave half written.
        let interrupted = interrupt::flag()?;
        options.limits.stop = Stop::when(move || interrupted.load(Ordering::Relaxed));
        let mut writer = if self.dry_run { None } else { Some(SweepWriter::create(&self.out, columns.metrics())?) };
        let report = read(&sources, &columns, &options, writer.as_mut(), output)?;
        say_what_was_done(&report, output);
        if let Some(writer) = writer {
            writer.finish(|run, attributes| report.complete(run, attributes))?;
        }
        if output.wants_json() {
            return output.json(&json!({
                "sweep": if self.dry_run { None } else { Some(&self.out) },
                "train_loss": columns.loss,
                "learning_rate": columns.rate_series(),
                "metrics": columns.metrics(),
                "read": report,
            }));
        }
        if self.dry_run {
            return output.table(&table(&columns, &report));
        }
        output.say(format_args!("written to {}; what is in it: 'lodecast runs {0}'", self.out.display()));
        Ok(())
    }

    fn options(&self) -> ImportOptions {
        let mut limits = Limits::default();
        limits.points = self.points.map_or(limits.points, |points| usize::try_from(points).unwrap_or(usize::MAX));
        ImportOptions {
            limits,
            loss: self.loss.clone(),
            learning_rate: self.lr.clone(),
            rate_schedule: self.lr_schedule.clone(),
            validation: self.validation.clone(),
            epoch: self.epoch.clone(),
            steps_per_epoch: self.steps_per_epoch,
            total_steps: self.total_steps,
            restarts: self.restarts,
            attributes: AttributeNames {
                seed: self.seed_from.clone(),
                total_steps: self.total_steps_from.clone(),
                peak_lr: self.peak_from.clone(),
                optimizer: self.optimizer_from.clone(),
                schedule: self.schedule_from.clone(),
            },
            wanted: Wanted {
                collection: self.collection.clone(),
                run_column: self.run.clone(),
                step_column: self.step.clone(),
                ..Wanted::default()
            },
        }
    }

    /// Before anything is read, which may take long: can the sweep file be written?
    fn check_out(&self) -> Result<()> {
        self.overwriting.check(&self.out)?;
        lodecast_sweep_file::Format::of(&self.out)?;
        Ok(())
    }

    /// Refuses to write over what is read.
    fn check_sources(&self, sources: &[(Source, &'static dyn Format)]) -> Result<()> {
        let Ok(out) = self.out.canonicalize() else { return Ok(()) };
        let is_out = |path: &PathBuf| {
            path.file_name() == self.out.file_name() && path.canonicalize().is_ok_and(|path| path == out)
        };
        if self.dry_run || !sources.iter().any(|(source, _)| source.files().iter().any(is_out)) {
            return Ok(());
        }
        Err(failure(
            format!("{} is among what is read", self.out.display()),
            "name another file with -o: --force does not replace a log",
        ))
    }

    /// The sources with their formats, named or recognised.
    fn open(&self, options: &ImportOptions, output: &mut Output) -> Result<Vec<(Source, &'static dyn Format)>> {
        let (format, texts) = match self.sources.split_first() {
            Some((first, rest)) if !Path::new(first).exists() && !first.contains(['/', '.', ':']) => {
                if rest.is_empty() {
                    return match format_named(first) {
                        Ok(_) => Err(misuse(
                            format!("nothing to read: '{first}' is the name of a format"),
                            format!("say where its runs are: 'lodecast import {first} FOLDER'"),
                        )),
                        Err(_) => Err(failure(
                            format!("{first}: nothing is there"),
                            "give files, folders or addresses; 'lodecast import --help' lists the formats",
                        )),
                    };
                }
                (Some(format_named(first)?), rest)
            }
            _ => (None, &self.sources[..]),
        };
        let mut sources = Vec::new();
        for text in texts {
            let source = Source::open(text, &options.limits)?;
            if let Some(warning) = warning(&source) {
                output.warn(warning);
            }
            let format = if let Some(format) = format {
                format
            } else {
                let found = recognise(&source)?;
                let others: Vec<&str> = found[1..].iter().map(|format| format.name()).collect();
                let also = if others.is_empty() {
                    String::new()
                } else {
                    format!(" (it could also be read as {}: name the format to choose)", others.join(", "))
                };
                output.say(format_args!("{source}: {}{also}", found[0].name()));
                found[0]
            };
            sources.push((source, format));
        }
        Ok(sources)
    }
}

/// Reads every run, into `writer` if there is one, with progress.
fn read(
    sources: &[(Source, &dyn Format)],
    columns: &Columns,
    options: &ImportOptions,
    mut writer: Option<&mut SweepWriter>,
    output: &mut Output,
) -> Result<ImportReport> {
    let phase = Phase::counting("import", output);
    let started = Instant::now();
    let (mut runs, mut points) = (0u64, 0usize);
    let rate = |points: usize| {
        let rate = points as f64 / started.elapsed().as_secs_f64().max(1e-9);
        format!("{points} points, {} points/s", significant(rate, 2))
    };
    let report = import(sources, columns, options, &mut |run, _| {
        runs += 1;
        points += run.len();
        phase.at(runs, rate(points));
        if let Some(writer) = &mut writer {
            writer.push(run)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if report.interrupted {
        return Err(lodecast_import::Error::Interrupted.into());
    }
    phase.done(output, format_args!("{runs} runs, {}", rate(points)));
    Ok(report)
}

/// Nothing is dropped or mended silently.
fn say_what_was_done(report: &ImportReport, output: &mut Output) {
    const SHOWN: usize = 10;
    for skipped in &report.skipped {
        output.warn(format_args!("run '{}' was left out: {}", skipped.run, skipped.reason));
    }
    for note in &report.notes {
        output.warn(note);
    }
    // What many runs have in common is said once.
    let mut notes: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut places = HashMap::new();
    for run in &report.runs {
        for note in &run.notes {
            let place = *places.entry(note.as_str()).or_insert(notes.len());
            match notes.get_mut(place) {
                Some((_, runs)) => runs.push(&run.run),
                None => notes.push((note, vec![&run.run])),
            }
        }
    }
    for (note, runs) in notes.iter().take(SHOWN) {
        match runs.as_slice() {
            [run] => output.say(format_args!("run '{run}': {note}")),
            [first, ..] => output.say(format_args!("{} runs, '{first}' for one: {note}", runs.len())),
            [] => {}
        }
    }
    if notes.len() > SHOWN {
        output.say(format_args!("{} more notes; --json has them all", notes.len() - SHOWN));
    }
    let list = |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    if !report.settings.is_empty() {
        output.say(format_args!("the runs differ in: {}", list(&report.settings)));
    }
    if !report.ignored_settings.is_empty() {
        output.say(format_args!("taken for names, since each run has another: {}", list(&report.ignored_settings)));
    }
    if !report.circumstances.is_empty() {
        let names = list(&report.circumstances);
        output.say(format_args!("not counted, since they say who, where and when, or which seed or fold: {names}"));
    }
}

/// One row a run.
fn table(columns: &Columns, report: &ImportReport) -> Table {
    let metrics = columns.metrics();
    let headings = ["Run", "#Points", "#First step", "#Last step", "#Losses", "#Rates"].map(ToOwned::to_owned);
    let headings: Vec<String> = headings.into_iter().chain(metrics.iter().map(|metric| format!("#{metric}"))).collect();
    let mut table = Table::new("", headings.iter().map(String::as_str));
    for run in &report.runs {
        let counts = [
            run.points.to_string(),
            run.steps.0.to_string(),
            run.steps.1.to_string(),
            run.losses.to_string(),
            run.learning_rates.to_string(),
        ];
        let validations = run.validations.iter().map(ToString::to_string);
        table.push(std::iter::once(run.run.clone()).chain(counts).chain(validations));
    }
    table
}
