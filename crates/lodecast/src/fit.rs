//! Fitting a model to a sweep: `Sweep` -> [`fit`] -> [`Model`].

mod adam;
mod checkpoint;
mod objective;
mod sample;
mod settings;
mod split;
mod trainer;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

pub use settings::{FitSettings, ModelKind};
pub(crate) use trainer::tolerances;

use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::lanes::{Dispatch, LaneKernel, Lanes};
use crate::latent_ode::ensemble::{Ensemble, Header};
use crate::latent_ode::series::{Series, Unusable, Worst};
use crate::latent_ode::{FitRecord, Model, Scaler};
use crate::plan::Experience;
use crate::run::Sweep;
use sample::Sampler;
use trainer::{CHECKS, MemberState, Trainer};

/// What a fit tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitProgress {
    /// Optimizer steps done by every member.
    pub iteration: u64,
    /// Optimizer steps to do.
    pub iterations: u64,
    /// Training loss, smoothed, mean over the members.
    pub loss: f64,
    /// Loss on the held-out configurations, mean over the members that have any; `None` before the first check.
    pub held_out: Option<f64>,
}

/// How a fit is watched, interrupted and resumed.
pub struct FitOptions<'a> {
    /// Called every few iterations.
    pub progress: &'a mut dyn FnMut(&FitProgress),
    /// Set it to stop the fit: it saves its checkpoint and returns [`Error::Interrupted`].
    pub interrupt: &'a AtomicBool,
    /// Where to keep the checkpoint.
    pub checkpoint: Option<PathBuf>,
    /// Go on from the checkpoint, if there is one.
    pub resume: bool,
}

/// A run that was not learned from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LeftOut {
    /// The run.
    pub run: String,
    /// Why.
    pub reason: String,
}

/// What a fit was made of and how it went.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FitSummary {
    /// Runs learned from.
    pub runs: usize,
    /// Configurations they belong to.
    pub configurations: usize,
    /// Their points, at the model's cadence.
    pub points: usize,
    /// Runs that diverged; they count as the sweep's worst from there on.
    pub diverged: Vec<String>,
    /// Runs that were not learned from.
    pub left_out: Vec<LeftOut>,
    /// Final training loss, mean over members.
    pub loss: f64,
    /// Best loss on the held-out configurations, mean over the members that have any.
    pub held_out_loss: Option<f64>,
    /// Seconds the fit took.
    pub seconds: f64,
}

/// A fitted model and the summary of its fit.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The model.
    pub model: Model,
    /// The summary.
    pub summary: FitSummary,
}

/// Series of a sweep, ready to be learned from.
struct Prepared {
    scaler: Scaler,
    series: Vec<Series>,
    /// Configuration of each series.
    configuration: Vec<usize>,
    /// Names of the configurations.
    names: Vec<String>,
    diverged: Vec<String>,
    left_out: Vec<LeftOut>,
}

impl Prepared {
    fn new(sweep: &Sweep, metric: usize) -> Result<Self> {
        let scaler = Scaler::fit(sweep, metric)?;
        let worst = Worst::of(&scaler, sweep.metrics[metric].direction);
        let mut prepared = Self {
            scaler,
            series: Vec::new(),
            configuration: Vec::new(),
            names: Vec::new(),
            diverged: Vec::new(),
            left_out: Vec::new(),
        };
        for (name, runs) in sweep.configurations() {
            for index in runs {
                let run = &sweep.runs[index];
                match Series::from_run(run, metric, &scaler, worst) {
                    Ok(series) => {
                        if prepared.names.last() != Some(&name) {
                            prepared.names.push(name.clone());
                        }
                        prepared.series.push(series);
                        prepared.configuration.push(prepared.names.len() - 1);
                        if run.diverged_at(metric).is_some() {
                            prepared.diverged.push(run.id.clone());
                        }
                    }
                    Err(Unusable(reason)) => prepared.left_out.push(LeftOut { run: run.id.clone(), reason }),
                }
            }
        }
        if prepared.series.len() < 2 {
            let mut reason = format!("{} usable run(s); at least two that differ are needed", prepared.series.len());
            if let Some(first) = prepared.left_out.first() {
                let count = prepared.left_out.len();
                let _ = write!(reason, " ({count} left out, the first, '{}', because {})", first.run, first.reason);
            }
            return Err(Error::Sweep { reason });
        }
        Ok(prepared)
    }
}

