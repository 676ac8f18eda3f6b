//! How long runs will take, told before they start: the first steps of one are trained and timed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lodecast::{Point, Result};
use lodecast_lab::{Length, Method, OptimizerKind, Trainable, Training};

use crate::options::jobs::Jobs;
use crate::output::Output;
use crate::progress::duration;

/// So many points are timed, if they come within the time below.
const POINTS: usize = 4;
const LONGEST: Duration = Duration::from_secs(15);
/// Steps at the start that are not timed: memory is taken for the first time.
const WARM_UP: usize = 2;

/// Says how long `runs` runs of `length`, by default the task's own, will take, unless `journal` is there: what it holds is not
/// trained again, and the rest is soon told by the progress. A machine that cannot train them says so soon enough by itself.
pub(crate) fn announce(
    task: &dyn Trainable,
    optimizer: OptimizerKind,
    length: Option<Length>,
    runs: usize,
    jobs: Jobs,
    journal: &Path,
    output: &mut Output,
) {
    let length = task.length(length);
    if journal.exists() || output.is_quiet() || length.check(task.train_examples()).is_err() {
        return;
    }
    let Some(seconds) = seconds_of_a_run(task, optimizer, length) else { return };
    let at_a_time = jobs.count().get().min(runs.max(1));
    let rounds = runs.div_ceil(at_a_time) as f64;
    let Ok(all) = Duration::try_from_secs_f64(seconds * rounds) else { return };
    let steps = length.total_steps(task.train_examples());
    output
        .say(format_args!("{runs} runs of {steps} steps, {at_a_time} at a time: about {} of training", duration(all)));
}

/// Trains the beginning of a run, and takes the rest for as long, step by step and point by point.
fn seconds_of_a_run(task: &dyn Trainable, optimizer: OptimizerKind, length: Length) -> Option<f64> {
    let enough = AtomicBool::new(false);
    let rate = task.peak_learning_rates(optimizer).into_iter().fold(f64::INFINITY, f64::min);
    let mut watch = Watch { rate, started: Instant::now(), steps: Vec::new(), points: Vec::new(), enough: &enough };
    let training = Training { id: "estimate", optimizer, seed: 0, length, sharpness: None, cancel: Some(&enough) };
    // Cut short, it ends with an error; what counts are the times.
    let _ = task.train(&training, &mut watch);
    let total = length.total_steps(task.train_examples()) as f64;
    watch.seconds_a_step().map(|seconds| seconds * total)
}

/// Notes when steps begin and points are taken, and ends the run when there are enough.
struct Watch<'a> {
    rate: f64,
    started: Instant,
    steps: Vec<Instant>,
    points: Vec<(usize, Instant)>,
    enough: &'a AtomicBool,
}

impl Watch<'_> {
    /// From point to point, evaluations included; between steps where no two points came in time.
    fn seconds_a_step(&self) -> Option<f64> {
        let ((first_step, first), (last_step, last)) = match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) if last.0 > first.0 => (*first, *last),
            _ => {
                let first = (WARM_UP, *self.steps.get(WARM_UP)?);
                (first, (self.steps.len() - 1, *self.steps.last()?))
            }
        };
        let steps = last_step.checked_sub(first_step).filter(|steps| *steps > 0)?;
        Some(last.duration_since(first).as_secs_f64() / steps as f64)
    }
}

impl Method for Watch<'_> {
    fn name(&self) -> String {
        "estimate".to_owned()
    }

    fn learning_rate(&mut self, _step: u64) -> f64 {
        self.steps.push(Instant::now());
        let timed = self.steps.len() > WARM_UP + 1;
        if self.points.len() >= POINTS || (timed && self.started.elapsed() > LONGEST) {
            self.enough.store(true, Ordering::Relaxed);
        }
        self.rate
    }

    fn observe(&mut self, _point: &Point) -> Result<()> {
        self.points.push((self.steps.len(), Instant::now()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lodecast_lab::{TaskSettings, tasks};

    use super::*;

    #[test]
    fn an_estimate_is_near_what_the_run_takes() {
        let task = tasks::open("mnist1d-cnn", &TaskSettings::default()).unwrap();
        let length = Length { epochs: 4, ..task.default_length() };
        let estimate = seconds_of_a_run(task.as_ref(), OptimizerKind::Sgd, length).unwrap();
        let never = AtomicBool::new(false);
        let mut watch = Watch {
            rate: 0.01,
            started: Instant::now(),
            steps: Vec::new(),
            points: Vec::new(),
            enough: &AtomicBool::new(false),
        };
        let training = Training {
            id: "whole",
            optimizer: OptimizerKind::Sgd,
            seed: 0,
            length,
            sharpness: None,
            cancel: Some(&never),
        };
        let record = task.train(&training, &mut watch).unwrap();
        // Other tests run at the same time: within a factor.
        let ratio = estimate / record.wall_seconds;
        assert!((0.1..10.0).contains(&ratio), "estimated {estimate} s, took {} s", record.wall_seconds);
    }
}
