//! `lodecast plan`: which schedule to follow from here on.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use lodecast::{Candidate, Origin, Plan, Planner, Point, Prediction, Situation, Verdict};

use crate::failure::failure;
use crate::figures::forecast::ForecastExample;
use crate::figures::{is_fraction, metric_name, metric_value, schedule_in_words};
use crate::model_input;
use crate::options::fraction::fraction;
use crate::options::planner::PlannerOptions;
use crate::options::run::RunInput;
use crate::options::schedule::ScheduleOption;
use crate::options::sweep::Columns;
use crate::output::Output;
use crate::report::{
    Axis, Block, Color, Curves, Figure, Guide, Key, Mark, Panel, Plot, Report, Section, Series, Size, Table, Weight,
    learning_rate, signed,
};
use crate::whole_file;

/// Which run, and how to plan.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Model file; or runs (a sweep file, a folder of them, what a tracker left), to which the law is fitted on the spot
    #[arg(value_name = "MODEL")]
    model: PathBuf,
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
        let model = model_input::model(&self.model, &self.columns, output)?;
        let metric = model.metric().clone();
        self.planner.check(std::iter::once(&model))?;
        let drawn = self.html.is_some().then(|| model.clone());
        let planner = self.planner.planner(model)?;
        let (points, total_steps, own) = self.observed(&planner, &metric)?;
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
            let forecast = drawn.and_then(|model| model.forecast(&points, total_steps, Some(&plan.schedule)).ok());
            let end = forecast.map(|forecast| {
                ForecastExample::new("the run".to_owned(), &points, total_steps, &metric, plan.now, forecast)
                    .end_figure()
            });
            let blocks = [
                end.map(Block::Figure),
                Some(Block::Figure(schedule_figure(&plan, &points, total_steps, &in_force))),
                Some(Block::Table(candidates_weighed(&plan, &metric))),
                Some(Block::Table(schedule_table(&plan, total_steps))),
            ];
            let page = Report {
                title: if plan.changed { "A new schedule".to_owned() } else { "The schedule is kept".to_owned() },
                sections: vec![Section {
                    title: "The plan".to_owned(),
                    blocks: blocks.into_iter().flatten().collect(),
                }],
                ..Report::default()
            };
            whole_file::write_text(path, &page.to_html())?;
            output.say(format_args!("page written to {}", path.display()));
        }
        if output.wants_json() {
            return output.json(&plan);
        }
        let verb = if plan.changed { "new schedule" } else { "schedule kept" };
        output.line(format_args!("{verb} at {:.0} % of the run: {}", plan.now * 100.0, plan.reason))?;
        output.line(schedule_in_words(&plan.schedule))?;
        if let Some(prediction) = plan.prediction {
            output.line(format_args!("predicted final {}: {}", metric_name(&metric), in_words(prediction, &metric)))?;
        }
        output.line("")?;
        output.table(&schedule_table(&plan, total_steps))?;
        output.line("")?;
        output.table(&candidate_table(&plan, &metric))
    }

    /// The points seen, the planned length, and the schedule that the run says it follows.
    fn observed(
        &self,
        planner: &Planner,
        metric: &lodecast::Metric,
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
        let usual = || planner.forecaster().experience().conditions.usual_length();
        Ok((Vec::new(), self.total_steps.unwrap_or_else(usual), None))
    }
}

fn in_words(prediction: Prediction, metric: &lodecast::Metric) -> String {
    let fraction = is_fraction(metric, [prediction.metric]);
    format!("{} +/- {}", metric_value(prediction.metric, fraction), metric_value(prediction.spread, fraction))
}

fn schedule_table(plan: &Plan, total_steps: u64) -> Table {
    let mut table = Table::new("The schedule.", ["#progress", "#step", "#learning rate"]);
    for part in 0..=10 {
        let progress = plan.now + (1.0 - plan.now) * f64::from(part) / 10.0;
        table.push([
            format!("{:.0} %", progress * 100.0),
            format!("{:.0}", progress * total_steps as f64),
            learning_rate(plan.schedule.learning_rate(progress)),
        ]);
    }
    table
}

fn score(candidate: &Candidate) -> Option<f64> {
    candidate.score.map(|score| score.total)
}

