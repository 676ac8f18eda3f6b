//! A controller trained by reinforcement learning on runs of the task: now and then it doubles, halves or keeps the rate.
//!
//! After Xu, Dai, Kemp & Metz, *Learning an Adaptive Learning Rate Schedule*, arXiv 1909.09712: a policy that sees
//! statistics of the run and scales the rate, trained by proximal policy optimization (Schulman et al. 2017) on whole runs.

mod network;
mod policy_gradient;
mod rival;

pub(super) use rival::RIVAL;

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use lodecast::{Attributes, Direction, Point};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::start::started_at;
use crate::error::Result;
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::method::Method;
use crate::run::random::stream;
use crate::run::record::RunRecord;
use crate::run::train::{Trainable, Training};
use network::{ACTIONS, FEATURES, Network};
use policy_gradient::{Decision, Learner};

/// How far the rate may go from where it started, as a factor.
const REACH: f64 = 64.0;
/// Decisions a run.
const DECISIONS: u64 = 20;
/// Streams of the training's seed.
const FIRST_NETWORKS: u64 = 0;
const ACTION: u64 = 1;

/// How a controller is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerSettings {
    /// Rounds of runs under one policy, each followed by an improvement of it.
    pub rounds: u64,
    /// Runs a round.
    pub episodes: u64,
    /// Seed of the first training run; each further one takes the next. Comparisons must not use these seeds.
    pub first_seed: u64,
}

impl Default for ControllerSettings {
    /// 48 runs: as many as half a usual sweep.
    fn default() -> Self {
        Self { rounds: 12, episodes: 4, first_seed: 1_000_000_000 }
    }
}

impl ControllerSettings {
    /// Seeds of the training runs.
    pub fn seeds(&self) -> std::ops::Range<u64> {
        self.first_seed..self.first_seed + self.rounds * self.episodes
    }
}

/// A trained controller, as it is written to a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    policy: Network,
    /// How it was trained.
    pub settings: ControllerSettings,
    /// The rate that every training run started at.
    pub rate: f64,
    /// Mean final validation metric of each round.
    pub returns: Vec<f64>,
    /// Seconds of training runs it has cost.
    pub seconds: f64,
}

/// The runs that a controller learns from.
#[derive(Clone, Copy, Debug)]
pub struct ControllerTraining {
    /// What updates the weights.
    pub optimizer: OptimizerKind,
    /// Length of a run.
    pub length: Length,
    /// The rate that every run starts at.
    pub rate: f64,
    /// How many runs, and their seeds.
    pub settings: ControllerSettings,
}

