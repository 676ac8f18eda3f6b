//! Who takes part in a comparison: schedules that a sweep recommends, and lodecast's scheduler with a model.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use lodecast::{
    Family, Forecaster, Model, ModelKind, PaperPlannerSettings, Plan, Planner, PlannerSettings, Point, Replan, Run,
    Schedule, Scheduler, SchedulerBuilder, Sweep,
};
use lodecast_lab::{Contender, FixedSchedule, Method, OptimizerKind, Rival};
use serde::{Deserialize, Serialize};

use crate::failure::failure;
use crate::report::learning_rate;
use crate::schedule_option::ScheduleOption;
use crate::study::Decisions;

/// Metric points between two replans in the paper.
const PAPER_REPLANS_EVERY: u64 = 30;

/// A schedule and how it is called in tables.
#[derive(Clone, Debug)]
pub(crate) struct Recommended {
    /// Name.
    pub name: String,
    /// The schedule.
    pub schedule: Schedule,
}

impl From<&ScheduleOption> for Recommended {
    fn from(option: &ScheduleOption) -> Self {
        let name = option.file.clone().unwrap_or_else(|| short(&option.schedule));
        Self { name, schedule: option.schedule.clone() }
    }
}

/// The configuration with the best mean final metric: what anybody would take from a sweep.
pub(crate) fn best_of_sweep(sweep: &Sweep, metric: usize) -> Result<Recommended> {
    let best = sweep.best_configuration(metric).and_then(|(_, _, runs)| Schedule::of_run(&sweep.runs[runs[0]]));
    let schedule = best.ok_or_else(|| {
        failure("no run of the sweep has a final metric and a schedule", "look at it with 'lodecast runs'")
    })?;
    Ok(Recommended { name: format!("best of the sweep ({})", short(&schedule)), schedule })
}

/// The best configuration of one family, if the sweep has any and it is not the best of all.
pub(crate) fn best_of_family(sweep: &Sweep, metric: usize, family: Family) -> Option<Recommended> {
    let overall = sweep.best_configuration(metric)?.0;
    let part = of_family(sweep, family);
    let (name, _, runs) = part.best_configuration(metric)?;
    let schedule = Schedule::of_run(&part.runs[runs[0]])?;
    (name != overall).then(|| Recommended { name: format!("{} (best peak)", short(&schedule)), schedule })
}

/// Does the sweep have runs of a family?
pub(crate) fn has_family(sweep: &Sweep, family: Family) -> bool {
    sweep.runs.iter().any(|run| follows(run, family))
}

fn follows(run: &Run, family: Family) -> bool {
    run.attributes.schedule.as_deref() == Some(family.name())
}

/// The runs of one family.
fn of_family(sweep: &Sweep, family: Family) -> Sweep {
    let runs = sweep.runs.iter().filter(|run| follows(run, family)).cloned();
    Sweep { metrics: sweep.metrics.clone(), runs: runs.collect() }
}

/// The rate a rival starts from: the sweep's best peak of the rival's family, or of its best configuration where it has no
/// such runs; the authors' own for a rival that brings another kind of optimizer.
pub(crate) fn starting_rate(sweep: &Sweep, metric: usize, rival: Rival, optimizer: OptimizerKind) -> Result<f64> {
    if let (false, Some(rate)) = (rival.suits(optimizer), rival.published_rate()) {
        return Ok(rate);
    }
    let peak = |part: &Sweep| {
        let (_, _, runs) = part.best_configuration(metric)?;
        part.runs[runs[0]].attributes.peak_lr
    };
    peak(&of_family(sweep, rival.family())).or_else(|| peak(sweep)).map(|peak| rival.rate(peak)).ok_or_else(|| {
        failure(
            format!("the sweep says no peak learning rate that {rival} could start from"),
            format!("give one: --methods {rival}:RATE"),
        )
    })
}

/// A method on the command line: a rival's name, with or without a rate, or `all`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MethodOption {
    /// The rival; `None` for all that suit the optimizer.
    pub rival: Option<Rival>,
    /// Its rate, if not the sweep's.
    pub rate: Option<f64>,
}

impl MethodOption {
    /// The best of a family in the sweep.
    pub(crate) fn family(family: Family) -> Self {
        Self { rival: Some(Rival::Fixed(family)), rate: None }
    }

    /// One option a rival.
    pub(crate) fn expanded(self, optimizer: OptimizerKind) -> Vec<Self> {
        match self.rival {
            Some(_) => vec![self],
            None => Rival::ALL
                .into_iter()
                .filter(|rival| rival.suits(optimizer))
                .map(|rival| Self { rival: Some(rival), rate: None })
                .collect(),
        }
    }
}

impl FromStr for MethodOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self { rival: None, rate: None });
        }
        let (name, rate) = text.split_once(':').map_or((text, None), |(name, rate)| (name, Some(rate)));
        let rival = name.parse().map_err(|error: lodecast_lab::Error| error.to_string())?;
        let number = |text: &str| match text.parse::<f64>() {
            Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
            _ => Err(format!("'{text}' is no learning rate: write NAME or NAME:RATE")),
        };
        Ok(Self { rival: Some(rival), rate: rate.map(number).transpose()? })
    }
}

