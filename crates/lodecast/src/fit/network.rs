//! The fit of an ensemble of networks, whatever their form: members side by side, each with its own held-out part.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Instant;

use rayon::prelude::*;

use super::form::{FitForm, NetworkFit};
use super::member::{MemberState, judge};
use super::options::{FitOptions, FitProgress};
use super::summary::{FitSummary, Fitted, LeftOut};
use super::trainer::{CHECKS, Trainer};
use super::training::Training;
use super::warm::Start;
use super::{checkpoint, split};
use crate::data::Sweep;
use crate::error::{Error, Result};
use crate::experience::{Experience, has_no_end, settings_beyond_rates};
use crate::kernels::lanes::{Dispatch, LaneKernel, Lanes};
use crate::model::density::MetricDensity;
use crate::model::ensemble::{Ensemble, Header, tolerances};
use crate::model::series::{Series, Unusable, Worst};
use crate::model::{FitRecord, Miss, Scaler};
use crate::whole_file::MissingFolder;

impl<F: NetworkFit> FitForm for F {
    fn check(&self) -> Result<()> {
        NetworkFit::check(self)
    }

    fn training(&self) -> Option<&Training> {
        Some(NetworkFit::training(self))
    }

    fn training_mut(&mut self) -> Option<&mut Training> {
        Some(NetworkFit::training_mut(self))
    }

    fn fit(&self, sweep: &Sweep, options: FitOptions<'_>) -> Result<Fitted> {
        fit(self, sweep, options)
    }
}

/// Series of a sweep, ready to be learned from.
pub(super) struct Prepared {
    pub(super) scaler: Scaler,
    pub(super) series: Vec<Series>,
    /// Configuration of each series.
    configuration: Vec<usize>,
    /// Signatures of the runs of each configuration.
    signatures: Vec<Vec<String>>,
    /// What model files of format 1 call each configuration.
    former_names: Vec<String>,
    diverged: Vec<String>,
    left_out: Vec<LeftOut>,
}

