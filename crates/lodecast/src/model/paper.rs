//! [`PaperLatentOde`]: the paper's model, where the learning rate is one of the decoded columns (section 2).

mod equinox;
#[cfg(test)]
mod parity;

use std::ops::RangeInclusive;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) use equinox::read_equinox;

use super::ensemble::{Ensemble, Header, Order};
use super::ensemble_witness::{Case, EnsembleWitness};
use super::expected::Expected;
use super::file::Tensors;
use super::forecast::grid;
use super::form;
use super::pass::{Network, Pass, Task};
use super::series::Series;
use super::witness::Witness;
use super::{
    Architecture, Column, Curve, FitRecord, Forecast, Forecaster, Form, Interval, ModelKind, PaperForecaster, Scaler,
    Spread,
};
use crate::data::{Direction, Metric, Point, Schedule, Sweep};
use crate::error::{Error, Result};
use crate::experience::Experience;
use crate::kernels::lanes::{Dispatch, LaneKernel, Lanes};
use crate::kernels::ode::Control;

/// Typical error of a model that nothing is known about.
const UNKNOWN_ERROR: f64 = 0.15;

/// Sizes of the network of a [`PaperLatentOde`] (method section 2): as many hidden units as the state of the differential
/// equation has, and a linear decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PaperSizes {
    /// State of the GRU and of the differential equation, which one matrix maps to the latent space.
    pub hidden: usize,
    /// Bottleneck.
    pub latent: usize,
    /// Width of hidden layers.
    pub width: usize,
    /// Hidden layers of the vector field and of the perceptron from latent to state.
    pub depth: usize,
}

impl Default for PaperSizes {
    fn default() -> Self {
        Self { hidden: 20, latent: 20, width: 20, depth: 2 }
    }
}

impl From<PaperSizes> for Architecture {
    /// For `[loss, ln lr, metric]` with flags for a missing loss or metric; all three are decoded.
    fn from(sizes: PaperSizes) -> Self {
        let PaperSizes { hidden, latent, width, depth } = sizes;
        Self { inputs: 6, outputs: 3, hidden, latent, state: hidden, width, depth, decoder_depth: 0, controlled: false }
    }
}

/// An ensemble of path-minimised latent ODEs.
#[derive(Clone, Debug)]
pub struct PaperLatentOde(pub(crate) Ensemble);

