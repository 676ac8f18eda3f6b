//! From a sweep to a fitted law: which runs count, in which units, and the parts of the law in turn.

use std::collections::BTreeMap;

use super::calibration::checked_multiplier;
use super::covariates::{Covariates, Settings, momentum_gain};
use super::curve::SEGMENTS;
use super::divergence::{DivergedEnds, Threshold, has_diverged, has_gone_astray};
use super::features::schedule_features;
use super::fitted_law::{Law, Units, UnusedRun};
use super::fitted_run::FittedRun;
use super::forecast::ln_over;
use super::groups::Groups;
use super::least_squares::{Curves, LeftOut, Problem};
use super::observation::Recording;
use super::posterior::{OBSERVED, Posterior, curves, deviation, median};
use super::prior::{Choice, Prior};
use super::residual::{Purpose, ResidualProcess};
use super::scale::{IdealOrigin, LEARNED_GAPS, Scale, mixed_units};
use super::scaled::{Scaled, scaled, units};
use super::settings::LawSettings;
use crate::data::ANNEALED;
use crate::experience::settings_beyond_rates;
use crate::odd::set_aside;
use crate::{Direction, Error, Metric, Result, Sweep};

/// Runs that the curve is fitted to at most: more say nothing new about 21 parameters.
const CURVES: usize = 256;
/// A search whose best gap is not below this fraction of the untrained one has learned nothing.
const LEARNED: f64 = 0.999;
/// Least spread of final values, in their logarithm.
const LEAST_SPREAD: f64 = 0.01;
/// Ratio of the largest to the smallest peak below which rates are all the same.
const SAME_RATE: f64 = 1.05;
/// Share of the spread of final values that a law should explain, where settings differ, and runs to say so.
const EXPLAINED: f64 = 0.5;
const RUNS_TO_JUDGE: usize = 6;

impl Law {
    /// Fits the law to the runs of `sweep` that measured `metric`.
    ///
    /// # Errors
    /// If the sweep has no such metric, or nothing can be learned from it: no run that measured the metric under a known rate,
    /// all diverged, or none better than an untrained network. The message says what would work.
    pub fn fit(sweep: &Sweep, metric: &str, settings: &LawSettings) -> Result<Self> {
        let column = sweep.metric_index(metric)?;
        let (sweep, odd) = set_aside(sweep, column, settings.ideal);
        let metric = &sweep.metrics[column];
        let (mut recordings, mut left_out) = (Vec::new(), Vec::new());
        for run in &sweep.runs {
            match Recording::of(run, column, f64::INFINITY) {
                Ok(recording) => recordings.push(recording),
                Err(useless) => {
                    left_out.push(UnusedRun { run: run.id.clone(), reason: useless.reason().to_owned() });
                }
            }
        }
        let values: Vec<f64> = recordings.iter().flat_map(|run| &run.measured).map(|(_, value)| *value).collect();
        if values.is_empty() {
            let reason = left_out.first().map_or("there are no runs", |unused| unused.reason.as_str());
            return Err(Error::Sweep {
                reason: format!(
                    "none of {} run(s) has a finite {metric} under a known learning rate ({reason}); with no run at all, \
                     plan from the prior: give a rate that worked and the metric of an untrained network",
                    sweep.runs.len()
                ),
            });
        }
        let most = |run: &Recording| run.measured.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
        let greatest: Vec<(&str, f64)> = recordings.iter().map(|run| (run.id.as_str(), most(run))).collect();
        if let Some([(fraction, part), (per_cent, hundredths)]) = mixed_units(metric, &greatest) {
            return Err(Error::Sweep {
                reason: format!(
                    "'{}' is a fraction in run '{fraction}' (up to {part}) and per cent in run '{per_cent}' (up to {hundredths}): \
                     give all in one unit",
                    metric.name
                ),
            });
        }
        let mut law = match Scale::choose(metric, settings.ideal, &values, &greatest)? {
            Some(scale) => fit_scaled(metric, &recordings, scale, settings)?,
            None => learn_ideal(metric, &recordings, &values, settings)?,
        };
        law.learn_plain_process();
        law.notes.extend(odd);
        law.left_out = left_out;
        law.doubts = Vec::from_iter(settings_beyond_rates(&sweep, column));
        Ok(law)
    }
}