/// A schedule in a few words.
pub(crate) fn short(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Parametric { family, peak_lr, warmup } if *warmup > 0.0 => {
            format!("{family} {}, warm-up {:.0} %", learning_rate(*peak_lr), warmup * 100.0)
        }
        Schedule::Parametric { family, peak_lr, .. } => format!("{family} {}", learning_rate(*peak_lr)),
        Schedule::PiecewiseLinear { knots } => format!("a schedule of {} knots", knots.len()),
    }
}

/// How lodecast with a kind of model is called in tables.
pub(crate) fn lodecast_name(kind: ModelKind) -> String {
    match kind {
        ModelKind::Paper => "lodecast (paper's model)".to_owned(),
        other => format!("lodecast ({other})"),
    }
}

/// A schedule that is fixed before the run.
pub(crate) fn fixed(recommended: Recommended) -> Contender<'static> {
    let Recommended { name, schedule } = recommended;
    Contender {
        name,
        fingerprint: serde_json::to_string(&schedule).unwrap_or_else(|_| schedule.describe()),
        factory: Box::new(move |_, total_steps| Ok(Box::new(FixedSchedule::new(schedule.clone(), total_steps)?))),
    }
}

/// Lodecast's scheduler with a planner of its model, its decisions written to `log`.
pub(crate) fn lodecast(name: String, planner: &Planner, log: Arc<DecisionLog>) -> Contender<'static> {
    let (forecaster, settings) = (planner.forecaster().clone(), planner.settings());
    let mut fingerprint = forecaster.fingerprint();
    // Runs of other settings are other runs.
    if settings != PlannerSettings::default_for(&forecaster) {
        fingerprint = format!("{fingerprint} {settings:?}");
    }
    scheduled(name, fingerprint, Scheduler::builder(forecaster).settings(settings), log)
}

/// The paper's planner as the paper has it, with a latent ODE.
pub(crate) fn paper(name: String, model: Model, log: Arc<DecisionLog>) -> Contender<'static> {
    let forecaster: Forecaster = model.into();
    let fingerprint = format!("paper {}", forecaster.fingerprint());
    let scheduler = Scheduler::builder(forecaster)
        .settings(PaperPlannerSettings::paper())
        .replan(Replan::EveryPoints(PAPER_REPLANS_EVERY));
    scheduled(name, fingerprint, scheduler, log)
}

/// A scheduler that has a seed and a run of its own each time.
fn scheduled(
    name: String,
    fingerprint: String,
    builder: SchedulerBuilder,
    log: Arc<DecisionLog>,
) -> Contender<'static> {
    Contender {
        name: name.clone(),
        fingerprint,
        factory: Box::new(move |seed, total_steps| {
            let scheduler = builder.clone().total_steps(total_steps).seed(seed).build()?;
            if let Some(plan) = scheduler.last_plan() {
                log.add(&name, seed, plan);
            }
            Ok(Box::new(LiveRun { name: name.clone(), seed, scheduler, log: Arc::clone(&log) }))
        }),
    }
}

/// A scheduler in charge of one run.
struct LiveRun {
    name: String,
    seed: u64,
    scheduler: Scheduler,
    log: Arc<DecisionLog>,
}

impl Method for LiveRun {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn learning_rate(&mut self, step: u64) -> f64 {
        self.scheduler.learning_rate(step)
    }

    fn observe(&mut self, point: &Point) -> lodecast::Result<()> {
        let before = self.scheduler.replans();
        self.scheduler.observe(*point);
        if self.scheduler.replans() > before
            && let Some(plan) = self.scheduler.last_plan()
        {
            self.log.add(&self.name, self.seed, plan);
        }
        Ok(())
    }
}

/// The decisions of all runs, in memory and in a file, so that they outlive an interruption.
pub(crate) struct DecisionLog {
    path: PathBuf,
    lines: Mutex<Vec<Line>>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    method: String,
    seed: u64,
    progress: f64,
    changed: bool,
    reason: String,
}

impl DecisionLog {
    /// Opens or starts the log at `path`. What cannot be read of it is left out: it explains, and decides nothing.
    pub(crate) fn open(path: &Path) -> Arc<Self> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Arc::new(Self { path: path.to_owned(), lines: Mutex::new(lines) })
    }

    fn add(&self, method: &str, seed: u64, plan: &Plan) {
        let (progress, changed, reason) = (plan.now, plan.changed, plan.reason.clone());
        let line = Line { method: method.to_owned(), seed, progress, changed, reason };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // A training is never stopped because its explanation could not be written down.
        if let (Ok(text), Ok(mut file)) =
            (serde_json::to_string(&line), std::fs::OpenOptions::new().create(true).append(true).open(&self.path))
        {
            let _ = writeln!(file, "{text}");
        }
        lines.push(line);
    }

    /// The decisions by run, in the order of progress. A run that was started twice counts as it went the last time.
    pub(crate) fn decisions(&self) -> Vec<Decisions> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut runs: BTreeMap<(String, u64), BTreeMap<u64, String>> = BTreeMap::new();
        for line in lines.iter() {
            let verb = if line.changed { "new schedule" } else { "kept" };
            let moments = runs.entry((line.method.clone(), line.seed)).or_default();
            moments.insert((line.progress * 1e6).round() as u64, format!("{verb}: {}", line.reason));
        }
        runs.into_iter()
            .map(|((method, seed), moments)| Decisions {
                method,
                seed,
                moments: moments.into_iter().map(|(at, reason)| (at as f64 / 1e6, reason)).collect(),
            })
            .collect()
    }
}