/// Fits a model to a sweep.
///
/// The result depends on the sweep, the settings and nothing else: not on the number of threads, nor on whether the fit
/// was interrupted and resumed.
///
/// # Errors
/// If the settings are out of range, the sweep has nothing to learn from, or the checkpoint cannot be read or written;
/// [`Error::Interrupted`] when asked to stop.
pub fn fit(sweep: &Sweep, settings: &FitSettings, options: FitOptions<'_>) -> Result<Fitted> {
    settings.check()?;
    let metric = match &settings.metric {
        Some(name) => sweep.metric_index(name)?,
        None => 0,
    };
    let prepared = Prepared::new(sweep, metric)?;
    let fingerprint = fingerprint(sweep);
    let experience = Experience::from_sweep(sweep, metric)?;
    let started = Instant::now();
    let checkpoint = options.checkpoint.as_deref().filter(|path| options.resume && path.exists());
    let (members, earlier) = if let Some(path) = checkpoint {
        checkpoint::load(path, settings, &fingerprint)?
    } else {
        let seed = |member: usize| settings.seed.wrapping_mul(1_000_003).wrapping_add(member as u64);
        let start = |member: usize| MemberState::new(settings.architecture.random_parameters(seed(member)));
        ((0..settings.members).map(start).collect(), 0.0)
    };
    let job = FitJob { prepared: &prepared, settings, fingerprint: &fingerprint, options, started, earlier, members };
    let FitResult { members, held_out, residuals } = f32::dispatch(job)?;

    let seconds = earlier + started.elapsed().as_secs_f64();
    let points = prepared.series.iter().map(|series| series.points.len()).sum();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let held_out_losses: Vec<f64> =
        members.iter().map(|member| member.best_held_out).filter(|loss| loss.is_finite()).collect();
    let record = FitRecord {
        sweep: fingerprint.clone(),
        runs: prepared.series.len(),
        points,
        iterations: settings.iterations,
        seed: settings.seed,
        held_out_loss: held_out_losses.clone(),
        held_out,
        learned: prepared.names.clone(),
        residuals,
        seconds,
    };
    let loss = mean(members.iter().map(|member| member.loss).collect());
    let header = Header {
        format: 0,
        members: 0,
        kind: settings.kind,
        architecture: settings.architecture,
        scaler: prepared.scaler,
        metric: sweep.metrics[metric].clone(),
        window: settings.window,
        tolerance: settings.tolerance,
        first_step: tolerances(settings.tolerance, prepared.scaler.time_scale).first_step,
        experience,
        record,
    };
    let (held_out_parameters, parameters) = members.into_iter().map(|member| (member.best, member.parameters)).unzip();
    let ensemble = Ensemble::new(header, parameters, held_out_parameters);
    let summary = FitSummary {
        runs: prepared.series.len(),
        configurations: prepared.names.len(),
        points,
        diverged: prepared.diverged,
        left_out: prepared.left_out,
        loss,
        held_out_loss: (!held_out_losses.is_empty()).then(|| mean(held_out_losses)),
        seconds,
    };
    Ok(Fitted { model: Model::new(ensemble), summary })
}

/// The whole loop, for one kind of lanes.
struct FitJob<'a, 'o> {
    prepared: &'a Prepared,
    settings: &'a FitSettings,
    fingerprint: &'a str,
    options: FitOptions<'o>,
    started: Instant,
    /// Seconds spent before the fit was resumed.
    earlier: f64,
    members: Vec<MemberState>,
}