/// Fits with several ideals, and keeps the one under which the curves are most probable.
fn learn_ideal(metric: &Metric, recordings: &[Recording], values: &[f64], settings: &LawSettings) -> Result<Law> {
    let direction = metric.direction;
    let better = |a: f64, b: f64| if direction.is_better(b, a) { b } else { a };
    let best = values.iter().copied().fold(values[0], better);
    let start = settings.start.unwrap_or_else(|| {
        median(&mut recordings.iter().filter_map(|run| Some(run.measured.first()?.1)).collect::<Vec<f64>>())
    });
    let gained = (best - start).abs();
    if !(gained > 0.0 && gained.is_finite()) {
        return Err(learned_nothing(metric, start));
    }
    let mut found: Option<(f64, Law)> = None;
    let mut failure = None;
    for gap in LEARNED_GAPS {
        let ideal = best + gap * gained * direction.sign();
        if !ideal.is_finite() {
            continue;
        }
        let scale = Scale::new(direction, ideal, IdealOrigin::Learned, values);
        match fit_scaled(metric, recordings, scale, settings) {
            Ok(law) => {
                // The evidence is of ln y; a density of the metric itself has the slope 1/y.
                let score = law.log_evidence() - sum_of_logarithms(&law, recordings);
                if found.as_ref().is_none_or(|(best, _)| score > *best) {
                    found = Some((score, law));
                }
            }
            Err(error) => failure = Some(error),
        }
    }
    match (found, failure) {
        (Some((_, mut law)), _) => {
            law.notes.push(format!(
                "the ideal value of {} is learned from the curves ({:.4}); give it if it is known",
                metric.name, law.scale.ideal
            ));
            Ok(law)
        }
        (None, Some(error)) => Err(error),
        (None, None) => Err(learned_nothing(metric, start)),
    }
}

/// Weighted sum of `ln y` over the fitted values.
fn sum_of_logarithms(law: &Law, recordings: &[Recording]) -> f64 {
    let fitted: BTreeMap<&str, bool> = law.runs.iter().map(|run| (run.id.as_str(), run.diverged)).collect();
    let kept = recordings.iter().filter(|recording| fitted.get(recording.id.as_str()) == Some(&false));
    kept.filter_map(|recording| {
        let values = recording.values(|value| law.scale.gap(value), law.units.start);
        let run = curves(law.path(&recording.rates, recording.length, &recording.settings), &values)?;
        Some(run.weights.iter().zip(&run.ln_values).map(|(weight, ln)| weight * weight * ln).sum::<f64>())
    })
    .sum()
}

fn learned_nothing(metric: &Metric, start: f64) -> Error {
    let (better, ends) = match metric.direction {
        Direction::Max => ("above", "max"),
        Direction::Min => ("below", "min"),
    };
    Error::Sweep {
        reason: format!(
            "no run gets {better} {start:.6}, where they start: {metric} never improves. Check its direction (':{ends}'), choose \
             a metric that training changes, or give the value of an untrained network if the first ones were recorded late"
        ),
    }
}

