//! Who takes part in a comparison: schedules that a sweep recommends, and lodecast's scheduler with a model.

use std::sync::Arc;

use anyhow::Result;
use lodecast::{
    Family, Forecaster, Model, PaperPlannerSettings, Planner, Point, Replan, Run, Schedule, Scheduler,
    SchedulerBuilder, Sweep,
};
use lodecast_lab::{Contender, FixedSchedule, Method, OptimizerKind, Rival};

use super::decisions::DecisionLog;
use crate::failure::failure;
use crate::figures::schedule_label;
use crate::options::schedule::{ScheduleOption, best_schedule};

/// Planners differ from version to version: a journal's runs of another are not taken for this one's.
const VERSION: &str = env!("CARGO_PKG_VERSION");
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
        let name = option.file.clone().unwrap_or_else(|| schedule_label(&option.schedule));
        Self { name, schedule: option.schedule.clone() }
    }
}

/// The configuration with the best mean final metric: what anybody would take from a sweep.
pub(crate) fn best_of_sweep(sweep: &Sweep, metric: usize) -> Result<Recommended> {
    let schedule = best_schedule(sweep, metric)?;
    Ok(Recommended { name: format!("best of the sweep ({})", schedule_label(&schedule)), schedule })
}

/// The best configuration of one family, if the sweep has any and it is not the best of all.
pub(crate) fn best_of_family(sweep: &Sweep, metric: usize, family: Family) -> Option<Recommended> {
    let overall = sweep.best_configuration(metric)?.0;
    let part = of_family(sweep, family);
    let (name, _, runs) = part.best_configuration(metric)?;
    let schedule = Schedule::of_run(&part.runs[runs[0]])?;
    (name != overall).then(|| Recommended { name: format!("{} (best peak)", schedule_label(&schedule)), schedule })
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
    // Runs of other settings are other runs, and so are those of another planner under the same settings.
    let fingerprint = format!("{} {settings:?} {VERSION}", forecaster.fingerprint());
    scheduled(name, fingerprint, Scheduler::builder(forecaster).settings(settings), log)
}

/// The paper's planner as the paper has it, with a model of its form.
pub(crate) fn paper(name: String, model: Model, log: Arc<DecisionLog>) -> Contender<'static> {
    let forecaster: Forecaster = model.into();
    let fingerprint = format!("paper {} {VERSION}", forecaster.fingerprint());
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
