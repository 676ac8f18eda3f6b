//! `lodecast plan`: which schedule to follow from here on.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use lodecast::{Candidate, Interval, Model, Narrowing, Origin, Plan, Planner, Point, Prediction, Situation, Verdict};
use serde::Serialize;

use crate::failure::{failure, misuse};
use crate::figures::{is_fraction, metric_name, metric_value, schedule_in_words};
use crate::model_input;
use crate::options::fraction::fraction;
use crate::options::planner::PlannerOptions;
use crate::options::prior::PriorOptions;
use crate::options::run::RunInput;
use crate::options::schedule::ScheduleOption;
use crate::options::sweep::Columns;
use crate::output::Output;
use crate::report::{Table, learning_rate, signed};
use crate::whole_file;

/// Which run, and how to plan.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Model file; or runs (a sweep file, a folder of them, what a tracker left), to which the law is fitted on the spot
    #[arg(value_name = "MODEL", required_unless_present = "learning_rate")]
    model: Option<PathBuf>,
    /// File of the run so far: .parquet, .csv or .jsonl; leave it out to plan before the start
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    /// Planned length of the run, if the file does not say it
    #[arg(long, value_name = "STEPS")]
    total_steps: Option<u64>,
    /// Look only at this first part of the run, as if it had come no further
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    observed: Option<f64>,
    #[command(flatten)]
    prior: PriorOptions,
    #[command(flatten)]
    columns: Columns,
    /// Schedule in force: FAMILY:PEAK, FAMILY:PEAK:WARMUP, or a JSON or sweep file [default: the run's own, else the sweep's best]
    #[arg(long, value_name = "SCHEDULE")]
    in_force: Option<ScheduleOption>,
    /// Seed of the candidates
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also write the schedule as a table of steps and learning rates
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Also write the plan as an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    planner: PlannerOptions,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        self.html.as_deref().map_or(Ok(()), check_page)?;
        self.csv.as_deref().map_or(Ok(()), check_csv)?;
        let model = self.model(output)?;
        let metric = model.metric().clone();
        self.planner.check(std::iter::once(&model))?;
        let asked = model.clone();
        let planner = self.planner.planner(model)?;
        let (points, total_steps, own) = self.observed(&planner, &metric, output)?;
        let in_force = match (&self.in_force, own) {
            (Some(option), _) => option.schedule.clone(),
            (None, Some(own)) => own,
            (None, None) => planner.forecaster().experience().best_configuration().schedule.clone(),
        };
        let situation = Situation { seed: self.seed, ..Situation::after(&points, total_steps, &in_force) };
        let plan = planner.plan(&situation)?;
        if let Some(doubt) = planner.forecaster().experience().unknown(&plan.schedule, total_steps) {
            output.warn(doubt);
        }
        if let Some(path) = &self.csv {
            write_csv(path, &plan, total_steps)?;
            output.say(format_args!("schedule written to {}", path.display()));
        }
        if let Some(path) = &self.html {
            let name = self.run.as_ref().map_or("a run that has not begun".into(), |path| path.to_string_lossy());
            whole_file::write_page(path, &page(&asked, &name, &situation, &plan)?)?;
            output.say(format_args!("page written to {}", path.display()));
        }
        let narrowing = match &asked {
            Model::Law(law) if points.is_empty() => law.law().narrowing(&plan.schedule, total_steps)?,
            _ => Vec::new(),
        };
        if output.wants_json() {
            return output.json(&Answer { plan: &plan, narrowing: &narrowing });
        }
        let verb = if plan.changed { "new schedule" } else { "schedule kept" };
        output.line(format_args!("{verb} at {:.0} % of the run: {}", plan.now * 100.0, plan.reason))?;
        output.line(schedule_in_words(&plan.schedule))?;
        // A pick has words of its own; what else is planned ends as the model forecasts, with what held-out runs missed by.
        let of_pick = plan.chosen().and_then(|chosen| chosen.interval);
        let forecast = || asked.forecast(&points, total_steps, Some(&plan.schedule)).map(|run| run.final_validation);
        if let Some(Interval { mean, low, high }) = of_pick.or_else(|| forecast().ok()) {
            let value = |value: f64| metric_value(value, is_fraction(&metric, [mean]));
            let (name, mean, low, high) = (metric_name(&metric), value(mean), value(low), value(high));
            output.line(format_args!("predicted final {name}: {mean} ({low} to {high} in two of three runs)"))?;
        }
        output.line("")?;
        output.table(&schedule_table(&plan, total_steps))?;
        output.line("")?;
        captioned(&candidate_table(&plan, &metric), output)?;
        if narrowing.is_empty() {
            return Ok(());
        }
        output.line("")?;
        captioned(&narrowing_table(&narrowing, &metric), output)
    }

    /// The model to ask: of what is known before the first run, where there is none.
    fn model(&self, output: &mut Output) -> Result<Model> {
        match (&self.model, self.prior.learning_rate) {
            (Some(path), _) => model_input::model(path, &self.columns, output),
            (None, Some(rate)) => self.prior.model(rate, self.total_steps, &self.columns.metrics, output),
            (None, None) => {
                Err(misuse("there is nothing to plan from", "name a model or runs, or give --learning-rate"))
            }
        }
    }

    /// The points seen, the planned length, and the schedule that the run says it follows.
    fn observed(
        &self,
        planner: &Planner,
        metric: &lodecast::Metric,
        output: &mut Output,
    ) -> Result<(Vec<Point>, u64, Option<lodecast::Schedule>)> {
        if let Some(path) = &self.run {
            let input = RunInput {
                path: path.clone(),
                total_steps: self.total_steps,
                observed: self.observed,
                columns: self.columns.clone(),
            };
            let run = input.read(metric)?;
            return Ok((run.observed, run.total_steps, lodecast::Schedule::of_run(&run.run)));
        }
        if !planner.plans_ahead() {
            return Err(failure(
                "the paper's model cannot plan before the run has started",
                "give the points so far as RUN, or plan with a controlled model",
            ));
        }
        // To a network a schedule is a matter of progress; to a law the length is one of the conditions.
        let usual = || {
            let steps = planner.forecaster().experience().conditions.usual_length();
            output.say(format_args!("for a run of {steps} steps; --total-steps STEPS says another length"));
            steps
        };
        Ok((Vec::new(), self.total_steps.unwrap_or_else(usual), None))
    }
}

