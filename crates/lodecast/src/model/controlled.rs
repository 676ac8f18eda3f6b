//! [`ControlledLatentOde`]: the learning rate drives the vector field; loss and metric are decoded (method section 6).

mod futures;

use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ensemble::{Ensemble, Order};
use super::ensemble_witness::{Case, EnsembleWitness};
use super::expected::Expected;
use super::file::Tensors;
use super::forecast::grid;
use super::form;
use super::pass::Network;
use super::series::{CONTROL_TOLERANCE, Series, SeriesPoint};
use super::witness::Witness;
use super::{
    Architecture, Column, ControlledForecaster, FitRecord, Forecast, Forecaster, Form, Interval, ModelKind, Outlook,
    Scaler, Spread,
};
use crate::data::{Knot, Metric, Point, Schedule, Sweep};
use crate::error::{Error, Result};
use crate::experience::Experience;
use crate::kernels::ode::Control;

/// Sizes of the network of a [`ControlledLatentOde`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ControlledSizes {
    /// State of the GRU that encodes what was observed.
    pub hidden: usize,
    /// Bottleneck.
    pub latent: usize,
    /// State of the differential equation.
    pub state: usize,
    /// Width of hidden layers.
    pub width: usize,
    /// Hidden layers of the vector field and of the perceptron from latent to state.
    pub depth: usize,
    /// Hidden layers of the decoder.
    pub decoder_depth: usize,
}

impl Default for ControlledSizes {
    fn default() -> Self {
        Self { hidden: 24, latent: 16, state: 8, width: 48, depth: 1, decoder_depth: 1 }
    }
}

impl From<ControlledSizes> for Architecture {
    /// For `[loss, ln lr, metric]` with flags for a missing loss or metric; loss and metric are decoded.
    fn from(sizes: ControlledSizes) -> Self {
        let ControlledSizes { hidden, latent, state, width, depth, decoder_depth } = sizes;
        Self { inputs: 6, outputs: 2, hidden, latent, state, width, depth, decoder_depth, controlled: true }
    }
}

/// An ensemble of controlled latent ODEs.
#[derive(Clone, Debug)]
pub struct ControlledLatentOde(pub(crate) Ensemble);

/// A question about a run: what is read of it, and from when on it is solved.
struct Asked {
    window: Vec<SeriesPoint>,
    /// Model time.
    start: f64,
    /// Rates that it had, where the whole run is solved.
    past: Vec<Knot>,
}

/// Samples of a smooth schedule over the rest of a run, before it is simplified to straight lines of ln lr.
const SCHEDULE_SAMPLES: f64 = 40.0;