/// What was weighed, summed up by where it came from.
fn candidate_table(plan: &Plan, metric: &lodecast::Metric) -> Table {
    let mut table =
        Table::new("What was weighed.", ["from", "#candidates", "#rejected", "#best prediction", "#best score"]);
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

fn write_csv(path: &Path, plan: &Plan, total_steps: u64) -> Result<()> {
    let first = (plan.now * total_steps as f64).ceil() as u64;
    whole_file::write(path, |file| {
        writeln!(file, "step,learning_rate")?;
        for step in first..total_steps {
            writeln!(file, "{step},{:e}", plan.schedule.at_step(step, total_steps))?;
        }
        Ok(())
    })
}

/// The candidates one by one, the best first.
fn candidates_weighed(plan: &Plan, metric: &lodecast::Metric) -> Table {
    /// Rows at most.
    const LISTED: usize = 24;
    let mut candidates: Vec<&Candidate> = plan.candidates.iter().collect();
    candidates.sort_by(|a, b| score(b).unwrap_or(f64::NEG_INFINITY).total_cmp(&score(a).unwrap_or(f64::NEG_INFINITY)));
    let caption = format!("Why: what was weighed, {} in all, the best first.", candidates.len());
    let mut table = Table::new(&caption, ["candidate", "verdict", "#predicted", "#score"]);
    for candidate in candidates.into_iter().take(LISTED) {
        let verdict = match &candidate.verdict {
            Verdict::Chosen => "chosen".to_owned(),
            Verdict::Accepted => "possible".to_owned(),
            Verdict::Rejected { reason } => format!("rejected: {reason}"),
        };
        let missing = || "-".to_owned();
        table.push([
            candidate.origin.to_string(),
            verdict,
            candidate.prediction.map_or_else(missing, |prediction| in_words(prediction, metric)),
            score(candidate).map_or_else(missing, |score| signed(score, 3)),
        ]);
    }
    table
}

/// The rates so far and from here on, beside the schedule in force and what was weighed.
fn schedule_figure(plan: &Plan, points: &[Point], total_steps: u64, in_force: &lodecast::Schedule) -> Figure {
    let line = |label: &str, color, mark, weight, points: Vec<(f64, f64)>| Series {
        label: label.to_owned(),
        color,
        mark,
        weight,
        points: points.into_iter().filter(|point| point.1 > 0.0).collect(),
    };
    let follow = |schedule: &lodecast::Schedule| {
        let places = (0..=200).map(|k| plan.now + (1.0 - plan.now) * f64::from(k) / 200.0);
        places.map(|at| (at, schedule.learning_rate(at))).collect::<Vec<_>>()
    };
    let set = points.iter().filter_map(|point| Some((point.step as f64 / total_steps as f64, point.learning_rate?)));
    let mut series: Vec<Series> = plan
        .candidates
        .iter()
        .filter_map(|candidate| candidate.schedule.as_ref())
        .map(|schedule| line("", Color::Hue(7), Mark::Line, Weight::Faint, follow(schedule)))
        .collect();
    series.push(line("so far", Color::Ink, Mark::Line, Weight::Normal, set.collect()));
    series.push(line("in force", Color::Ink, Mark::Dashes, Weight::Normal, follow(in_force)));
    series.push(line("planned", Color::Hue(0), Mark::Line, Weight::Strong, follow(&plan.schedule)));
    let highest =
        series.iter().flat_map(|series| &series.points).map(|point| point.1).fold(f64::MIN_POSITIVE, f64::max);
    let lowest = series.iter().flat_map(|series| &series.points).map(|point| point.1).fold(highest, f64::min);
    let plot = Curves {
        x: Axis::linear("progress of the run").percent().between(0.0, 1.0),
        y: Axis::log("learning rate").between(lowest.max(highest * 3e-4).min(highest * 0.3), highest * 1.15),
        guides: vec![Guide::Vertical(plan.now)],
        series,
        ..Curves::default()
    };
    let key = |label: &str, color, mark| Key { label: label.to_owned(), color, mark };
    Figure {
        title: "The schedule from here on".to_owned(),
        reading: format!("{}.", plan.reason.trim_end_matches('.')),
        keys: vec![
            key("planned", Color::Hue(0), Mark::Line),
            key("in force", Color::Ink, Mark::Dashes),
            key("so far", Color::Ink, Mark::Line),
            key("other candidates", Color::Hue(7), Mark::Line),
        ],
        panels: vec![Panel { title: String::new(), plot: Plot::Curves(plot), size: Size::Wide }],
    }
}
