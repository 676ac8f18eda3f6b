//! The searches of the contest: a registry. A tuner keeps what was tried, a search says what is next, the lab trains and tells,
//! until the largest budget is spent.

mod grid;
mod parzen;
mod places;
mod schedule_free;
mod tpe;
mod warmup_stable_decay;

use lodecast::Schedule;
use lodecast::tune::{Strategy, Trial, Tuner};

use super::by_name::by_name;
use super::store::{Kept, Wanted, Worker};
use super::{ContestConfiguration, SEEDS};
use crate::error::Result;
use crate::optimizer::OptimizerKind;
use crate::task::Length;
use crate::update_rule::UpdateRule;
pub use grid::{BEYOND_THE_GRID, GRID_FAMILIES};

/// Searches beside the engine's strategies. A new one is a file and a line.
const RIVALS: [Search; 4] = [tpe::SEARCH, grid::SEARCH, warmup_stable_decay::SEARCH, schedule_free::SEARCH];

/// How runs are chosen.
#[derive(Clone, Copy)]
pub struct Search {
    name: &'static str,
    about: &'static str,
    asks: Asks,
    trains: Trains,
}

/// Who says what is next.
#[derive(Clone, Copy)]
enum Asks {
    /// A strategy of the tuner.
    Strategy(Strategy),
    /// Another search, from what the tuner was told. What the tuner itself would ask is at random.
    Rival(fn(&mut Tuner) -> Result<Option<Trial>>),
}

/// What the rates that are asked for drive.
#[derive(Clone, Copy)]
enum Trains {
    /// The contest's optimizer.
    Optimizer,
    /// Its schedule-free form.
    ScheduleFree,
}

impl Search {
    /// Every search: the engine's strategies, the default first, then the others.
    pub fn all() -> Vec<Self> {
        Strategy::all().iter().copied().map(Self::from).chain(RIVALS).collect()
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does, in a sentence.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// How the weights of its runs follow their gradients.
    pub(super) fn rule(&self, optimizer: OptimizerKind) -> UpdateRule {
        match self.trains {
            Trains::Optimizer => UpdateRule::Optimizer,
            Trains::ScheduleFree => schedule_free::rule(optimizer),
        }
    }

    /// What suits its update rule where `peaks` suit the optimizer.
    fn peaks(&self, optimizer: OptimizerKind, peaks: (f64, f64)) -> (f64, f64) {
        match self.trains {
            Trains::Optimizer => peaks,
            Trains::ScheduleFree => schedule_free::peaks(optimizer, peaks),
        }
    }

    fn strategy(&self) -> Result<Strategy> {
        match self.asks {
            Asks::Strategy(strategy) => Ok(strategy),
            Asks::Rival(_) => Ok("random".parse()?),
        }
    }

    fn ask(&self, tuner: &mut Tuner) -> Result<Option<Trial>> {
        match self.asks {
            Asks::Strategy(_) => Ok(tuner.ask()?),
            Asks::Rival(ask) => ask(tuner),
        }
    }
}

impl From<Strategy> for Search {
    fn from(strategy: Strategy) -> Self {
        Self {
            name: strategy.name(),
            about: strategy.about(),
            asks: Asks::Strategy(strategy),
            trains: Trains::Optimizer,
        }
    }
}

by_name!(Search, UnknownSearch, search);

/// What a search did in one pipeline.
pub(super) struct Searched {
    /// The tuner as it was when each budget was spent, in the configuration's order.
    pub(super) tuners: Vec<Tuner>,
    /// Every run, in order.
    pub(super) tried: Vec<Tried>,
}

/// A run of a search.
pub(super) struct Tried {
    pub(super) schedule: Schedule,
    pub(super) total_steps: u64,
    /// Final value on the validation set; `None` if it diverged.
    pub(super) value: Option<f64>,
    /// What a budget has to hold for it to be made: the steps of all runs before it, and its own if it reaches its end.
    pub(super) committed: u64,
}

/// Searches until the largest budget is spent.
pub(super) fn search(
    worker: &Worker<'_>,
    configuration: &ContestConfiguration,
    length: Length,
    pipeline: u64,
    search: Search,
) -> Result<Searched> {
    let task = worker.task();
    let examples = task.train_examples();
    let total_steps = length.total_steps(examples);
    let (low, high) = search.peaks(configuration.optimizer, configuration.peaks);
    let rule = search.rule(configuration.optimizer);
    let most = configuration.budgets.iter().max().copied().unwrap_or(0) * total_steps;
    let mut tuner = Tuner::builder(task.metric(), total_steps)
        .task(task.name())
        .peaks(low, high)
        .strategy(search.strategy()?)
        .seed(pipeline)
        .budget(most)
        .build()?;
    let mut snapshots: Vec<Option<Tuner>> = vec![None; configuration.budgets.len()];
    let mut tried = Vec::new();
    loop {
        let before = tuner.clone();
        let Some(trial) = search.ask(&mut tuner)? else { break };
        let committed = tuner.committed();
        for (snapshot, budget) in snapshots.iter_mut().zip(&configuration.budgets) {
            // The first run that a budget does not hold ends it.
            if snapshot.is_none() && committed > budget * total_steps {
                *snapshot = Some(before.clone());
            }
        }
        // Runs of different searches share their seeds, run by run.
        let seed = pipeline * SEEDS + tried.len() as u64;
        let length = length.of_steps(trial.total_steps, examples);
        let wanted = Wanted { schedule: trial.schedule.clone(), rule, length, seed };
        let record = worker.run(&wanted, Kept::Curves)?;
        tuner.tell(&trial.name, &record.run)?;
        let Trial { schedule, total_steps, .. } = trial;
        tried.push(Tried { schedule, total_steps, value: record.validated(), committed });
    }
    let tuners = snapshots.into_iter().map(|snapshot| snapshot.unwrap_or_else(|| tuner.clone())).collect();
    Ok(Searched { tuners, tried })
}