/// What comes out of the loop.
struct FitResult {
    members: Vec<MemberState>,
    /// Names of the configurations that each member did not see in its first cycle.
    held_out: Vec<Vec<String>>,
    /// See [`FitRecord::residuals`].
    residuals: Vec<(f64, f64)>,
}

/// Observed fractions at which the error of the held-out final metric is recorded.
const RESIDUAL_FRACTIONS: [f64; 6] = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75];

impl LaneKernel<f32> for FitJob<'_, '_> {
    type Output = Result<FitResult>;

    fn run<L: Lanes<Real = f32>>(mut self) -> Self::Output {
        let (prepared, settings) = (self.prepared, self.settings);
        let fold = split::folds(prepared.names.len(), settings.seed);
        let sampler = Sampler { settings, scaler: &prepared.scaler };
        let mut held_out_names = Vec::new();
        let mut trainers: Vec<Trainer<'_, L>> = (0..settings.members)
            .map(|member| {
                let is_held_out = |configuration: usize| fold[configuration] == member % split::FOLDS;
                let pairs = || prepared.series.iter().zip(&prepared.configuration);
                let train = pairs().filter(|&(_, &c)| !is_held_out(c)).map(|(series, _)| series).collect();
                let held_out = pairs().filter(|&(_, &c)| is_held_out(c)).map(|(series, _)| series).collect();
                let names = prepared.names.iter().enumerate().filter(|&(c, _)| is_held_out(c));
                held_out_names.push(names.map(|(_, name)| name.clone()).collect());
                Trainer::new(sampler, train, held_out, member)
            })
            .collect();
        // Short rounds: an interrupt is answered, and progress shown, a few times a second.
        let round = (settings.iterations / (10 * CHECKS)).clamp(1, 50);
        let save_every = (settings.iterations / CHECKS).max(1);
        let mut done = self.members.iter().map(|member| member.iteration).min().unwrap_or(0);
        while done < settings.iterations {
            let before = done;
            done = (done + round).min(settings.iterations);
            self.members.par_iter_mut().zip(&mut trainers).for_each(|(state, trainer)| trainer.advance(state, done));
            let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
            let held_out: Vec<f64> =
                self.members.iter().map(|member| member.best_held_out).filter(|loss| loss.is_finite()).collect();
            (self.options.progress)(&FitProgress {
                iteration: done,
                iterations: settings.iterations,
                loss: mean(self.members.iter().map(|member| member.loss).collect()),
                held_out: (!held_out.is_empty()).then(|| mean(held_out)),
            });
            let interrupted = self.options.interrupt.load(Ordering::Relaxed) && done < settings.iterations;
            if let Some(path) = &self.options.checkpoint
                && (interrupted || done / save_every > before / save_every)
            {
                let seconds = self.earlier + self.started.elapsed().as_secs_f64();
                checkpoint::save(path, settings, self.fingerprint, seconds, &self.members)?;
            }
            if interrupted {
                return Err(Error::Interrupted);
            }
        }
        let residuals = RESIDUAL_FRACTIONS
            .iter()
            .filter_map(|&fraction| {
                let errors = self.members.iter().zip(&mut trainers);
                let errors = errors.map(|(member, trainer)| trainer.held_out_errors(&member.best, fraction));
                let (sum, count) = errors.fold((0.0, 0), |total, next| (total.0 + next.0, total.1 + next.1));
                (count > 0).then(|| (fraction, (sum / count as f64).sqrt()))
            })
            .collect();
        Ok(FitResult { members: self.members, held_out: held_out_names, residuals })
    }
}

/// Fingerprint of everything in a sweep that a fit depends on.
fn fingerprint(sweep: &Sweep) -> String {
    let mut fingerprint = Fingerprint::default();
    for metric in &sweep.metrics {
        fingerprint.add(metric.to_string().as_bytes());
    }
    let bits = |value: Option<f64>| value.map_or(u64::MAX, f64::to_bits).to_le_bytes();
    for run in &sweep.runs {
        fingerprint.add(run.configuration().as_bytes());
        fingerprint.add(&run.total_steps().to_le_bytes());
        for index in 0..run.len() {
            fingerprint.add(&run.steps[index].to_le_bytes());
            fingerprint.add(&bits(run.train_loss[index]));
            fingerprint.add(&bits(run.learning_rate[index]));
            for column in &run.validation {
                fingerprint.add(&bits(column[index]));
            }
        }
    }
    fingerprint.finish()
}