impl PaperLatentOde {
    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or holds another form of model.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        form::load(path.as_ref(), ModelKind::Paper)
    }

    /// Reads a model file of the authors' implementation (`.eqx`). It works on raw columns and on point indices:
    /// `points_per_run` says how many points a run of its sweep had (600 in the paper).
    ///
    /// # Errors
    /// If the file cannot be read or is no such model.
    pub fn import_reference(
        path: impl AsRef<Path>,
        metric: Metric,
        points_per_run: u32,
        experience: Experience,
    ) -> Result<Self> {
        let path = path.as_ref();
        if points_per_run < 2 {
            return Err(Error::Setting {
                name: "points_per_run",
                value: points_per_run.to_string(),
                remedy: "say how many points a run of the model's sweep had, for example 600",
            });
        }
        let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let reference = read_equinox(&bytes, path)?;
        let fail = |reason: &str| Error::ModelFile { path: path.to_owned(), reason: reason.to_owned() };
        let Architecture { inputs, outputs, .. } = reference.architecture;
        if (inputs, outputs) != (4, 3) {
            return Err(fail("it does not read and predict the three columns loss, ln learning rate, metric"));
        }
        let identity = Column::identity();
        let scaler = Scaler {
            time_scale: f64::from(points_per_run),
            points_per_run: f64::from(points_per_run),
            train_loss: identity,
            learning_rate: Column { transform: super::Transform::Log, ..identity },
            validation: identity,
        };
        let header = Header {
            architecture: reference.architecture,
            scaler,
            metric,
            window: 1.0,
            tolerance: 1e-5,
            first_step: reference.first_step,
            experience,
            record: FitRecord { residuals: vec![(0.0, UNKNOWN_ERROR)], ..FitRecord::default() },
            density: None,
        };
        Ok(Self(Ensemble::new(header, vec![reference.parameters], Vec::new())))
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

    /// Latent vector of member `member` for a window of points, which may come from anywhere in a run.
    ///
    /// # Errors
    /// If the window holds nothing measured, or there is no such member.
    pub fn encode(&self, member: usize, window: &[Point], total_steps: u64) -> Result<Vec<f64>> {
        self.encode_with(self.network(member)?, window, total_steps)
    }

    fn network(&self, member: usize) -> Result<&Network<f32>> {
        self.0.networks.get(member).ok_or_else(|| Error::Setting {
            name: "member",
            value: member.to_string(),
            remedy: "members count from 0 up to the model's number of members",
        })
    }

    /// As [`Self::encode`], with one of the ensemble's networks.
    fn encode_with(&self, network: &Network<f32>, window: &[Point], total_steps: u64) -> Result<Vec<f64>> {
        let series = Series::observed(window, total_steps, &self.0.header.scaler);
        if series.points.iter().all(|point| point.train_loss.is_nan() && point.validation.is_nan()) {
            return Err(Error::Window { reason: "nothing finite was measured in it yet".to_owned() });
        }
        let latents = self.0.encode(std::slice::from_ref(network), &series.points, Order::AgainstTime);
        Ok(latents.into_iter().flatten().map(f64::from).collect())
    }

    /// Curves that member `member` decodes from latent vectors, at times `progress` (fractions of the run, not decreasing;
    /// beyond 1 the model extrapolates).
    ///
    /// # Errors
    /// If there is no such member, a latent vector has another size than the model's, or times decrease.
    pub fn decode(&self, member: usize, latents: &[Vec<f64>], progress: &[f64]) -> Result<Vec<Curve>> {
        let size = self.0.header.architecture.latent;
        if let Some(latent) = latents.iter().find(|latent| latent.len() != size) {
            let remedy = "give latent vectors of the model's own size, as encode does";
            return Err(Error::Setting { name: "latent size", value: latent.len().to_string(), remedy });
        }
        if !progress.is_sorted() {
            let value = format!("{progress:?}");
            return Err(Error::Setting { name: "progress", value, remedy: "give times that do not decrease" });
        }
        Ok(self.decode_with(self.network(member)?, latents, progress))
    }

    /// As [`Self::decode`], with one of the ensemble's networks.
    fn decode_with(&self, network: &Network<f32>, latents: &[Vec<f64>], progress: &[f64]) -> Vec<Curve> {
        f32::dispatch(Decode { ensemble: &self.0, network, latents, progress })
    }
}

impl PaperLatentOde {
    /// Typical error of a decoded value, in the model's units: what the fit left on held-out runs.
    fn typical_error(&self) -> f64 {
        let losses = &self.0.header.record.held_out_loss;
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        // The loss is half the mean square, and a little for the path.
        if mean.is_finite() { (2.0 * mean).sqrt().clamp(0.03, 0.5) } else { UNKNOWN_ERROR }
    }

    fn range(&self, column: &Column, value: f64, deviations: f64) -> RangeInclusive<f64> {
        let (middle, reach) = (column.standardise(value), deviations * self.typical_error());
        let ends = [column.natural(middle - reach), column.natural(middle + reach)];
        ends[0].min(ends[1])..=ends[0].max(ends[1])
    }
}

impl PaperForecaster for PaperLatentOde {
    fn members(&self) -> usize {
        self.members()
    }

    fn encode(&self, member: usize, window: &[Point], total_steps: u64) -> Result<Vec<f64>> {
        self.encode(member, window, total_steps)
    }

    fn decode(&self, member: usize, latents: &[Vec<f64>], progress: &[f64]) -> Result<Vec<Curve>> {
        self.decode(member, latents, progress)
    }

    fn loss_range(&self, loss: f64, deviations: f64) -> RangeInclusive<f64> {
        self.range(&self.0.header.scaler.train_loss, loss, deviations)
    }

    fn validation_range(&self, validation: f64, deviations: f64) -> RangeInclusive<f64> {
        self.range(&self.0.header.scaler.validation, validation, deviations)
    }

    fn direction(&self) -> Direction {
        self.0.header.metric.direction
    }

    fn experience(&self) -> &Experience {
        &self.0.header.experience
    }

    fn fingerprint(&self) -> String {
        self.0.fingerprint.clone()
    }
}

impl Form for PaperLatentOde {
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