fn fit_scaled(metric: &Metric, recordings: &[Recording], scale: Scale, settings: &LawSettings) -> Result<Law> {
    let mut notes = Vec::new();
    let start = starting_gap(metric, recordings, &scale, settings, &mut notes)?;
    let momentum = momentum_varies(recordings);
    let mut runs: Vec<Scaled<'_>> = recordings
        .iter()
        .filter_map(|recording| scaled(recording, &scale, start, settings.objective, momentum))
        .collect();
    let finite = || runs.iter().filter(|run| run.recording.lost_at.is_none());
    let ended = || finite().filter(|run| run.last.is_some());
    let by_end = |a: &&Scaled<'_>, b: &&Scaled<'_>| a.seen.total_cmp(&b.seen);
    let Some(best_run) = ended().min_by(by_end).or_else(|| finite().min_by(by_end)) else {
        return Err(Error::Sweep {
            reason: format!(
                "all {} run(s) diverged: record at least one at a lower rate (the lowest peak was {:.3e})",
                runs.len(),
                runs.iter().map(|run| run.peak).fold(f64::INFINITY, f64::min)
            ),
        });
    };
    let (best, best_peak, assumed) = (best_run.seen, best_run.peak, best_run.recording.settings.clone());
    if ended().next().is_none() {
        notes.push("no run reached its planned end: final values are extrapolated".to_owned());
    }
    if best >= LEARNED * start {
        return Err(learned_nothing(metric, scale.value(start)));
    }
    for run in &mut runs {
        run.diverged =
            run.recording.lost_at.is_some() || has_diverged(run.seen, run.least, run.peak, start, best, best_peak);
    }
    let kept: Vec<&Scaled<'_>> = runs.iter().filter(|run| !run.diverged).collect();
    let units = units(&kept, start, best);
    describe(&kept, runs.len(), &mut notes);

    let mut law = Law {
        metric: metric.clone(),
        objective: settings.objective,
        scale,
        units,
        posterior: Posterior::before(Prior::from(Choice { warmup: settings.warmup }), start, best),
        forecast_process: ResidualProcess::fit(&[], &[], LEAST_SPREAD, Purpose::Forecast, None),
        search_process: ResidualProcess::fit(&[], &[], LEAST_SPREAD, Purpose::Search, None),
        plain_process: None,
        threshold: Threshold::from(
            runs.iter().map(|run| (ln_over(run.peak, units.rate), run.diverged)).collect::<Vec<_>>(),
        ),
        diverged_ends: DivergedEnds::of(
            &(runs.iter().filter(|run| run.diverged && run.recording.lost_at.is_none()))
                .map(|run| (run.seen / start).ln())
                .filter(|end| end.is_finite())
                .collect::<Vec<f64>>(),
        ),
        covariates: Covariates::of(&kept.iter().map(|run| &run.recording.settings).collect::<Vec<&Settings>>()),
        momentum,
        assumed,
        runs: Vec::new(),
        level_doubt: 0.0,
        multiplier: 1.0,
        doubts: Vec::new(),
        notes,
        left_out: Vec::new(),
    };
    fit_parts(&mut law, &runs, settings.seed);
    Ok(law)
}

