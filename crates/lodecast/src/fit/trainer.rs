//! One member of an ensemble in training: batches through the lanes, gradients, and the optimizer.

use rand::RngExt;
use rayon::prelude::*;

use super::adam::{Adam, one_cycle};
use super::member::{Check, MemberState};
use super::objective::PathTerm;
use super::sample::{Sample, Windows};
use super::share::{GROUPS_IN_TURN, Group, Share, UNFINISHED};
use super::training::Training;
use crate::kernels::lanes::{Lanes, Real};
use crate::kernels::ode::{Statistics, Tolerances};
use crate::model::ensemble::tolerances;
use crate::model::pass::Network;
use crate::model::series::Series;
use crate::model::{Architecture, Scaler};
use crate::random::{Purpose, stream};
use crate::representatives::representatives;

/// Trains one member on its share of the series.
pub(crate) struct Trainer<'a, L, W> {
    windows: W,
    settings: &'a Training,
    architecture: Architecture,
    scaler: &'a Scaler,
    /// What the first cycle learns from, and what it is measured on; the second cycle learns from both.
    train: Vec<&'a Series>,
    held_out: Vec<&'a Series>,
    member: u64,
    shares: Vec<Share<L>>,
}

/// How often the first cycle checks the held-out runs.
pub(crate) const CHECKS: u64 = 20;
/// Fraction of the iterations that belong to the first cycle.
const FIRST_CYCLE: f64 = 0.6;
/// Peak learning rate of the second cycle, relative to the first.
const SECOND_PEAK: f64 = 0.5;

/// Iterations of the first cycle.
pub(crate) fn first_cycle(iterations: u64) -> u64 {
    ((FIRST_CYCLE * iterations as f64) as u64).clamp(1, iterations)
}

/// Held-out runs that are looked at in a check.
const MOST_HELD_OUT: usize = 256;
/// Observed fractions of the held-out checks.
const CHECK_FRACTIONS: [f64; 3] = [0.0, 0.1, 0.3];

impl<'a, L: Lanes, W: Windows> Trainer<'a, L, W> {
    pub(crate) fn new(
        windows: W,
        settings: &'a Training,
        architecture: Architecture,
        scaler: &'a Scaler,
        train: Vec<&'a Series>,
        held_out: Vec<&'a Series>,
        member: usize,
    ) -> Self {
        Self { windows, settings, architecture, scaler, train, held_out, member: member as u64, shares: Vec::new() }
    }

    fn tolerances(&self) -> Tolerances {
        tolerances(self.settings.tolerance, self.scaler.time_scale)
    }

    /// Distributes samples over the groups. Samples of similar length share a group, where they end at about the same time.
    fn fill(&mut self, mut samples: Vec<Sample>) {
        samples.sort_by_key(|sample| sample.window.len() + 4 * sample.control.segments.len());
        let share = GROUPS_IN_TURN * L::COUNT;
        self.shares.resize_with(samples.len().div_ceil(share), Share::new);
        let (architecture, time_scale) = (self.architecture, self.scaler.time_scale);
        self.shares.par_iter_mut().zip(samples.par_chunks(share)).for_each(|(share, samples)| {
            share.fill(samples, architecture, time_scale);
        });
    }

    fn groups(&self) -> impl Iterator<Item = &Group<L>> {
        self.shares.iter().flat_map(|share| &share.groups)
    }

    /// Runs the filled groups; returns the mean loss of a sample.
    fn run(&mut self, network: &Network<L::Real>, reversible: bool) -> f64 {
        let (tolerances, outputs) = (self.tolerances(), self.architecture.outputs);
        let samples: usize = self.groups().map(|group| group.task.controls.len()).sum();
        self.shares.par_iter_mut().for_each(|share| share.groups.iter_mut().for_each(|group| group.encode(network)));
        let path_weight = self.windows.path_weight();
        let spread = if path_weight > 0.0 { self.latent_spread() } else { Vec::new() };
        // Losses are means over a run's values: so is the path's share.
        let values = self.groups().next().map_or(1, |group| group.task.times.len() * outputs).max(1);
        let weight = L::Real::from_f64(path_weight / values as f64);
        let path = (path_weight > 0.0).then_some(PathTerm { spread: &spread, weight });
        self.shares.par_iter_mut().for_each(|share| share.learn(network, outputs, tolerances, path, reversible));
        self.groups().map(|group| group.loss.sum()).sum::<f64>() / samples.max(1) as f64
    }

    /// Standard deviation of each latent component over the batch, never quite zero.
    fn latent_spread(&self) -> Vec<L::Real> {
        let latent = self.architecture.latent;
        (0..latent)
            .map(|j| {
                let values: Vec<f64> = self
                    .groups()
                    .flat_map(|group| group.latent[j].lanes()[..group.task.controls.len()].iter())
                    .map(|value| value.to_f64())
                    .collect();
                let count = values.len().max(1) as f64;
                let mean = values.iter().sum::<f64>() / count;
                let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
                L::Real::from_f64(variance.sqrt().max(1e-6))
            })
            .collect()
    }

