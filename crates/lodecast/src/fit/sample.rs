//! What one lane of a batch learns from: a window of a run, and what the model should make of it.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::settings::{FitSettings, ModelKind};
use crate::latent_ode::Scaler;
use crate::latent_ode::series::{Series, SeriesPoint};
use crate::ode::Control;

/// A window to encode, the control from then on, and the values to predict.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Points in the order in which the encoder reads them.
    pub(crate) window: Vec<SeriesPoint>,
    pub(crate) control: Control,
    pub(crate) times: Vec<f64>,
    /// `times x outputs`.
    pub(crate) targets: Vec<f64>,
    /// Weight of each target; 0 where nothing was measured. They sum to about one over a sample.
    pub(crate) weights: Vec<f64>,
}

/// Most future points that one sample of the controlled model predicts.
const TARGETS: usize = 32;
/// Fraction of the samples that see nothing of the run.
const UNOBSERVED: f64 = 0.15;
/// Noise on the window's loss and metric, in standard deviations.
const NOISE: f64 = 0.05;
/// Weight of the metric, relative to 1 for the loss; the planner asks for the metric.
const METRIC_WEIGHT: f64 = 2.0;
/// Extra weight of the last measured metric of the run, as a fraction of the whole sample's.
const FINAL_WEIGHT: f64 = 0.25;
/// Fraction of the paper's windows that are whole runs.
const WHOLE: f64 = 0.2;

/// Draws samples from series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampler<'a> {
    pub(crate) settings: &'a FitSettings,
    pub(crate) scaler: &'a Scaler,
}

impl Sampler<'_> {
    /// A random window of `series`.
    pub(crate) fn draw(&self, series: &Series, random: &mut impl Rng) -> Sample {
        let count = series.points.len();
        match self.settings.kind {
            ModelKind::Controlled => {
                let unobserved = random.random::<f64>() < UNOBSERVED;
                // Early moments are favoured: that is when a schedule can still be chosen.
                let early = random.random::<f64>().powf(1.5);
                let observed = if unobserved { 0 } else { 1 + (early * (count - 2) as f64) as usize };
                let mut sample = self.future(series, observed.min(count - 1));
                for point in &mut sample.window {
                    let noise: [f64; 2] = [StandardNormal.sample(random), StandardNormal.sample(random)];
                    point.train_loss += NOISE * noise[0];
                    point.validation += NOISE * noise[1];
                }
                sample
            }
            ModelKind::LatentOde => {
                let whole = random.random::<f64>() < WHOLE;
                let length = random.random::<f64>().powi(2);
                let start = random.random::<f64>();
                let from_start = random.random::<f64>() < 0.5;
                if whole {
                    return Self::whole(series, 0..count);
                }
                let least = (count / 20).max(2).min(count);
                let length = least + (length * (count - least) as f64) as usize;
                let start = if from_start { 0 } else { (start * (count - length) as f64) as usize };
                Self::whole(series, start..start + length)
            }
        }
    }

    /// The rest of a run after its first `observed` points, for the controlled model.
    pub(crate) fn future(&self, series: &Series, observed: usize) -> Sample {
        let points = &series.points;
        let now = if observed == 0 { series.control.start } else { points[observed - 1].time };
        let reach = now - self.settings.window * self.scaler.time_scale - 1e-9;
        let window = points[..observed].iter().filter(|point| point.time > reach).copied().collect();
        let rest = points.len() - observed;
        let chosen: Vec<usize> = if rest <= TARGETS {
            (observed..points.len()).collect()
        } else {
            (1..=TARGETS).map(|k| observed + k * rest / TARGETS - 1).collect()
        };
        let last = (observed..points.len()).rev().find(|&index| !points[index].validation.is_nan());
        let mut times = Vec::new();
        let (mut targets, mut weights) = (Vec::new(), Vec::new());
        for &index in chosen.iter().chain(last.iter().filter(|last| !chosen.contains(last))) {
            let point = points[index];
            times.push(point.time);
            for (value, weight) in [(point.train_loss, 1.0), (point.validation, METRIC_WEIGHT)] {
                targets.push(if value.is_nan() { 0.0 } else { value });
                weights.push(if value.is_nan() { 0.0 } else { weight });
            }
        }
        let total: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight *= (1.0 - FINAL_WEIGHT) / total.max(1e-9);
        }
        if let Some(last) = last
            && let Some(at) = times.iter().position(|&time| time == points[last].time)
        {
            weights[2 * at + 1] += FINAL_WEIGHT;
        }
        // A last metric that was appended out of order goes where it belongs.
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
        let pairs = |values: &[f64]| order.iter().flat_map(|&at| [values[2 * at], values[2 * at + 1]]).collect();
        Sample {
            window,
            control: series.control.after(now),
            targets: pairs(&targets),
            weights: pairs(&weights),
            times: order.iter().map(|&at| times[at]).collect(),
        }
    }

    /// A whole run to be reconstructed from the points in `window`, for the paper's model.
    pub(crate) fn whole(series: &Series, window: std::ops::Range<usize>) -> Sample {
        let points = &series.points;
        let columns = |point: &SeriesPoint| [point.train_loss, point.learning_rate, point.validation];
        let measured = points.iter().flat_map(columns).filter(|value| !value.is_nan()).count();
        let weight = 1.0 / measured.max(1) as f64;
        let values = || points.iter().flat_map(columns);
        let end = points.last().map_or(0.0, |point| point.time);
        Sample {
            window: points[window].iter().rev().copied().collect(),
            control: Control::none(0.0, end.max(1e-6)),
            times: points.iter().map(|point| point.time).collect(),
            targets: values().map(|value| if value.is_nan() { 0.0 } else { value }).collect(),
            weights: values().map(|value| if value.is_nan() { 0.0 } else { weight }).collect(),
        }
    }
}
