//! One training run: a task, an optimizer, a method and a seed in, a record out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::tensor::Tensor;
use lodecast::{Metric, Point, Run};

use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::optimizers::Updates;
use crate::run::batches::with_batches;
use crate::run::length::Length;
use crate::run::method::Method;
use crate::run::random::{INITIAL_MODEL, LOSS, stream};
use crate::run::record::{Note, RunRecord};
use crate::run::task::{Split, Task};
use crate::run::weights::without_weights;
use crate::sharpness::{Sharpness, top_eigenvalues};

/// What a run is besides its task and its method.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// Identity of the run.
    pub id: &'a str,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Seed of the first weights and of the order of the examples.
    pub seed: u64,
    /// Length of the run.
    pub length: Length,
    /// Measures the sharpness of the loss at the end.
    pub sharpness: Option<Sharpness>,
    /// Ends the run with [`Error::Cancelled`] once it is true.
    pub cancel: Option<&'a AtomicBool>,
}

/// A task without its network's type, so that tasks can be chosen by name. Every [`Task`] is one.
pub trait Trainable: Send + Sync {
    /// See [`Task::name`].
    fn name(&self) -> &str;

    /// See [`Task::description`]; with the task's variation, if it has any: two tasks with equal name and description give equal
    /// runs.
    fn description(&self) -> String;

    /// See [`Task::metric`].
    fn metric(&self) -> Metric;

    /// See [`Task::default_length`].
    fn default_length(&self) -> Length;

    /// The length of the runs if `asked` is asked for, or nothing is: with the batches of the task's variation.
    fn length(&self, asked: Option<Length>) -> Length {
        asked.unwrap_or_else(|| self.default_length())
    }

    /// See [`Task::peak_learning_rates`].
    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64>;

    /// See [`Task::train_examples`].
    fn train_examples(&self) -> usize;

    /// Trains a fresh network. Equal seeds give bit-identical curves, whatever else is running.
    ///
    /// A NaN or infinite loss ends the run early; its point is kept.
    ///
    /// # Errors
    /// If the length does not fit the task, the method never gives a usable learning rate, an example cannot be read, or
    /// the run is cancelled.
    fn train(&self, training: &Training<'_>, method: &mut dyn Method) -> Result<RunRecord>;
}

impl<T: Task> Trainable for T {
    fn name(&self) -> &str {
        Task::name(self)
    }

    fn description(&self) -> String {
        let (description, variation) = (Task::description(self), self.variation());
        if variation.is_none() { description } else { format!("{description}; varied: {variation}") }
    }

    fn metric(&self) -> Metric {
        Task::metric(self)
    }

    fn default_length(&self) -> Length {
        Task::default_length(self)
    }

    fn length(&self, asked: Option<Length>) -> Length {
        self.variation().length(asked.unwrap_or_else(|| Task::default_length(self)))
    }

    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64> {
        Task::peak_learning_rates(self, optimizer)
    }

    fn train_examples(&self) -> usize {
        Task::train_examples(self)
    }

    fn train(&self, training: &Training<'_>, method: &mut dyn Method) -> Result<RunRecord> {
        // The framework panics where it cannot go on (out of memory, a shape that does not fit); a sweep must not fall.
        catch_unwind(AssertUnwindSafe(|| train(self, training, method))).unwrap_or_else(|panic| {
            Err(Error::Panicked { run: training.id.to_owned(), reason: panic_message(panic.as_ref()) })
        })
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it did not say why")
        .to_owned()
}

/// A method with the clock running while it works, and its failures written down.
struct Supervised<'a> {
    method: &'a mut dyn Method,
    rate_in_force: Option<f64>,
    time: Duration,
    notes: Vec<Note>,
}

impl Supervised<'_> {
    fn learning_rate(&mut self, step: u64, run: &str) -> Result<f64> {
        let start = Instant::now();
        let value = self.method.learning_rate(step);
        self.time += start.elapsed();
        if value.is_finite() && value >= 0.0 {
            self.rate_in_force = Some(value);
            return Ok(value);
        }
        let Some(rate_in_force) = self.rate_in_force else {
            return Err(Error::LearningRate { run: run.to_owned(), method: self.method.name(), step, value });
        };
        self.note(step, format!("the learning rate {value} is not usable: {rate_in_force} stays in force"));
        Ok(rate_in_force)
    }

    fn observe_loss(&mut self, loss: &Tensor<1>) {
        if self.method.watches_every_loss() {
            let loss = f64::from(loss.clone().into_scalar::<f32>());
            let start = Instant::now();
            self.method.observe_loss(loss);
            self.time += start.elapsed();
        }
    }

