//! [`ControlledLatentOde`]: the learning rate drives the vector field; loss and metric are decoded (method section 6).

use std::path::Path;

use rayon::prelude::*;

use super::ensemble::Ensemble;
use super::pass::{Network, Pass, Task};
use super::series::{CONTROL_TOLERANCE, Series};
use crate::error::Result;
use crate::fit::ModelKind;
use crate::lanes::{Dispatch, LaneKernel, Lanes};
use crate::ode::Control;
use crate::plan::{ControlledForecaster, Experience};
use crate::run::Point;
use crate::schedule::Schedule;

/// An ensemble of controlled latent ODEs.
#[derive(Clone, Debug)]
pub struct ControlledLatentOde(pub(crate) Ensemble);

/// Samples of a smooth schedule over the rest of a run, before it is simplified to straight lines of ln lr.
const SCHEDULE_SAMPLES: usize = 40;

impl ControlledLatentOde {
    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or holds another kind of model.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let ensemble = Ensemble::load(path)?;
        ensemble.expect_kind(ModelKind::Controlled, path)?;
        Ok(Self(ensemble))
    }

    /// Number of models in the ensemble.
    pub fn members(&self) -> usize {
        self.0.networks.len()
    }

    /// The final reward of the run under each schedule, `[schedule * members + member]`: the validation metric in the
    /// model's units, with the sign that makes larger better. `observed` are the points so far; the schedules apply from
    /// `now` (progress in [0, 1)) on.
    pub fn final_rewards(&self, observed: &[Point], total_steps: u64, now: f64, schedules: &[Schedule]) -> Vec<f64> {
        let (series, start) = self.window(observed, total_steps, now);
        let controls: Vec<Control> = schedules.par_iter().map(|schedule| self.control(schedule, start)).collect();
        let values = f32::dispatch(self.futures(&series, &controls, &[]));
        let sign = self.0.header.metric.direction.sign();
        values.into_iter().map(|value| sign * value[0][1]).collect()
    }

    /// Curves `(loss, metric)` in the model's units, `[member][time]`, under one schedule at `progress` times from `now` on.
    pub(crate) fn curves(
        &self,
        observed: &[Point],
        total_steps: u64,
        schedule: &Schedule,
        progress: &[f64],
    ) -> Vec<Vec<[f64; 2]>> {
        let now = observed.last().map_or(0.0, |point| point.step as f64 / total_steps.max(1) as f64);
        let (series, start) = self.window(observed, total_steps, now);
        let control = [self.control(schedule, start)];
        let times: Vec<f64> = progress.iter().map(|at| at * self.0.header.scaler.time_scale).collect();
        f32::dispatch(self.futures(&series, &control, &times))
    }

    /// Final metric in the model's units, one a network, for the rest of a run under `control`.
    pub(crate) fn final_metrics(&self, networks: &[Network<f32>], window: &Series, control: &Control) -> Vec<f64> {
        let controls = std::slice::from_ref(control);
        let values = f32::dispatch(Futures { ensemble: &self.0, networks, window, controls, times: &[] });
        values.into_iter().map(|value| value[0][1]).collect()
    }

    fn futures<'a>(&'a self, window: &'a Series, controls: &'a [Control], times: &'a [f64]) -> Futures<'a> {
        Futures { ensemble: &self.0, networks: &self.0.networks, window, controls, times }
    }

    /// The last points in the model's units, and the model time from which the future is solved.
    pub(crate) fn window(&self, observed: &[Point], total_steps: u64, now: f64) -> (Series, f64) {
        let header = &self.0.header;
        let time_scale = header.scaler.time_scale;
        let mut series = Series::observed(observed, total_steps, &header.scaler);
        // In the fit, "now" was always the time of the last point.
        let start = series.points.last().map_or(now * time_scale, |point| point.time);
        let reach = start - header.window * time_scale - 1e-9;
        series.points.retain(|point| point.time > reach);
        (series, start.clamp(0.0, 0.999 * time_scale))
    }

    /// A schedule from model time `start` on, as straight lines of standardised ln lr.
    fn control(&self, schedule: &Schedule, start: f64) -> Control {
        let scaler = &self.0.header.scaler;
        let end = scaler.time_scale;
        let value = |time: f64| scaler.learning_rate.standardise(schedule.learning_rate(time / end));
        let mut times: Vec<f64> =
            (0..=SCHEDULE_SAMPLES).map(|k| start + (end - start) * k as f64 / SCHEDULE_SAMPLES as f64).collect();
        if let Schedule::PiecewiseLinear { knots } = schedule {
            let inner = knots.iter().map(|knot| knot.progress * end).filter(|&time| time > start && time < end);
            times.extend(inner);
            times.sort_by(f64::total_cmp);
            times.dedup();
        }
        let samples: Vec<(f64, f64)> = times.into_iter().map(|time| (time, value(time))).collect();
        Control::simplified(&samples, CONTROL_TOLERANCE)
    }
}