    /// Draws the batch of an iteration.
    fn draw(&self, iteration: u64) -> Vec<Sample> {
        let settings = self.settings;
        let index = (self.member << 40) | iteration;
        let mut random = stream(settings.seed, Purpose::Batch, index);
        let first = iteration < first_cycle(settings.iterations);
        let count = self.train.len() + if first { 0 } else { self.held_out.len() };
        (0..settings.batch_size)
            .map(|_| {
                let chosen = random.random_range(0..count);
                let series = self.train.get(chosen).unwrap_or_else(|| &self.held_out[chosen - self.train.len()]);
                self.windows.draw(series, &mut random)
            })
            .collect()
    }

    /// Loss of a batch and its gradient by the parameters.
    pub(crate) fn gradient(&mut self, parameters: &[f64], samples: Vec<Sample>) -> (f64, Vec<f64>) {
        let count = samples.len() as f64;
        self.fill(samples);
        let network = Network::new(self.architecture, parameters);
        let loss = self.run(&network, true);
        // Shares are added in their order, lane by lane, then the lanes: the same on any number of threads.
        let Some((first, others)) = self.shares.split_first_mut() else {
            return (loss, vec![0.0; parameters.len()]);
        };
        L::vectorize(
            #[inline(always)]
            || {
                for other in others {
                    for (sum, &more) in first.sums.iter_mut().zip(&other.sums) {
                        *sum = *sum + more;
                    }
                }
            },
        );
        (loss, first.sums.iter().map(|sum| sum.sum() / count).collect())
    }

    /// Advances to `until`, a number of iterations.
    ///
    /// The first cycle learns from the member's own part of the runs and is measured on the rest: that is what its forecasts
    /// are worth on configurations it has not seen. The second starts from the best of the first and learns from all runs,
    /// since a planner is to use everything that is known.
    pub(crate) fn advance(&mut self, state: &mut MemberState, until: u64) {
        let settings = self.settings;
        let switch = first_cycle(settings.iterations);
        let check_every = (switch / CHECKS).max(1);
        while state.iteration < until {
            if state.stale >= settings.patience && settings.patience < CHECKS as u32 && state.iteration < switch {
                state.iteration = switch.min(until);
            }
            if state.iteration == switch {
                state.parameters.clone_from(&state.best);
                state.adam = Adam::new(state.parameters.len());
                if state.iteration >= until {
                    return;
                }
            }
            let samples = self.draw(state.iteration);
            let (loss, gradient) = self.gradient(&state.parameters, samples);
            let rate = if state.iteration < switch {
                one_cycle(settings.peak_lr, state.iteration as f64 / switch as f64)
            } else {
                let progress = (state.iteration - switch) as f64 / (settings.iterations - switch) as f64;
                one_cycle(SECOND_PEAK * settings.peak_lr, progress)
            };
            state.adam.step(&mut state.parameters, &gradient, rate);
            if loss.is_finite() {
                state.loss = if state.loss.is_nan() { loss } else { 0.98 * state.loss + 0.02 * loss };
            }
            state.iteration += 1;
            let checked = state.iteration.is_multiple_of(check_every) || state.iteration == switch;
            if checked && state.iteration <= switch {
                let held_out = self.held_out_loss(&state.parameters);
                // Without held-out runs the last parameters are the best there are.
                if held_out.is_none_or(|held_out| held_out < state.best_held_out) {
                    state.best.clone_from(&state.parameters);
                    state.best_held_out = held_out.unwrap_or(f64::INFINITY);
                    state.stale = 0;
                } else {
                    state.stale += 1;
                }
                state.unjudged = Some(Check { parameters: state.parameters.clone(), held_out });
            }
        }
    }