    fn observe(&mut self, point: &Point) {
        let start = Instant::now();
        let outcome = self.method.observe(point);
        self.time += start.elapsed();
        if let Err(error) = outcome {
            self.note(point.step, error.to_string());
        }
    }

    /// What is said at every step is written down once.
    fn note(&mut self, step: u64, message: String) {
        if self.notes.iter().all(|note| note.message != message) {
            self.notes.push(Note { step, message });
        }
    }
}

fn train<T: Task>(task: &T, training: &Training<'_>, method: &mut dyn Method) -> Result<RunRecord> {
    let start = Instant::now();
    let Training { id, length, seed, .. } = *training;
    let examples = Task::train_examples(task);
    length.check(examples)?;
    let total_steps = length.total_steps(examples);
    let variation = task.variation();
    training.sharpness.map_or(Ok(()), |sharpness| sharpness.check())?;

    let mut method = Supervised { method, rate_in_force: None, time: Duration::ZERO, notes: Vec::new() };
    let mut run = Run::new(id, 1);
    run.attributes = method.method.attributes();
    run.attributes.seed = Some(seed);
    let rule = method.method.update_rule();
    run.attributes.optimizer = Some(rule.name(training.optimizer).to_owned());
    run.attributes.total_steps = Some(total_steps);
    run.attributes.source = Some(format!("lab {}", Task::name(task)));
    variation.log(length, &mut run.attributes.other);

    let mut model = task.initial_model(&mut stream(seed, INITIAL_MODEL));
    let mut updates = rule.start(training.optimizer);
    let mut loss_random = stream(seed, LOSS);
    let mut losses = LossSum::default();
    let mut diverged_at = None;
    let mut done = 0;
    let mut dead = false;

    let model = with_batches(task, length, seed, |batches| {
        for batch in batches {
            if training.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
                return Err(Error::Cancelled { finished: 0, total: 1 });
            }
            let asked = method.learning_rate(done, id)?;
            let loss = task.loss(&model, batch?, &mut loss_random);
            let value = loss.clone().inner();
            let rate;
            (model, rate) = updates.step(asked, model, loss.backward());
            method.observe_loss(&value);
            losses.add(value);
            done += 1;
            dead = variation.is_dead(done, total_steps);
            if dead {
                model = without_weights(model);
            }

            if length.point_due(done, examples) {
                let arrived = arrived(task, &updates, &model, dead)?;
                let metric = task.evaluate(&arrived.valid(), Split::Validation)?.metric;
                let point = Point::new(done).train_loss(losses.take_mean()).learning_rate(rate).validation(metric);
                run.push(done, point.train_loss, point.learning_rate, &[point.validation])?;
                method.observe(&point);
                if [point.train_loss, point.validation].iter().flatten().any(|value| !value.is_finite()) {
                    diverged_at = Some(done);
                    break;
                }
            }
        }
        arrived(task, &updates, &model, dead)
    })?;
    let test = task.evaluate(&model.valid(), Split::Test)?;
    let wall_seconds = start.elapsed().as_secs_f64();
    // Not part of the training, and so of its time.
    let start = Instant::now();
    let measured = training.sharpness.filter(|_| diverged_at.is_none() && !dead);
    let eigenvalues =
        measured.map(|sharpness| top_eigenvalues(task, &model, &sharpness)).transpose()?.unwrap_or_default();
    Ok(RunRecord {
        task: Task::name(task).to_owned(),
        method: method.method.name(),
        seed,
        metric: Task::metric(task),
        run,
        diverged_at,
        test_metric: test.metric,
        test_loss: test.loss,
        wall_seconds,
        scheduler_seconds: method.time.as_secs_f64(),
        notes: method.notes,
        sharpness: eigenvalues,
        sharpness_seconds: start.elapsed().as_secs_f64(),
        fingerprint: String::new(),
    })
}

/// The network to evaluate. Of a dead one no average brings anything back.
fn arrived<T: Task>(task: &T, updates: &Updates, model: &T::Model, dead: bool) -> Result<T::Model> {
    let averaged = if dead { None } else { updates.averaged(model) };
    averaged.map_or_else(|| Ok(model.clone()), |averaged| task.gathered_anew(averaged))
}

/// The losses since the last metric point. They stay on the device until the mean is asked for: reading one back at
/// every step would stall an accelerator.
#[derive(Default)]
struct LossSum {
    sum: Option<Tensor<1>>,
    count: u32,
}

impl LossSum {
    fn add(&mut self, loss: Tensor<1>) {
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + loss,
            None => loss,
        });
        self.count += 1;
    }

    fn take_mean(&mut self) -> f64 {
        let sum = self.sum.take().map_or(f64::NAN, |sum| f64::from(sum.into_scalar::<f32>()));
        sum / f64::from(std::mem::take(&mut self.count))
    }
}