impl ControllerTraining {
    /// One run under a policy that explores; its record, and what was decided.
    fn episode(
        &self,
        task: &dyn Trainable,
        policy: &Network,
        seed: u64,
        cancel: &AtomicBool,
    ) -> Result<(RunRecord, Vec<Decision>)> {
        let Self { optimizer, length, rate, .. } = *self;
        let total_steps = length.total_steps(task.train_examples());
        let journey = Arc::new(Mutex::new(Vec::new()));
        let exploration = Some(Exploration { random: stream(seed, ACTION), journey: Arc::clone(&journey) });
        let start = LearnedController::start(policy.clone(), rate, task.metric().direction, total_steps);
        let mut method = LearnedController { exploration, ..start };
        let id = format!("controller training seed {seed}");
        let training = Training { id: &id, optimizer, seed, length, sharpness: None, cancel: Some(cancel) };
        let record = task.train(&training, &mut method)?;
        method.finish();
        let decisions = std::mem::take(&mut *journey.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((record, decisions))
    }
}

/// Trains a controller on runs of a task, `jobs` at a time, on which the result does not depend. `progress` is told the
/// number of runs done.
///
/// # Errors
/// If a run fails or the training is cancelled.
pub fn train_controller(
    task: &dyn Trainable,
    training: &ControllerTraining,
    jobs: NonZeroUsize,
    cancel: &AtomicBool,
    progress: &dyn Fn(u64),
) -> Result<Controller> {
    let ControllerTraining { rate, settings, .. } = *training;
    let mut learner = Learner::new(&mut stream(settings.first_seed, FIRST_NETWORKS));
    let (mut returns, mut seconds, mut done) = (Vec::new(), 0.0, 0);
    let mut seeds = settings.seeds();
    for _ in 0..settings.rounds {
        let (mut episodes, mut sum) = (Vec::new(), 0.0);
        let round: Vec<u64> = seeds.by_ref().take(settings.episodes as usize).collect();
        for together in round.chunks(jobs.get()) {
            let policy = learner.policy();
            let finished: Vec<_> = thread::scope(|scope| {
                let started: Vec<_> = together
                    .iter()
                    .map(|&seed| scope.spawn(move || training.episode(task, policy, seed, cancel)))
                    .collect();
                let joined = started.into_iter().map(ScopedJoinHandle::join);
                joined.map(|episode| episode.unwrap_or_else(|panic| resume_unwind(panic))).collect()
            });
            for episode in finished {
                let (record, decisions) = episode?;
                seconds += record.wall_seconds;
                sum += record.run.final_validation(0).unwrap_or(f64::NAN);
                episodes.push(decisions);
                done += 1;
            }
            progress(done);
        }
        returns.push(sum / settings.episodes as f64);
        learner.improve(&episodes);
    }
    Ok(Controller { policy: learner.policy().clone(), settings, rate, returns, seconds })
}

/// Where a controller in training notes what it did.
#[derive(Clone, Debug)]
struct Exploration {
    random: ChaCha8Rng,
    journey: Arc<Mutex<Vec<Decision>>>,
}

/// A controller in charge of one run.
#[derive(Clone, Debug)]
pub struct LearnedController {
    policy: Network,
    initial: f64,
    rate: f64,
    sign: f64,
    total_steps: u64,
    decisions: u64,
    first_loss: Option<f64>,
    /// Loss and validation metric at the last decision.
    last: Option<(f64, f64)>,
    latest: Option<(f64, f64)>,
    /// Logarithms of the losses since the last decision.
    losses: Vec<f64>,
    pending: Option<Decision>,
    exploration: Option<Exploration>,
}

impl LearnedController {
    /// Starts a run of `total_steps` at `rate`; always takes the action that the policy thinks best.
    pub fn new(controller: Controller, rate: f64, direction: Direction, total_steps: u64) -> Self {
        Self::start(controller.policy, rate, direction, total_steps)
    }

    fn start(policy: Network, rate: f64, direction: Direction, total_steps: u64) -> Self {
        Self {
            policy,
            initial: rate,
            rate,
            sign: direction.sign(),
            total_steps,
            decisions: 0,
            first_loss: None,
            last: None,
            latest: None,
            losses: Vec::new(),
            pending: None,
            exploration: None,
        }
    }

    /// What the policy sees: progress, rate, loss, its change and scatter, and the metric's change since the last decision.
    fn features(&self, progress: f64, loss: f64, metric: f64) -> [f64; FEATURES] {
        let first = self.first_loss.unwrap_or(loss);
        let (last_loss, last_metric) = self.last.unwrap_or((loss, metric));
        let mean = self.losses.iter().sum::<f64>() / self.losses.len().max(1) as f64;
        let scatter =
            self.losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / self.losses.len().max(1) as f64;
        let bounded = |value: f64| if value.is_finite() { value.clamp(-3.0, 3.0) } else { 0.0 };
        [
            2.0 * progress - 1.0,
            bounded((self.rate / self.initial).ln() / REACH.ln()),
            bounded((loss / first).ln()),
            bounded((loss / last_loss).ln()),
            bounded(10.0 * scatter.sqrt()),
            bounded(10.0 * self.sign * (metric - last_metric)),
        ]
    }

