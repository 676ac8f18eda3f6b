//! [`LodeLrScheduler`]: the scheduler as burn's training loops know one, with the metrics fed beside it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn_optim::LearningRate;
use burn_optim::lr_scheduler::{LrScheduler, LrSchedulerRecord};

use lodecast::{Error, Forecaster, Result, Scheduler, SchedulerState};

/// Keys of the record: steps taken, the length of the state in bytes, and the state in pieces of eight bytes. A record of
/// burn holds numbers only, so the scheduler's JSON goes in as such.
const STEP: &str = "step";
const BYTES: &str = "bytes";

/// A [`Scheduler`] that is burn's [`LrScheduler`].
///
/// Clones share one scheduler, and each counts its own steps: give one clone to the training loop and keep another to feed
/// the metrics through [`Self::scheduler`]. A point at step `n` is what was measured after `n` calls of
/// [`step`](LrScheduler::step).
///
/// ```no_run
/// use burn_optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
/// use lodecast::{Model, Point, Scheduler};
/// use lodecast_burn::LodeLrScheduler;
/// # fn train(rate: burn_optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate) -> f64 { rate.base() }
/// # fn main() -> lodecast::Result<()> {
/// let metrics = LodeLrScheduler::new(Scheduler::builder(Model::load("model.lode")?).total_steps(23_400).build()?);
/// let mut rates = ModuleLrScheduler::new(metrics.clone());
/// for step in 1..=23_400 {
///     let train_loss = train(rates.step());
///     if step % 100 == 0 {
///         metrics.scheduler().observe(Point::new(step).train_loss(train_loss));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LodeLrScheduler {
    shared: Arc<Mutex<Shared>>,
    step: u64,
}

#[derive(Debug)]
struct Shared {
    scheduler: Scheduler,
    load_failure: Option<String>,
}

impl LodeLrScheduler {
    /// Puts a scheduler under burn, before its first step.
    pub fn new(scheduler: Scheduler) -> Self {
        Self { shared: Arc::new(Mutex::new(Shared { scheduler, load_failure: None })), step: 0 }
    }

    /// The scheduler that all clones share, to feed metrics to and to ask about its plans. It is locked until the guard is
    /// dropped.
    pub fn scheduler(&self) -> SchedulerGuard<'_> {
        SchedulerGuard(self.lock())
    }

    /// Why the last [`load_record`](LrScheduler::load_record) took over the position only, and not what had been observed
    /// and planned, if so. burn gives that call no way to fail; [`Self::restore`] does.
    pub fn load_failure(&self) -> Option<String> {
        self.lock().load_failure.clone()
    }

    /// Steps taken, which is the step of a point measured now.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// Goes on from a record, with the same model, exactly as if training had never stopped.
    ///
    /// # Errors
    /// If the record holds no state of a [`LodeLrScheduler`], or one of another model.
    pub fn restore(model: impl Into<Forecaster>, record: &LrSchedulerRecord) -> Result<Self> {
        let step =
            record.scalar(STEP).ok_or_else(|| unusable("it has no step: it was not written by LodeLrScheduler"))?;
        let scheduler = Scheduler::restore(model, read_state(record)?)?;
        Ok(Self { step, ..Self::new(scheduler) })
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // The scheduler stays sound whatever became of the thread that fed it.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The locked scheduler of a [`LodeLrScheduler`].
#[derive(Debug)]
pub struct SchedulerGuard<'a>(MutexGuard<'a, Shared>);

impl std::ops::Deref for SchedulerGuard<'_> {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.0.scheduler
    }
}

impl std::ops::DerefMut for SchedulerGuard<'_> {
    fn deref_mut(&mut self) -> &mut Scheduler {
        &mut self.0.scheduler
    }
}

impl LrScheduler for LodeLrScheduler {
    fn step(&mut self) -> LearningRate {
        let rate = self.lock().scheduler.learning_rate(self.step);
        self.step = self.step.saturating_add(1);
        rate
    }

    fn to_record(&self) -> LrSchedulerRecord {
        // A state is numbers and names: there is nothing in it that JSON could refuse.
        let state = serde_json::to_vec(&self.lock().scheduler.state()).unwrap_or_default();
        let mut record = LrSchedulerRecord::new().with_scalar(STEP, self.step).with_scalar(BYTES, state.len() as u64);
        for (index, piece) in state.chunks(8).enumerate() {
            let mut bytes = [0; 8];
            bytes[..piece.len()].copy_from_slice(piece);
            record = record.with_scalar(&piece_key(index), u64::from_le_bytes(bytes));
        }
        record
    }

    fn load_record(&mut self, record: LrSchedulerRecord) {
        if let Some(step) = record.scalar(STEP) {
            self.step = step;
        }
        let mut shared = self.lock();
        let forecaster = shared.scheduler.planner().forecaster().clone();
        shared.load_failure = match read_state(&record).and_then(|state| Scheduler::restore(forecaster, state)) {
            Ok(scheduler) => {
                shared.scheduler = scheduler;
                None
            }
            Err(error) => Some(error.to_string()),
        };
    }
}

fn piece_key(index: usize) -> String {
    format!("state-{index}")
}

fn unusable(reason: impl Into<String>) -> Error {
    Error::SchedulerState { reason: reason.into() }
}

fn read_state(record: &LrSchedulerRecord) -> Result<SchedulerState> {
    let length: u64 =
        record.scalar(BYTES).ok_or_else(|| unusable("the record holds none: it was not written by LodeLrScheduler"))?;
    let mut state: Vec<u8> = Vec::new();
    while (state.len() as u64) < length {
        let piece: u64 = record
            .scalar(&piece_key(state.len() / 8))
            .ok_or_else(|| unusable(format!("the record breaks off after {} of {length} bytes", state.len())))?;
        state.extend(piece.to_le_bytes());
    }
    state.truncate(length as usize);
    serde_json::from_slice(&state).map_err(|error| unusable(format!("the record is damaged: {error}")))
}