    /// Samples of all held-out runs, of which the first `fraction` is observed.
    fn held_out_samples(&self, fraction: f64) -> impl Iterator<Item = Sample> + '_ {
        // Some hundred windows tell as much as ten thousand.
        representatives(self.held_out.len(), MOST_HELD_OUT).map(move |index| {
            let series = &self.held_out[index];
            let points = series.points.len();
            self.windows.seen(series, (fraction * points as f64) as usize)
        })
    }

    /// Mean loss on the held-out runs, from fixed windows.
    pub(crate) fn held_out_loss(&mut self, parameters: &[f64]) -> Option<f64> {
        if self.held_out.is_empty() {
            return None;
        }
        let samples = CHECK_FRACTIONS.iter().flat_map(|&fraction| self.held_out_samples(fraction)).collect();
        self.fill(samples);
        let network = Network::new(self.architecture, parameters);
        Some(self.run(&network, false))
    }

    /// By how much the final metric (in the model's units) is missed on each of the held-out runs.
    pub(crate) fn held_out_errors(&mut self, parameters: &[f64], fraction: f64) -> Vec<f64> {
        let samples: Vec<Sample> = self.held_out_samples(fraction).collect();
        if samples.is_empty() {
            return Vec::new();
        }
        self.fill(samples);
        let network = Network::new(self.architecture, parameters);
        self.run(&network, false);
        let outputs = self.architecture.outputs;
        let mut errors = Vec::new();
        for group in self.groups() {
            let values = group.pass.values(&network);
            let width = values.len() / group.task.times.len().max(1);
            for lane in 0..group.task.controls.len() {
                let measured = |time: usize| group.weights[(time + 1) * outputs - 1].lanes()[lane].to_f64() > 0.0;
                let Some(last) = (0..group.task.times.len()).rev().find(|&time| measured(time)) else { continue };
                let predicted = values[last * width + outputs - 1].lanes()[lane].to_f64();
                let error = predicted - group.targets[(last + 1) * outputs - 1].lanes()[lane].to_f64();
                let finished = group.pass.finished().lanes()[lane].to_f64() > 0.0;
                errors.push(if finished && error.is_finite() { error.abs() } else { UNFINISHED.sqrt() });
            }
        }
        errors
    }

    /// Counts of the last batch's solves.
    pub(crate) fn statistics(&self) -> Vec<Statistics> {
        self.groups().map(|group| group.pass.statistics()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::form::NetworkFit;
    use crate::fit::{ControlledFit, PaperFit};
    use crate::kernels::lanes::{Dispatch, LaneKernel};
    use crate::kernels::ode::Control;
    use crate::model::Column;
    use crate::model::series::SeriesPoint;

    /// Runs whose rate falls in stairs, with a metric at every third point.
    fn series(count: usize) -> Vec<Series> {
        (0..count)
            .map(|run| {
                let rate = |k: usize| if k < 6 { 0.5 } else { -0.3 - 0.1 * run as f64 };
                let points: Vec<SeriesPoint> = (1..=12)
                    .map(|k| SeriesPoint {
                        time: k as f64 * 10.0 / 12.0,
                        train_loss: (0.3 * (k + run) as f64).sin(),
                        learning_rate: rate(k),
                        validation: if k % 3 == 0 { (0.2 * (k * (run + 1)) as f64).cos() } else { f64::NAN },
                    })
                    .collect();
                let samples: Vec<(f64, f64)> = points.iter().map(|point| (point.time, point.learning_rate)).collect();
                Series { points, control: Control::simplified(&samples, 1e-9) }
            })
            .collect()
    }

    struct Check<F> {
        form: F,
        /// Tight, and within reach of the steps that are allowed.
        tolerance: f64,
        /// Points seen of the run with this index.
        observed: fn(usize) -> usize,
    }

    impl<F: NetworkFit> LaneKernel<f64> for Check<F> {
        /// Gradient and central difference of some parameters of every tensor.
        type Output = Vec<(String, f64, f64)>;

        fn run<L: Lanes<Real = f64>>(self) -> Self::Output {
            let identity = Column::identity();
            let scaler = Scaler {
                time_scale: 10.0,
                points_per_run: 12.0,
                train_loss: identity,
                learning_rate: identity,
                validation: identity,
            };
            let settings = Training { tolerance: self.tolerance, ..self.form.training().clone() };
            let (windows, architecture) = (self.form.windows(&scaler), self.form.architecture());
            let series = series(11);
            let samples = || -> Vec<Sample> {
                series.iter().enumerate().map(|(run, series)| windows.seen(series, (self.observed)(run))).collect()
            };
            let mut trainer =
                Trainer::<L, _>::new(windows, &settings, architecture, &scaler, Vec::new(), Vec::new(), 0);
            let parameters = architecture.random_parameters(3);
            let (_, gradient) = trainer.gradient(&parameters, samples());
            let mut checked = Vec::new();
            for tensor in architecture.tensors() {
                for index in [tensor.offset, tensor.offset + tensor.len() / 2] {
                    let mut loss_at = |change: f64| {
                        let mut parameters = parameters.clone();
                        parameters[index] += change;
                        trainer.gradient(&parameters, samples()).0
                    };
                    let difference = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5;
                    checked.push((tensor.name.clone(), gradient[index], difference));
                }
            }
            checked
        }
    }

    #[test]
    fn gradients_of_whole_models_agree_with_finite_differences() {
        // The path term is left out: its spread counts as a constant, which differences cannot know.
        let paper = PaperFit { alpha: 0.0, ..PaperFit::default() };
        let forms = [
            (
                "controlled",
                f64::dispatch(Check { form: ControlledFit::default(), tolerance: 1e-8, observed: |run| run }),
            ),
            ("paper", f64::dispatch(Check { form: paper, tolerance: 1e-10, observed: |run| run + 1 })),
        ];
        for (form, checked) in forms {
            let scale = checked.iter().map(|(_, gradient, _)| gradient.abs()).fold(0.0, f64::max);
            assert!(scale > 1e-3, "{form}: nothing is learned");
            for (name, gradient, difference) in checked {
                let error = (gradient - difference).abs() / difference.abs().max(1e-3 * scale);
                assert!(error < 1e-4, "{form}, {name}: {gradient} is not {difference}");
            }
        }
    }
}