impl ControlledLatentOde {
    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or holds another form of model.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        form::load(path.as_ref(), ModelKind::Controlled)
    }

    /// Number of models in the ensemble.
    pub fn members(&self) -> usize {
        self.0.networks.len()
    }

    /// Its sizes.
    pub fn architecture(&self) -> Architecture {
        self.0.header.architecture
    }

    /// Its units.
    pub fn scaler(&self) -> &Scaler {
        &self.0.header.scaler
    }

    /// The final reward of the run under each schedule, `[schedule * members + member]`: the validation metric in the
    /// model's units, with the sign that makes larger better. `observed` are the points so far; the schedules apply from
    /// `now` (progress in [0, 1)) on.
    pub fn final_rewards(&self, observed: &[Point], total_steps: u64, now: f64, schedules: &[Schedule]) -> Vec<f64> {
        self.rewards_from(observed, total_steps, now)(schedules)
    }

    /// [`Self::final_rewards`] of one run under any schedules; the points are encoded once.
    fn rewards_from(&self, observed: &[Point], total_steps: u64, now: f64) -> impl Fn(&[Schedule]) -> Vec<f64> {
        let asked = self.asked(observed, total_steps, now);
        let latents = self.0.encode(&self.0.networks, &asked.window, Order::OfTime);
        move |schedules| {
            let controls: Vec<Control> =
                schedules.par_iter().map(|schedule| self.control_of(&asked, schedule)).collect();
            let sign = self.0.header.metric.direction.sign();
            let metrics = self.0.final_metrics(&self.0.networks, &latents, &controls);
            metrics.into_iter().map(|metric| sign * metric).collect()
        }
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
        let asked = self.asked(observed, total_steps, now);
        let control = self.control_of(&asked, schedule);
        let times: Vec<f64> = progress.iter().map(|at| at * self.0.header.scaler.time_scale).collect();
        let latents = self.0.encode(&self.0.networks, &asked.window, Order::OfTime);
        self.0.curves(&self.0.networks, &latents, &control, &times)
    }

    /// Final metric in the model's units, one a network, for the rest of a run under `control`.
    fn final_metrics(&self, networks: &[Network<f32>], window: &[SeriesPoint], control: &Control) -> Vec<f64> {
        let latents = self.0.encode(networks, window, Order::OfTime);
        self.0.final_metrics(networks, &latents, std::slice::from_ref(control))
    }

    /// A question about a run. Where the metric should have been measured and was not yet, nothing is read and the whole run is solved,
    /// under the rates that it had.
    fn asked(&self, observed: &[Point], total_steps: u64, now: f64) -> Asked {
        let (series, start) = self.window(observed, total_steps, now);
        if !self.is_missed_in(&series.points) {
            return Asked { window: series.points, start, past: Vec::new() };
        }
        let total = total_steps.max(1) as f64;
        let rate = |point: &Point| point.learning_rate.filter(|rate| *rate > 0.0 && rate.is_finite());
        let knot = |point: &Point| Some(Knot { progress: point.step as f64 / total, learning_rate: rate(point)? });
        let past: Vec<Knot> = observed.iter().filter_map(knot).filter(|knot| knot.progress < now).collect();
        Asked { window: Vec::new(), start: 0.0, past }
    }

    fn is_missed_in(&self, window: &[SeriesPoint]) -> bool {
        self.0.header.density.is_some_and(|density| density.is_missed_in(window))
    }

    /// What drives the run that was asked about, if it follows `schedule` from here on.
    fn control_of(&self, asked: &Asked, schedule: &Schedule) -> Control {
        let Some(last) = asked.past.last() else { return self.control(schedule, asked.start) };
        let samples = (0..=SCHEDULE_SAMPLES as usize).map(|k| {
            let progress = last.progress + (1.0 - last.progress) * k as f64 / SCHEDULE_SAMPLES;
            Knot { progress, learning_rate: schedule.learning_rate(progress) }
        });
        let knots = asked.past.iter().copied().chain(samples.skip(1)).collect();
        self.control(&Schedule::PiecewiseLinear { knots }, asked.start)
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
        let rate = |time: f64| schedule.learning_rate(time / end);
        let knots: &[Knot] = if let Schedule::PiecewiseLinear { knots } = schedule { knots } else { &[] };
        let inside = |&(time, _): &(f64, f64)| time > start + 1e-9 * end && time < end;
        let inner = knots.iter().map(|knot| (knot.progress * end, knot.learning_rate)).filter(inside);
        let mut joints = Vec::with_capacity(knots.len() + 2);
        joints.push((start, rate(start)));
        joints.extend(inner);
        joints.push((end, rate(end)));
        let sample = |time: f64, rate: f64| (time, scaler.learning_rate.standardise(rate));
        let mut samples = Vec::with_capacity(joints.len() + SCHEDULE_SAMPLES as usize);
        samples.push(sample(start, joints[0].1));
        for pair in joints.windows(2) {
            // Between its joints too the logarithm of a schedule is bent, but not by much over a short piece.
            let ((from, low), (to, high)) = (pair[0], pair[1]);
            let parts = (SCHEDULE_SAMPLES * (to - from) / (end - start)).round().max(1.0);
            samples.extend((1..parts as usize).map(|k| {
                let part = k as f64 / parts;
                let time = from + (to - from) * part;
                sample(time, if knots.is_empty() { rate(time) } else { low + (high - low) * part })
            }));
            samples.push(sample(to, high));
        }
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

    fn outlook<'a>(&'a self, observed: &'a [Point], total_steps: u64, now: f64) -> Result<Outlook<'a>> {
        let rewards = self.rewards_from(observed, total_steps, now);
        Ok(Box::new(move |schedules| Ok(rewards(schedules))))
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

impl Form for ControlledLatentOde {
    fn metric(&self) -> &Metric {
        &self.0.header.metric
    }

    fn experience(&self) -> &Experience {
        &self.0.header.experience
    }

    fn record(&self) -> &FitRecord {
        &self.0.header.record
    }

    fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    fn members(&self) -> usize {
        self.members()
    }

    fn forecast(
        &self,
        observed: &[Point],
        total_steps: u64,
        now: f64,
        schedule: Option<&Schedule>,
    ) -> Result<Forecast> {
        let Some(schedule) = schedule else {
            return Err(Error::Window {
                reason: "the controlled model answers for a schedule: say which one to follow from here on".to_owned(),
            });
        };
        schedule.check()?;
        let scaler = &self.0.header.scaler;
        let progress = grid(now);
        let members = self.curves(observed, total_steps, schedule, &progress);
        let (mut train_loss, mut validation) = (Spread::default(), Spread::default());
        for time in 0..progress.len() {
            // Of what no run recorded nothing is said.
            if !scaler.train_loss.is_of_nothing() {
                train_loss.push(&scaler.train_loss, members.iter().map(|member| member[time][0]), 0.0);
            }
            validation.push(&scaler.validation, members.iter().map(|member| member[time][1]), 0.0);
        }
        let last = members.iter().filter_map(|member| member.last()).map(|values| values[1]);
        let expected = Expected::of_members(last, &self.0.header.record.miss_of_all(now));
        Ok(Forecast {
            learning_rate: progress.iter().map(|&at| schedule.learning_rate(at)).collect(),
            train_loss,
            validation,
            final_validation: Interval::natural(&scaler.validation, &expected),
            outside_experience: None,
            progress,
        })
    }

    fn validation(&self) -> Column {
        self.0.header.scaler.validation
    }

    fn witness<'a>(&'a self, sweep: &'a Sweep, metric: usize) -> Box<dyn Witness + 'a> {
        let predict = |case: &Case<'a>, fraction: f64| {
            let header = &self.0.header;
            let points = &case.series.points;
            let until = fraction * header.scaler.time_scale + 1e-9;
            let observed = points.iter().filter(|point| point.time <= until).count();
            let observed = if fraction <= 0.0 { 0 } else { observed.min(points.len() - 1) };
            let now = if observed == 0 { case.series.control.start } else { points[observed - 1].time };
            let reach = now - header.window * header.scaler.time_scale - 1e-9;
            let window: Vec<SeriesPoint> =
                points[..observed].iter().filter(|point| point.time > reach).copied().collect();
            if self.is_missed_in(&window) {
                return Some(self.final_metrics(&case.networks, &[], &case.series.control));
            }
            Some(self.final_metrics(&case.networks, &window, &case.series.control.after(now)))
        };
        Box::new(EnsembleWitness::new(&self.0, sweep, metric, predict))
    }

    fn into_forecaster(self) -> Forecaster {
        Forecaster::controlled(self)
    }

    fn to_bytes(&self) -> std::result::Result<Vec<u8>, String> {
        self.0.to_bytes(ModelKind::Controlled)
    }

    fn read(header: &str, tensors: Tensors) -> std::result::Result<Self, String> {
        Ensemble::read(ModelKind::Controlled, header, tensors).map(Self)
    }
}