impl Prepared {
    /// In units that the sweep gives, or in those of an `earlier` model.
    pub(super) fn new(sweep: &Sweep, metric: usize, most_points: f64, earlier: Option<&Scaler>) -> Result<Self> {
        let scaler = Scaler::fit(sweep, metric, most_points)?;
        let scaler = earlier.map_or(scaler, |earlier| earlier.widened(&scaler));
        let worst = Worst::of(&scaler, sweep.metrics[metric].direction);
        let mut prepared = Self {
            scaler,
            series: Vec::new(),
            configuration: Vec::new(),
            signatures: Vec::new(),
            former_names: Vec::new(),
            diverged: Vec::new(),
            left_out: Vec::new(),
        };
        for (_, runs) in sweep.configurations() {
            let mut signatures = Vec::new();
            let former_name = runs.first().map(|&index| sweep.runs[index].former_configuration());
            for run in runs.into_iter().map(|index| &sweep.runs[index]) {
                match Series::from_run(run, metric, &scaler, worst) {
                    Ok(series) => {
                        prepared.series.push(series);
                        prepared.configuration.push(prepared.signatures.len());
                        signatures.push(run.signature());
                        if run.diverged_at(metric).is_some() {
                            prepared.diverged.push(run.id.clone());
                        }
                    }
                    Err(Unusable(reason)) => prepared.left_out.push(LeftOut { run: run.id.clone(), reason }),
                }
            }
            if !signatures.is_empty() {
                prepared.signatures.push(signatures);
                prepared.former_names.extend(former_name);
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

/// Each of the signatures once.
fn distinct<'a>(signatures: impl Iterator<Item = &'a String>) -> Vec<String> {
    let distinct: BTreeSet<&String> = signatures.collect();
    distinct.into_iter().cloned().collect()
}

/// Fits an ensemble; see [`fit()`](super::fit).
fn fit<F: NetworkFit>(form: &F, sweep: &Sweep, options: FitOptions<'_>) -> Result<Fitted> {
    if let Some(path) = &options.checkpoint {
        // Otherwise the first to notice would be the first checkpoint, minutes later.
        MissingFolder::check(path).map_err(|source| Error::File { path: path.clone(), source })?;
    }
    let (sweep, metric) = sweep.with_metric(form.training().metric.as_deref())?;
    let (sweep, lengths) = sweep.with_lengths();
    let sweep = sweep.as_ref();
    if has_no_end(sweep, metric) {
        let reason = "no run reached its planned end with a value of the metric, and a network knows no more than it saw: fit the law, which \
                      extrapolates; or, if runs are whole, say how long they were planned to be";
        return Err(Error::Sweep { reason: reason.to_owned() });
    }
    let start = options.earlier.map(|model| Start::from_model(form, model, &sweep.metrics[metric])).transpose()?;
    // A network that knows most of the runs need not learn everything.
    let form = &form.clone().shortened(start.is_some());
    let settings = form.training();
    let scaler = start.as_ref().map(|start| &start.ensemble.header.scaler);
    let prepared = Prepared::new(sweep, metric, form.most_points(), scaler)?;
    let fingerprint = sweep.fingerprint();
    let origin = checkpoint::Origin { sweep: &fingerprint, earlier: start.as_ref().map(Start::fingerprint) };
    let left_out: Vec<&str> = prepared.left_out.iter().map(|left| left.run.as_str()).collect();
    let experience = Experience::without(sweep, metric, &left_out)?;
    let started = Instant::now();
    let checkpoint = options.checkpoint.as_deref().filter(|path| options.resume && path.exists());
    let (members, earlier) = if let Some(path) = checkpoint {
        checkpoint::load(path, form, origin)?
    } else {
        let seed = |member: usize| settings.seed.wrapping_mul(1_000_003).wrapping_add(member as u64);
        let begin = |member: usize| {
            let random = form.architecture().random_parameters(seed(member));
            MemberState::new(match &start {
                Some(start) => start.parameters(member, random),
                None => random,
            })
        };
        ((0..settings.members).map(begin).collect(), 0.0)
    };
    let fold = match &start {
        Some(start) => start.folds(&prepared.signatures, &prepared.former_names, settings.seed),
        None => split::folds(prepared.signatures.len(), settings.seed),
    };
    let job = FitJob { prepared: &prepared, form, fold, origin, options, started, earlier, members };
    let FitResult { members, held_out, residuals, misses } = f32::dispatch(job)?;

    let seconds = earlier + started.elapsed().as_secs_f64();
    let points = prepared.series.iter().map(|series| series.points.len()).sum();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let held_out_losses: Vec<f64> =
        members.iter().filter_map(|member| member.judged.held_out).filter(|loss| loss.is_finite()).collect();
    let record = FitRecord {
        sweep: fingerprint.clone(),
        runs: prepared.series.len(),
        points,
        iterations: settings.iterations,
        seed: settings.seed,
        held_out_loss: held_out_losses.clone(),
        held_out,
        learned: distinct(prepared.signatures.iter().flatten()),
        residuals,
        misses,
        seconds,
    };
    let loss = mean(members.iter().map(|member| member.loss).collect());
    let header = Header {
        architecture: form.architecture(),
        scaler: prepared.scaler,
        metric: sweep.metrics[metric].clone(),
        window: form.longest_window(),
        tolerance: settings.tolerance,
        first_step: tolerances(settings.tolerance, prepared.scaler.time_scale).first_step,
        experience,
        record,
        density: MetricDensity::of(prepared.series.iter().map(|series| series.points.as_slice())),
    };
    let (held_out_parameters, parameters) =
        members.into_iter().map(|member| (member.judged.parameters, member.parameters)).unzip();
    let ensemble = Ensemble::new(header, parameters, held_out_parameters);
    let summary = FitSummary {
        runs: prepared.series.len(),
        configurations: prepared.signatures.len(),
        points,
        diverged: prepared.diverged,
        left_out: prepared.left_out,
        lengths,
        doubts: Vec::from_iter(settings_beyond_rates(sweep, metric)),
        loss,
        held_out_loss: (!held_out_losses.is_empty()).then(|| mean(held_out_losses)),
        seconds,
        choice: None,
    };
    Ok(Fitted { model: F::model(ensemble), summary })
}

/// The whole loop, for one kind of lanes.
struct FitJob<'a, 'o, F> {
    prepared: &'a Prepared,
    form: &'a F,
    /// The fold of each configuration.
    fold: Vec<usize>,
    origin: checkpoint::Origin<'a>,
    options: FitOptions<'o>,
    started: Instant,
    /// Seconds spent before the fit was resumed.
    earlier: f64,
    members: Vec<MemberState>,
}

/// What comes out of the loop.
struct FitResult {
    members: Vec<MemberState>,
    /// Signatures of the runs that each member did not see in its first cycle.
    held_out: Vec<Vec<String>>,
    /// See [`FitRecord::residuals`].
    residuals: Vec<(f64, f64)>,
    /// See [`FitRecord::misses`].
    misses: Vec<Miss>,
}

/// Observed fractions at which the error of the held-out final metric is recorded.
const RESIDUAL_FRACTIONS: [f64; 6] = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75];

impl<F: NetworkFit> LaneKernel<f32> for FitJob<'_, '_, F> {
    type Output = Result<FitResult>;

    fn run<L: Lanes<Real = f32>>(mut self) -> Self::Output {
        let (prepared, form) = (self.prepared, self.form);
        let settings = form.training();
        let fold = &self.fold;
        let windows = form.windows(&prepared.scaler);
        let mut held_out_signatures = Vec::new();
        let mut trainers: Vec<Trainer<'_, L, F::Windows>> = (0..settings.members)
            .map(|member| {
                let is_held_out = |configuration: usize| fold[configuration] == member % split::FOLDS;
                let pairs = || prepared.series.iter().zip(&prepared.configuration);
                let train = pairs().filter(|&(_, &c)| !is_held_out(c)).map(|(series, _)| series).collect();
                let held_out = pairs().filter(|&(_, &c)| is_held_out(c)).map(|(series, _)| series).collect();
                let apart = prepared.signatures.iter().enumerate().filter(|&(c, _)| is_held_out(c));
                held_out_signatures.push(distinct(apart.flat_map(|(_, signatures)| signatures)));
                Trainer::new(windows, settings, form.architecture(), &prepared.scaler, train, held_out, member)
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
            judge(&mut self.members);
            let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
            let held_out: Vec<f64> =
                self.members.iter().map(|member| member.best_held_out).filter(|loss| loss.is_finite()).collect();
            self.options.tell(&FitProgress {
                iteration: done,
                iterations: settings.iterations,
                loss: mean(self.members.iter().map(|member| member.loss).collect()),
                held_out: (!held_out.is_empty()).then(|| mean(held_out)),
            });
            let interrupted = self.options.is_interrupted() && done < settings.iterations;
            if let Some(path) = &self.options.checkpoint
                && (interrupted || done / save_every > before / save_every)
            {
                let seconds = self.earlier + self.started.elapsed().as_secs_f64();
                checkpoint::save(path, form, self.origin, seconds, &self.members)?;
            }
            if interrupted {
                return Err(Error::Interrupted);
            }
        }
        let (mut residuals, mut misses) = (Vec::new(), Vec::new());
        for fraction in RESIDUAL_FRACTIONS {
            let errors = self.members.iter().zip(&mut trainers);
            let mut errors: Vec<f64> = errors
                .flat_map(|(member, trainer)| trainer.held_out_errors(&member.judged.parameters, fraction))
                .collect();
            if errors.is_empty() {
                continue;
            }
            errors.sort_by(f64::total_cmp);
            let squares: f64 = errors.iter().map(|error| error * error).sum();
            residuals.push((fraction, (squares / errors.len() as f64).sqrt()));
            misses.push(Miss::of(fraction, &errors));
        }
        Ok(FitResult { members: self.members, held_out: held_out_signatures, residuals, misses })
    }
}
