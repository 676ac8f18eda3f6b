//! The fit of the controlled model: predict the rest of a run from a random "now" under the recorded rates.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::form::NetworkFit;
use super::sample::{Sample, Windows};
use super::training::Training;
use crate::error::{Result, setting};
use crate::model::ensemble::Ensemble;
use crate::model::series::Series;
use crate::model::{Architecture, ControlledLatentOde, ControlledSizes, Model, Scaler};

/// Settings of the fit of a [`ControlledLatentOde`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ControlledFit {
    /// How its networks are trained.
    #[serde(flatten)]
    pub training: Training,
    /// Their sizes.
    pub sizes: ControlledSizes,
    /// Longest window that the encoder reads, as a fraction of the run.
    pub window: f64,
}

impl Default for ControlledFit {
    fn default() -> Self {
        Self {
            training: Training {
                members: 5,
                iterations: 4500,
                batch_size: 32,
                peak_lr: 0.016,
                tolerance: 1e-3,
                seed: 0,
                metric: None,
                patience: 20,
            },
            sizes: ControlledSizes::default(),
            window: 0.3,
        }
    }
}

impl NetworkFit for ControlledFit {
    type Windows = ControlledWindows;

    fn check(&self) -> Result<()> {
        self.training.check()?;
        Architecture::from(self.sizes).check()?;
        setting("window", self.window, self.window > 0.0 && self.window <= 1.0, "choose a fraction of the run")
    }

    fn training(&self) -> &Training {
        &self.training
    }

    fn training_mut(&mut self) -> &mut Training {
        &mut self.training
    }

    fn architecture(&self) -> Architecture {
        self.sizes.into()
    }

    fn windows(&self, scaler: &Scaler) -> ControlledWindows {
        ControlledWindows { longest: self.window * scaler.time_scale }
    }

    fn longest_window(&self) -> f64 {
        self.window
    }

    fn most_points(&self) -> f64 {
        MOST_POINTS
    }

    fn model(ensemble: Ensemble) -> Model {
        ControlledLatentOde(ensemble).into()
    }

    fn ensemble(model: &Model) -> Option<&Ensemble> {
        if let Model::Controlled(model) = model { Some(&model.0) } else { None }
    }
}

/// Points of a run at most: what a rate does shows over hundredths of a run, and the encoder reads every point.
const MOST_POINTS: f64 = 100.0;
/// Most future points that one sample predicts.
const TARGETS: usize = 32;
/// Fraction of the samples that see nothing of the run.
const UNOBSERVED: f64 = 0.15;
/// Noise on the window's loss and metric, in standard deviations.
const NOISE: f64 = 0.05;
/// Weight of the metric, relative to 1 for the loss; the planner asks for the metric.
const METRIC_WEIGHT: f64 = 2.0;
/// Extra weight of the last measured metric of the run, as a fraction of the whole sample's.
const FINAL_WEIGHT: f64 = 0.25;

/// Windows that end "now"; what is asked for is the rest of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ControlledWindows {
    /// Longest window, in model time.
    longest: f64,
}

impl Windows for ControlledWindows {
    fn draw(&self, series: &Series, random: &mut impl Rng) -> Sample {
        let count = series.points.len();
        let unobserved = random.random::<f64>() < UNOBSERVED;
        // Early moments are favoured: that is when a schedule can still be chosen.
        let early = random.random::<f64>().powf(1.5);
        let observed = if unobserved { 0 } else { 1 + (early * count.saturating_sub(2) as f64) as usize };
        let mut sample = self.seen(series, observed);
        for point in &mut sample.window {
            let noise: [f64; 2] = [StandardNormal.sample(random), StandardNormal.sample(random)];
            point.train_loss += NOISE * noise[0];
            point.validation += NOISE * noise[1];
        }
        sample
    }

    fn seen(&self, series: &Series, observed: usize) -> Sample {
        let observed = observed.min(series.points.len() - 1);
        let points = &series.points;
        let now = if observed == 0 { series.control.start } else { points[observed - 1].time };
        let reach = now - self.longest - 1e-9;
        let window = points[..observed].iter().filter(|point| point.time > reach).copied().collect();
        let rest = points.len() - observed;
        let evenly = |rows: &[usize], count: usize| -> Vec<usize> {
            if rows.len() <= count {
                rows.to_vec()
            } else {
                (1..=count).map(|k| rows[k * rows.len() / count - 1]).collect()
            }
        };
        let rows: Vec<usize> = (observed..points.len()).collect();
        let measured: Vec<usize> = rows.iter().copied().filter(|&row| !points[row].validation.is_nan()).collect();
        let chosen = if measured.len() == rest {
            evenly(&rows, TARGETS)
        } else {
            // The metric is what is asked for, and rarer than losses: its rows come first.
            let mut chosen = evenly(&measured, TARGETS / 2);
            chosen.extend(evenly(&rows, TARGETS - chosen.len()));
            chosen.sort_unstable();
            chosen.dedup();
            chosen
        };
        let last = (observed..points.len()).rev().find(|&index| !points[index].validation.is_nan());
        let most = chosen.len() + 1;
        let mut times = Vec::with_capacity(most);
        let (mut targets, mut weights) = (Vec::with_capacity(2 * most), Vec::with_capacity(2 * most));
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
}
