//! The fit of the paper's model: reconstruct a whole run from a window of it, along a short path (method section 2).

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::form::NetworkFit;
use super::sample::{Sample, Windows};
use super::training::Training;
use crate::error::{Result, setting};
use crate::kernels::ode::Control;
use crate::model::ensemble::Ensemble;
use crate::model::series::{Series, SeriesPoint};
use crate::model::{Architecture, Model, PaperLatentOde, PaperSizes, Scaler};

/// Settings of the fit of a [`PaperLatentOde`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PaperFit {
    /// How its networks are trained.
    #[serde(flatten)]
    pub training: Training,
    /// Their sizes.
    pub sizes: PaperSizes,
    /// Weight of the path length.
    pub alpha: f64,
}

impl Default for PaperFit {
    fn default() -> Self {
        Self {
            training: Training {
                members: 4,
                iterations: 2000,
                batch_size: 64,
                peak_lr: 0.02,
                tolerance: 1e-4,
                seed: 0,
                metric: None,
                patience: 20,
            },
            sizes: PaperSizes::default(),
            alpha: 0.01,
        }
    }
}

impl NetworkFit for PaperFit {
    type Windows = PaperWindows;

    fn check(&self) -> Result<()> {
        self.training.check()?;
        Architecture::from(self.sizes).check()?;
        setting("alpha", self.alpha, (0.0..=1e6).contains(&self.alpha), "choose a weight of at least 0")
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

    fn windows(&self, _: &Scaler) -> PaperWindows {
        PaperWindows { alpha: self.alpha }
    }

    fn most_points(&self) -> f64 {
        MOST_POINTS
    }

    fn model(ensemble: Ensemble) -> Model {
        PaperLatentOde(ensemble).into()
    }

    fn ensemble(model: &Model) -> Option<&Ensemble> {
        if let Model::Paper(model) = model { Some(&model.0) } else { None }
    }
}

/// Points of a run at most; the paper logs 600.
const MOST_POINTS: f64 = 1000.0;
/// Fraction of the windows that are whole runs.
const WHOLE: f64 = 0.2;

/// Windows from anywhere in a run; what is asked for is the whole run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaperWindows {
    alpha: f64,
}

impl PaperWindows {
    /// A whole run to be reconstructed from the points in `window`.
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

impl Windows for PaperWindows {
    fn draw(&self, series: &Series, random: &mut impl Rng) -> Sample {
        let count = series.points.len();
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

    fn seen(&self, series: &Series, observed: usize) -> Sample {
        let points = series.points.len();
        Self::whole(series, 0..observed.max(2).min(points))
    }

    fn path_weight(&self) -> f64 {
        self.alpha
    }
}