/// The curve, then the processes on what it leaves.
fn fit_parts(law: &mut Law, runs: &[Scaled<'_>], seed: u64) {
    // Representative runs are spread evenly over the final values.
    let mut kept: Vec<usize> = (0..runs.len()).filter(|&index| !runs[index].diverged).collect();
    kept.sort_by(|&a, &b| runs[a].seen.total_cmp(&runs[b].seen));
    let ln_finals: Vec<f64> = kept.iter().filter_map(|&index| Some(runs[index].last?.ln())).collect();
    let spread = deviation(&ln_finals).max(LEAST_SPREAD);
    let taken = kept.len().min(CURVES);
    let (members, fitted): (Vec<usize>, Vec<Curves>) = (0..taken)
        .map(|k| kept[k * kept.len() / taken])
        .filter_map(|index| {
            let Recording { rates, length, settings, .. } = runs[index].recording;
            Some((index, curves(law.path(rates, *length, settings), &runs[index].values)?))
        })
        .unzip();
    let Units { start, best, .. } = law.units;
    law.posterior = Posterior::fit(&law.posterior.prior, start, best, &fitted, spread, seed);

    let curve = law.posterior.curve();
    let mut predicted = [0.0; OBSERVED.len()];
    law.runs = runs
        .iter()
        .map(|run| {
            let Recording { id, rates, length, settings, .. } = run.recording;
            curve.values(&law.path(rates, *length, settings), &OBSERVED, &mut predicted);
            let residual = |(k, &end): (usize, &usize)| {
                let residual = run.values[end].ln() - predicted[k];
                residual.is_finite().then_some(residual)
            };
            FittedRun {
                id: id.clone(),
                rates: rates.to_vec(),
                length: *length,
                settings: settings.clone(),
                schedule: run.recording.schedule.clone(),
                residuals: if run.diverged { Vec::new() } else { OBSERVED.iter().enumerate().map(residual).collect() },
                last: run.last,
                best_at: run.best_at,
                diverged: run.diverged,
                looked: looked(run, law.units),
                left_out: None,
            }
        })
        .collect();
    let ended = kept.iter().filter_map(|&index| {
        let residual = (*law.runs[index].residuals.last()?)?;
        let recording = runs[index].recording;
        Some((law.features(&recording.rates, recording.length, &recording.settings), residual))
    });
    let (features, residuals): (Vec<Vec<f64>>, Vec<f64>) = ended.unzip();
    law.forecast_process = ResidualProcess::fit(&features, &residuals, spread, Purpose::Forecast, None);
    law.search_process =
        ResidualProcess::fit(&features, &residuals, spread, Purpose::Search, Some(&law.forecast_process));
    let groups = Groups::of(members.iter().map(|&index| &law.runs[index]));
    for (index, left_out) in members.into_iter().zip(leave_out(law, &fitted, &groups)) {
        law.runs[index].left_out = left_out;
    }
    law.multiplier = law.checked_multiplier(&misses(law, &kept));
    let explained = 1.0 - (deviation(&residuals) / deviation(&ln_finals).max(1e-12)).powi(2);
    let names = law.covariates.names();
    if kept.len() >= RUNS_TO_JUDGE && !names.is_empty() && explained < EXPLAINED {
        law.notes.push(format!(
            "the schedule explains {:.0} % of how final values differ; the runs also differ in {}: forecasts for new schedules \
             are better from runs that share these settings",
            100.0 * explained.max(0.0),
            names.join(", ")
        ));
    }
}

/// Did a run look diverged at the observed ends?
fn looked(run: &Scaled<'_>, units: Units) -> Vec<bool> {
    let lost = run.recording.lost_at.unwrap_or(f64::INFINITY);
    let looks = |&end: &usize| {
        let step = (end + 1) as f64 / SEGMENTS as f64 * run.recording.length;
        step > lost || has_gone_astray(&run.values[..=end], units.start, units.best)
    };
    OBSERVED.iter().map(looks).collect()
}

/// What laws without the runs of one configuration say of the ends of these, where they came to one.
fn leave_out(law: &Law, fitted: &[Curves], groups: &Groups) -> Vec<Option<LeftOut>> {
    let Posterior { prior, start, best, v, sigma, .. } = &law.posterior;
    let problem = Problem { runs: fitted, prior, start: *start, best: *best };
    let normal = problem.normal(v, *sigma);
    let curve = law.posterior.curve();
    let mut left_out = vec![None; fitted.len()];
    for runs in groups.members() {
        let Some(without) = problem.without(runs, v, *sigma, &normal) else { continue };
        for &index in runs.iter().filter(|&&index| fitted[index].ends.last() == Some(&(SEGMENTS - 1))) {
            let (_, slopes) = law.posterior.end(&curve, &fitted[index].path);
            left_out[index] = Some(without.of_end(&slopes));
        }
    }
    left_out
}

/// How far the ends of the runs `kept` are off, in deviations, when their configurations are left out of the fit.
fn misses(law: &Law, kept: &[usize]) -> Vec<f64> {
    let runs = kept.iter().map(|&index| &law.runs[index]);
    let ended: Vec<(f64, &FittedRun)> = runs.filter_map(|run| Some(((*run.residuals.last()?)?, run))).collect();
    let processes = law.forecast_process.left_out(&Groups::of(ended.iter().map(|&(_, run)| run)));
    (ended.into_iter().zip(processes))
        .filter_map(|((residual, run), process)| {
            let LeftOut { shift, variance } = run.left_out?;
            Some((residual - shift - process.mean) / (variance + process.variance).sqrt())
        })
        .collect()
}

/// Gap of an untrained network.
fn starting_gap(
    metric: &Metric,
    recordings: &[Recording],
    scale: &Scale,
    settings: &LawSettings,
    notes: &mut Vec<String>,
) -> Result<f64> {
    if let Some(start) = settings.start {
        let gap = scale.gap(start);
        return if gap.is_finite() && gap > scale.least {
            Ok(gap)
        } else {
            Err(Error::Setting {
                name: "start",
                value: start.to_string(),
                remedy: "give the metric of an untrained network: finite, and worse than any trained one",
            })
        };
    }
    let firsts = || recordings.iter().filter_map(|run| run.measured.first().map(|first| (run, first)));
    let gap = median(&mut firsts().map(|(_, (_, value))| scale.gap(*value)).collect::<Vec<f64>>());
    if gap.is_nan() || gap <= 0.0 {
        return Err(learned_nothing(metric, scale.value(gap)));
    }
    let late = firsts().filter(|(run, (step, _))| *step > 0.01 * run.length).count();
    if 2 * late > recordings.len() {
        notes.push(format!(
            "{} of an untrained network is taken to be {:.4}, the median of the first values, most of which were recorded after the \
             first hundredth of a run; give it if it is known",
            metric.name,
            scale.value(gap)
        ));
    }
    Ok(gap)
}

fn momentum_varies(recordings: &[Recording]) -> bool {
    let gains: Vec<f64> = recordings.iter().filter_map(|run| momentum_gain(&run.settings)).collect();
    gains.len() == recordings.len() && gains.iter().any(|gain| *gain != gains[0])
}

/// Says why intervals will be wide.
fn describe(kept: &[&Scaled<'_>], runs: usize, notes: &mut Vec<String>) {
    let peaks = || kept.iter().map(|run| run.peak);
    let (least, most) = (peaks().fold(f64::INFINITY, f64::min), peaks().fold(0.0, f64::max));
    if kept.len() < 2 {
        notes.push(format!(
            "{} of {runs} run(s) trained: what another schedule does is mostly the prior's guess; a run at three times the rate \
             and one at a third of it would narrow it most",
            kept.len()
        ));
    } else if most <= SAME_RATE * least {
        notes.push(format!(
            "all runs peak at {most:.3e}: what another peak does is the prior's guess; a run at three times the rate would narrow \
             it most"
        ));
    }
    let falls = |run: &&Scaled<'_>| {
        let rates = &run.recording.rates;
        rates[SEGMENTS - 1] < ANNEALED * rates.iter().copied().fold(0.0, f64::max)
    };
    if !kept.iter().any(falls) {
        notes.push(
            "no run lets its rate fall: what that brings, often much, is the prior's guess; a run whose rate falls to nothing over \
             its last third would tell most"
                .to_owned(),
        );
    }
}

impl Law {
    /// The multiplier of deviations after runs were off so far, in deviations, that were left out.
    pub(crate) fn checked_multiplier(&self, misses: &[f64]) -> f64 {
        checked_multiplier(self.runs.len(), self.covariates.len(), misses)
    }

    /// Features of a run for the processes.
    pub(crate) fn features(&self, rates: &[f64], length: f64, settings: &Settings) -> Vec<f64> {
        let gain = self.gain(settings);
        let effective = std::array::from_fn(|k| rates[k] * gain);
        let mut features = schedule_features(&effective, length).to_vec();
        features.extend(self.covariates.row(settings));
        features
    }
}