    fn forecast(&self, observed: &[Point], total_steps: u64, now: f64, _: Option<&Schedule>) -> Result<Forecast> {
        let scaler = &self.0.header.scaler;
        let progress = grid(0.0);
        let mut curves = Vec::with_capacity(self.0.networks.len());
        for network in &self.0.networks {
            let latent = self.encode_with(network, observed, total_steps)?;
            curves.extend(self.decode_with(network, &[latent], &progress));
        }
        let (mut train_loss, mut rate, mut validation) = (Spread::default(), Spread::default(), Spread::default());
        for time in 0..progress.len() {
            let standardised = |column: Column, pick: fn(&Curve) -> &Vec<f64>| {
                let values: Vec<f64> = curves.iter().map(|curve| column.standardise(pick(curve)[time])).collect();
                values
            };
            // Of what no run recorded nothing is said.
            if !scaler.train_loss.is_of_nothing() {
                let losses = standardised(scaler.train_loss, |curve| &curve.train_loss);
                train_loss.push(&scaler.train_loss, losses.into_iter(), 0.0);
            }
            rate.push(&scaler.learning_rate, standardised(scaler.learning_rate, |c| &c.learning_rate).into_iter(), 0.0);
            validation.push(&scaler.validation, standardised(scaler.validation, |c| &c.validation).into_iter(), 0.0);
        }
        let finals = curves.iter().filter_map(|curve| curve.validation.last());
        let finals: Vec<f64> = finals.map(|&value| scaler.validation.standardise(value)).collect();
        let expected = Expected::of_members(finals.into_iter(), &self.0.header.record.miss_of_all(now));
        Ok(Forecast {
            learning_rate: rate.mean,
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
        let scaler = &self.0.header.scaler;
        let predict = move |case: &Case<'a>, fraction: f64| {
            let total_steps = case.run.total_steps();
            let until = fraction * total_steps as f64;
            let observed: Vec<Point> = case.run.points(metric).filter(|point| point.step as f64 <= until).collect();
            let end = case.series.points.last()?.time / scaler.time_scale;
            let value = |network: &Network<f32>| {
                let latent = self.encode_with(network, &observed, total_steps).ok()?;
                let curve = self.decode_with(network, &[latent], &[end]).pop()?;
                curve.validation.last().map(|&value| scaler.validation.standardise(value))
            };
            case.networks.iter().map(value).collect()
        };
        Box::new(EnsembleWitness::new(&self.0, sweep, metric, predict))
    }

    fn into_forecaster(self) -> Forecaster {
        Forecaster::paper(self)
    }

    fn to_bytes(&self) -> std::result::Result<Vec<u8>, String> {
        self.0.to_bytes(ModelKind::Paper)
    }

    fn read(header: &str, tensors: Tensors) -> std::result::Result<Self, String> {
        Ensemble::read(ModelKind::Paper, header, tensors).map(Self)
    }
}

struct Decode<'a> {
    ensemble: &'a Ensemble,
    network: &'a Network<f32>,
    latents: &'a [Vec<f64>],
    progress: &'a [f64],
}

impl LaneKernel<f32> for Decode<'_> {
    type Output = Vec<Curve>;

    fn run<L: Lanes<Real = f32>>(self) -> Vec<Curve> {
        let header = &self.ensemble.header;
        let scaler = &header.scaler;
        let network = self.network;
        let end = self.progress.last().copied().unwrap_or(1.0).max(1e-6) * scaler.time_scale;
        let times: Vec<L> = self.progress.iter().map(|&at| L::constant(at.max(0.0) * scaler.time_scale)).collect();
        let chunks: Vec<Vec<Curve>> = self
            .latents
            .par_chunks(L::COUNT)
            .map_init(
                || (Pass::<L>::default(), Task::<L>::default()),
                |(pass, task), latents| {
                    task.times.clone_from(&times);
                    task.controls.clear();
                    task.controls.resize(latents.len(), Control::none(0.0, end));
                    let size = latents.first().map_or(0, Vec::len);
                    let latent: Vec<L> = (0..size)
                        .map(|j| L::from_fn(|lane| latents.get(lane).map_or(0.0, |latent| latent[j])))
                        .collect();
                    let values = pass.decode(network, task, &latent, self.ensemble.tolerances(), false);
                    let width = network.values();
                    let column = |lane: usize, output: usize, column: &Column| {
                        let rows = values.chunks_exact(width);
                        rows.map(|row| column.natural(f64::from(row[output].lanes()[lane]))).collect()
                    };
                    (0..latents.len())
                        .map(|lane| Curve {
                            train_loss: column(lane, 0, &scaler.train_loss),
                            learning_rate: column(lane, 1, &scaler.learning_rate),
                            validation: column(lane, 2, &scaler.validation),
                        })
                        .collect()
                },
            )
            .collect();
        chunks.into_iter().flatten().collect()
    }
}