    fn decide(&mut self, progress: f64, loss: f64, metric: f64) {
        let features = self.features(progress, loss, metric);
        self.reward(metric);
        let probabilities = self.policy.probabilities(&features);
        let action = match &mut self.exploration {
            Some(exploration) => drawn(&probabilities, exploration.random.random_range(0.0..1.0)),
            None => {
                (1..ACTIONS.len()).fold(0, |best, at| if probabilities[at] > probabilities[best] { at } else { best })
            }
        };
        self.pending = Some(Decision { features, action, probability: probabilities[action], reward: 0.0 });
        self.rate = (self.rate * ACTIONS[action]).clamp(self.initial / REACH, self.initial * REACH);
        self.last = Some((loss, metric));
        self.losses.clear();
    }

    /// The last decision is worth by how much the metric has got better since, so that a run's rewards add up to its result.
    fn reward(&mut self, metric: f64) {
        if let (Some(mut decision), Some((_, before))) = (self.pending.take(), self.last)
            && let Some(exploration) = &self.exploration
        {
            let change = 10.0 * self.sign * (metric - before);
            // A run that broke down has lost everything.
            decision.reward = if change.is_finite() { change } else { -10.0 };
            exploration.journey.lock().unwrap_or_else(PoisonError::into_inner).push(decision);
        }
    }

    /// Rewards the last decision of a run that is over.
    fn finish(&mut self) {
        if let Some((_, metric)) = self.latest {
            self.reward(metric);
        }
    }
}

/// The action that a number in [0, 1) stands for.
fn drawn(probabilities: &[f64; ACTIONS.len()], mut number: f64) -> usize {
    for (action, probability) in probabilities.iter().enumerate() {
        number -= probability;
        if number < 0.0 {
            return action;
        }
    }
    ACTIONS.len() - 1
}

impl Method for LearnedController {
    fn name(&self) -> String {
        "controller".to_owned()
    }

    fn learning_rate(&mut self, _step: u64) -> f64 {
        self.rate
    }

    fn observe(&mut self, point: &Point) -> lodecast::Result<()> {
        let (Some(loss), Some(metric)) = (point.train_loss, point.validation) else { return Ok(()) };
        self.first_loss.get_or_insert(loss);
        self.losses.push(loss.ln());
        self.latest = Some((loss, metric));
        let due = point.step * DECISIONS / self.total_steps.max(1);
        if due > self.decisions && point.step < self.total_steps {
            self.decisions = due;
            self.decide(point.step as f64 / self.total_steps as f64, loss, metric);
        }
        Ok(())
    }

    fn attributes(&self) -> Attributes {
        started_at("controller", self.initial)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn point(step: u64, loss: f64, metric: f64) -> Point {
        Point::new(step).train_loss(loss).learning_rate(0.1).validation(metric)
    }

    #[test]
    fn rewards_of_a_run_add_up_to_what_it_gained_since_the_first_decision() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let journey = Arc::new(Mutex::new(Vec::new()));
        let mut method = LearnedController {
            exploration: Some(Exploration { random: ChaCha8Rng::seed_from_u64(2), journey: Arc::clone(&journey) }),
            ..LearnedController::start(Network::new(ACTIONS.len(), &mut random), 0.1, Direction::Max, 100)
        };
        for step in 1..=100 {
            method.observe(&point(step, 2.0 / step as f64, step as f64 / 200.0)).unwrap();
        }
        method.finish();
        let journey = journey.lock().unwrap();
        assert_eq!(journey.len(), 19, "twenty stretches, a decision between each two");
        let gained: f64 = journey.iter().map(|decision| decision.reward).sum();
        assert!((gained - 10.0 * (0.5 - 0.025)).abs() < 1e-9, "{gained}");
        assert!(journey.iter().any(|decision| decision.action != journey[0].action), "it explores");
        assert!(method.rate >= 0.1 / REACH && method.rate <= 0.1 * REACH);
    }

    #[test]
    fn a_loss_that_is_no_number_is_survived() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let policy = Network::new(ACTIONS.len(), &mut random);
        let mut method = LearnedController::start(policy, 0.1, Direction::Min, 10);
        for step in 1..=10 {
            method.observe(&point(step, f64::NAN, f64::INFINITY)).unwrap();
            assert!(method.learning_rate(step).is_finite());
        }
    }
}