/// A table below what its numbers mean.
fn captioned(table: &Table, output: &mut Output) -> Result<()> {
    output.line(&table.caption)?;
    output.table(table)
}

/// What is answered in JSON.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    /// What a few more runs would tell, where there are next to none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    narrowing: &'a [Narrowing],
}

/// What further runs would tell.
fn narrowing_table(narrowing: &[Narrowing], metric: &lodecast::Metric) -> Table {
    let mut table = Table::new(
        "What a few more runs would bring: the range of two of three runs, if each of them ends as is expected now.",
        ["#peak", "the same schedule, to see", "then predicted"],
    );
    for Narrowing { schedule, tells, predicted, .. } in narrowing {
        let value = |value: f64| metric_value(value, is_fraction(metric, [predicted.median]));
        let range = format!("{} to {}", value(predicted.low_68), value(predicted.high_68));
        table.push([learning_rate(schedule.highest_rate()), tells.clone(), range]);
    }
    table
}

fn in_words(prediction: Prediction, metric: &lodecast::Metric) -> String {
    let fraction = is_fraction(metric, [prediction.metric]);
    format!("{} +/- {}", metric_value(prediction.metric, fraction), metric_value(prediction.spread, fraction))
}

fn schedule_table(plan: &Plan, total_steps: u64) -> Table {
    let mut table = Table::new("The schedule.", ["#progress", "#step", "#learning rate"]);
    let total = total_steps as f64;
    let mut steps: Vec<u64> =
        (0..=10).map(|part| ((plan.now + (1.0 - plan.now) * f64::from(part) / 10.0) * total).round() as u64).collect();
    // A short run has fewer steps than rows.
    steps.dedup();
    for step in steps {
        let progress = step as f64 / total;
        let rate = learning_rate(plan.schedule.learning_rate(progress));
        table.push([format!("{:.0} %", progress * 100.0), step.to_string(), rate]);
    }
    table
}