/// Times fit steps on whole runs, for benchmarks. Panics on an unusable sweep.
pub(crate) fn measure(sweep: &Sweep, settings: &FitSettings, count: u64) -> crate::instrument::FitSteps {
    struct Measure<'a> {
        prepared: &'a Prepared,
        settings: &'a FitSettings,
        count: u64,
    }
    impl LaneKernel<f32> for Measure<'_> {
        type Output = crate::instrument::FitSteps;
        fn run<L: Lanes<Real = f32>>(self) -> Self::Output {
            let settings = self.settings;
            let sampler = Sampler { settings, scaler: &self.prepared.scaler };
            let series: Vec<&Series> = self.prepared.series.iter().collect();
            let samples: Vec<_> = (0..settings.batch_size)
                .map(|index| {
                    let series = series[index % series.len()];
                    match settings.kind {
                        ModelKind::LatentOde => Sampler::whole(series, 0..series.points.len()),
                        ModelKind::Controlled => sampler.future(series, series.points.len() / 4),
                    }
                })
                .collect();
            let mut trainer = Trainer::<L>::new(sampler, series, Vec::new(), 0);
            let mut state = MemberState::new(settings.architecture.random_parameters(0));
            let mut step = |state: &mut MemberState| {
                let (_, gradient) = trainer.gradient(&state.parameters, samples.clone());
                state.adam.step(&mut state.parameters, &gradient, 1e-3);
            };
            step(&mut state);
            let started = Instant::now();
            for _ in 0..self.count {
                step(&mut state);
            }
            let elapsed = started.elapsed();
            let statistics = trainer.statistics();
            let groups = statistics.len() as f64;
            let accepted = statistics.iter().map(|counts| counts.accepted as f64).sum::<f64>();
            let evaluations = statistics.iter().map(|counts| counts.evaluations as f64).sum::<f64>() / groups;
            crate::instrument::FitSteps {
                elapsed,
                operations: operations(settings, &samples, evaluations),
                accepted: accepted / settings.batch_size as f64,
                evaluations,
            }
        }
    }
    let prepared = Prepared::new(sweep, 0).expect("a usable sweep");
    f32::dispatch(Measure { prepared: &prepared, settings, count })
}

/// Floating-point operations of the matrix products of one fit step (activations are not counted).
fn operations(settings: &FitSettings, samples: &[sample::Sample], evaluations: f64) -> f64 {
    let architecture = settings.architecture;
    let weights = |shape: crate::network::mlp::MlpShape| shape.layers().map(|(o, i)| (o * i) as f64).sum::<f64>();
    let hidden = architecture.hidden as f64;
    let inputs = architecture.inputs as f64;
    // Forward, adjoint of the state, and weight gradients; the encoder needs no adjoint of its inputs.
    let encoder = 3.0 * hidden * (2.0 * inputs + 3.0 * hidden);
    let field = 3.0 * weights(architecture.field_shape());
    let decoder = 3.0 * weights(architecture.decoder_shape());
    let state = architecture.state as f64;
    samples
        .iter()
        .map(|sample| {
            let read = if architecture.controlled {
                sample.times.len() as f64 * decoder
            } else {
                // The projection, once an attempt for five coefficients, and a quartic for each component and time.
                let rows = (architecture.outputs + architecture.latent) as f64;
                3.0 * 5.0 * rows * state * evaluations / 6.0 + sample.times.len() as f64 * rows * 9.0
            };
            2.0 * (sample.window.len() as f64 * encoder + evaluations * field + read)
        })
        .sum()
}