impl ControlledForecaster for ControlledLatentOde {
    fn members(&self) -> usize {
        self.members()
    }

    fn final_rewards(
        &self,
        observed: &[Point],
        total_steps: u64,
        now: f64,
        schedules: &[Schedule],
    ) -> Result<Vec<f64>> {
        Ok(self.final_rewards(observed, total_steps, now, schedules))
    }

    fn metric_from_reward(&self, reward: f64) -> f64 {
        let header = &self.0.header;
        header.scaler.validation.natural(reward * header.metric.direction.sign())
    }

    fn experience(&self) -> &Experience {
        &self.0.header.experience
    }

    fn fingerprint(&self) -> String {
        self.0.fingerprint.clone()
    }
}

/// Futures of one observed run under several controls.
struct Futures<'a> {
    ensemble: &'a Ensemble,
    networks: &'a [Network<f32>],
    window: &'a Series,
    controls: &'a [Control],
    /// Empty: the end only.
    times: &'a [f64],
}

impl LaneKernel<f32> for Futures<'_> {
    /// `[control * members + member][time][loss, metric]`.
    type Output = Vec<Vec<[f64; 2]>>;

    fn run<L: Lanes<Real = f32>>(self) -> Self::Output {
        let ensemble = self.ensemble;
        let mut window = Task::<L>::default();
        window.read(self.window.points.iter(), &ensemble.header);
        // All lanes hold the same window, so one encoding serves every group of controls.
        let latents: Vec<Vec<L>> =
            self.networks.par_iter().map(|network| Pass::default().encode(network, &window).to_vec()).collect();
        let members = self.networks.len();
        let groups = self.controls.len().div_ceil(L::COUNT);
        let times: Vec<L> = self.times.iter().map(|&time| L::constant(time)).collect();
        let results: Vec<Vec<Vec<[f64; 2]>>> = (0..groups * members)
            .into_par_iter()
            .map_init(
                || (Pass::<L>::default(), Task::<L>::default()),
                |(pass, task), index| {
                    let (group, member) = (index / members, index % members);
                    let controls = &self.controls[group * L::COUNT..];
                    task.times.clone_from(&times);
                    task.controls.clear();
                    task.controls.extend(controls.iter().take(L::COUNT).cloned());
                    let network = &self.networks[member];
                    let values = pass.decode(network, task, &latents[member], ensemble.tolerances(), false);
                    (0..task.controls.len())
                        .map(|lane| {
                            let read = |value: &L| f64::from(value.lanes()[lane]);
                            values.chunks_exact(2).map(|row| [read(&row[0]), read(&row[1])]).collect()
                        })
                        .collect()
                },
            )
            .collect();
        let mut results: Vec<_> = results.into_iter().map(Vec::into_iter).collect();
        (0..self.controls.len() * members)
            .filter_map(|index| {
                let (control, member) = (index / members, index % members);
                results[control / L::COUNT * members + member].next()
            })
            .collect()
    }
}