fn score(candidate: &Candidate) -> Option<f64> {
    candidate.score.map(|score| score.total)
}

/// What was weighed, summed up by where it came from.
fn candidate_table(plan: &Plan, metric: &lodecast::Metric) -> Table {
    let title = if plan.candidates.iter().any(|candidate| candidate.interval.is_some()) {
        "What was weighed; +/- is half of the range of two of three runs."
    } else {
        "What was weighed: the mean over the members of the model, to compare by, +/- how far they disagree. What is predicted \
         above counts what runs miss by besides."
    };
    let mut table = Table::new(title, ["from", "#candidates", "#rejected", "#best prediction", "#best score"]);
    let mut groups: Vec<(String, Vec<&Candidate>)> = Vec::new();
    for candidate in &plan.candidates {
        let name = match &candidate.origin {
            Origin::InForce => "the schedule in force".to_owned(),
            Origin::Sweep { .. } => "schedules of the sweep".to_owned(),
            Origin::Search { round } => format!("search, round {round}"),
            Origin::Latent { member, .. } => format!("latents of member {member}"),
            other => other.to_string(),
        };
        match groups.iter_mut().find(|group| group.0 == name) {
            Some(group) => group.1.push(candidate),
            None => groups.push((name, vec![candidate])),
        }
    }
    for (name, candidates) in groups {
        let rejected = candidates.iter().filter(|c| matches!(c.verdict, Verdict::Rejected { .. })).count();
        let best = candidates
            .iter()
            .filter(|candidate| !matches!(candidate.verdict, Verdict::Rejected { .. }))
            .max_by(|a, b| score(a).unwrap_or(f64::NEG_INFINITY).total_cmp(&score(b).unwrap_or(f64::NEG_INFINITY)));
        let missing = || "-".to_owned();
        table.push([
            name,
            candidates.len().to_string(),
            if rejected == 0 { missing() } else { rejected.to_string() },
            best.and_then(|best| best.prediction).map_or_else(missing, |prediction| in_words(prediction, metric)),
            best.and_then(|best| score(best)).map_or_else(missing, |score| signed(score, 3)),
        ]);
    }
    table
}

/// How a table of steps and rates begins.
const HEADS: &str = "step,learning_rate\n";

/// Before any work: refuses a file that is no such table.
fn check_csv(path: &Path) -> Result<()> {
    whole_file::refuse_another(path, HEADS, "table of a schedule")
}

fn write_csv(path: &Path, plan: &Plan, total_steps: u64) -> Result<()> {
    let first = (plan.now * total_steps as f64).ceil() as u64;
    check_csv(path)?;
    whole_file::write(path, |file| {
        file.write_all(HEADS.as_bytes())?;
        for step in first..total_steps {
            writeln!(file, "{step},{:e}", plan.schedule.at_step(step, total_steps))?;
        }
        Ok(())
    })
}

/// Before any work: refuses a file that is no page, and a page where there is none to be had.
fn check_page(path: &Path) -> Result<()> {
    if cfg!(feature = "live") { whole_file::check_page(path) } else { Err(no_page()) }
}

/// The plan on the page that a run under way has.
#[cfg(feature = "live")]
fn page(model: &Model, name: &str, situation: &Situation<'_>, plan: &Plan) -> Result<String> {
    let Situation { observed, total_steps, in_force, .. } = *situation;
    Ok(lodecast_live::PlannedRun { model, name, total_steps, observed, in_force }.page(plan)?)
}

#[cfg(not(feature = "live"))]
fn page(_: &Model, _: &str, _: &Situation<'_>, _: &Plan) -> Result<String> {
    Err(no_page())
}

fn no_page() -> anyhow::Error {
    failure(
        "this lodecast was built without the page of runs",
        "leave --html out, or install it with: cargo install lodecast-cli (in a checkout: cargo install --path crates/lodecast-cli)",
    )
}
