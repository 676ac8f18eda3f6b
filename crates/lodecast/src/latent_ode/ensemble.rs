//! What both models are made of: an ensemble of parameter vectors, their scaler and what they were fitted on.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::file::{self, Tensors};
use super::pass::Network;
use super::{Architecture, Scaler};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::fit::ModelKind;
use crate::plan::Experience;
use crate::run::Metric;

/// Version of the model file that this crate writes.
const FORMAT: u32 = 1;

/// Everything in a model file but the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Set by [`Ensemble::new`], like the number of members.
    pub(crate) format: u32,
    pub(crate) kind: ModelKind,
    pub(crate) architecture: Architecture,
    pub(crate) members: usize,
    pub(crate) scaler: Scaler,
    pub(crate) metric: Metric,
    /// Longest window the encoder was fitted on, as a fraction of the run.
    pub(crate) window: f64,
    /// Tolerance of the solver.
    pub(crate) tolerance: f64,
    /// First step of the solver in model time.
    pub(crate) first_step: f64,
    pub(crate) experience: Experience,
    pub(crate) record: FitRecord,
}

/// How a model came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FitRecord {
    /// Fingerprint of the sweep.
    pub sweep: String,
    /// Runs learned from.
    pub runs: usize,
    /// Their points.
    pub points: usize,
    /// Optimizer steps of each member.
    pub iterations: u64,
    /// Seed.
    pub seed: u64,
    /// Loss of each member on the configurations it did not see; empty where none were held out.
    pub held_out_loss: Vec<f64>,
    /// Configurations that each member did not see in its first cycle, on which it was measured.
    pub held_out: Vec<Vec<String>>,
    /// Configurations learned from.
    #[serde(default)]
    pub learned: Vec<String>,
    /// Root mean square error of the final metric on held-out configurations, in the model's units, after the first
    /// `fraction` of a run: `(fraction, error)`, fractions increasing.
    #[serde(default)]
    pub residuals: Vec<(f64, f64)>,
    /// Seconds the fit took.
    pub seconds: f64,
}

impl FitRecord {
    /// Error to expect of the final metric after `progress` of a run, interpolated; 0 where nothing was held out.
    pub fn residual(&self, progress: f64) -> f64 {
        let after = self.residuals.partition_point(|&(fraction, _)| fraction <= progress);
        match (after.checked_sub(1).and_then(|at| self.residuals.get(at)), self.residuals.get(after)) {
            (Some(left), Some(right)) => left.1 + (right.1 - left.1) * (progress - left.0) / (right.0 - left.0),
            (Some(only), None) | (None, Some(only)) => only.1,
            (None, None) => 0.0,
        }
    }
}

/// An ensemble in memory, its parameters packed for the solver.
#[derive(Clone, Debug)]
pub(crate) struct Ensemble {
    pub(crate) header: Header,
    pub(crate) parameters: Vec<Vec<f64>>,
    pub(crate) networks: Vec<Network<f32>>,
    /// The members before they saw the configurations that were held out from them; empty for models from elsewhere.
    held_out_parameters: Vec<Vec<f64>>,
    pub(crate) held_out_networks: Vec<Network<f32>>,
    pub(crate) fingerprint: String,
}

impl Ensemble {
    /// An ensemble of `parameters`; `held_out_parameters` are the members' before they saw everything.
    pub(crate) fn new(mut header: Header, parameters: Vec<Vec<f64>>, held_out_parameters: Vec<Vec<f64>>) -> Self {
        header.format = FORMAT;
        header.members = parameters.len();
        Self::packed(header, parameters, held_out_parameters)
    }

    fn packed(header: Header, parameters: Vec<Vec<f64>>, held_out_parameters: Vec<Vec<f64>>) -> Self {
        let pack = |all: &[Vec<f64>]| all.iter().map(|one| Network::new(header.architecture, one)).collect();
        let (networks, held_out_networks) = (pack(&parameters), pack(&held_out_parameters));
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(header.kind.name().as_bytes());
        for value in parameters.iter().flatten() {
            fingerprint.add(&value.to_le_bytes());
        }
        let fingerprint = fingerprint.finish();
        Self { header, parameters, networks, held_out_parameters, held_out_networks, fingerprint }
    }

    /// Tolerances of the solver.
    pub(crate) fn tolerances(&self) -> crate::ode::Tolerances {
        let tolerance = self.header.tolerance;
        let time_scale = self.header.scaler.time_scale;
        crate::ode::Tolerances { first_step: self.header.first_step, ..crate::fit::tolerances(tolerance, time_scale) }
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = Tensors::default();
        for (kind, all) in [(MEMBER, &self.parameters), (HELD_OUT, &self.held_out_parameters)] {
            for (member, parameters) in all.iter().enumerate() {
                for tensor in self.header.architecture.tensors() {
                    let values = parameters[tensor.offset..tensor.offset + tensor.len()].to_vec();
                    tensors.push(format!("{kind}.{member}.{}", tensor.name), &tensor.shape, values);
                }
            }
        }
        file::write(path, &self.header, &tensors)
    }

    pub(crate) fn load(path: &Path) -> Result<Self> {
        let (header, tensors) = file::read::<Header>(path)?;
        Self::assemble(header, tensors).map_err(|reason| Error::ModelFile { path: path.to_owned(), reason })
    }

    /// From the bytes of a model file; for fuzzing and for those who keep models elsewhere.
    pub(crate) fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, String> {
        let (header, tensors) = file::parse::<Header>(bytes)?;
        Self::assemble(header, tensors)
    }

    fn assemble(header: Header, mut tensors: Tensors) -> std::result::Result<Self, String> {
        if header.format != FORMAT {
            return Err(format!(
                "its format is {}, this version of lodecast reads {FORMAT}; fit it again",
                header.format
            ));
        }
        header.architecture.check().map_err(|error| error.to_string())?;
        let expected = if header.kind == ModelKind::Controlled { (true, 2) } else { (false, 3) };
        let found = (header.architecture.controlled, header.architecture.outputs);
        if found != expected || !(4..=6).contains(&header.architecture.inputs) || header.architecture.inputs == 5 {
            return Err(format!("its sizes are not those of a {} model", header.kind));
        }
        if header.members == 0 || header.members > tensors.0.len() {
            return Err(format!("it announces {} members", header.members));
        }
        let scaler = &header.scaler;
        let columns = [scaler.train_loss, scaler.learning_rate, scaler.validation];
        let sound = columns.iter().all(|column| {
            column.mean.is_finite()
                && column.scale > 0.0
                && column.scale.is_finite()
                && column.range.0 <= column.range.1
        });
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let settings = [scaler.time_scale, scaler.points_per_run, header.window, header.tolerance, header.first_step];
        if !sound || !settings.into_iter().all(positive) {
            return Err("its scaler or solver settings are not usable numbers; fit it again".to_owned());
        }
        header.experience.check()?;
        let mut take = |kind: &str| -> std::result::Result<Vec<Vec<f64>>, String> {
            let mut parameters = Vec::with_capacity(header.members);
            for member in 0..header.members {
                let mut all = Vec::with_capacity(header.architecture.parameters());
                for tensor in header.architecture.tensors() {
                    let name = format!("{kind}.{member}.{}", tensor.name);
                    all.extend(tensors.take(&name, &tensor.shape)?);
                }
                if let Some(value) = all.iter().find(|value| !value.is_finite()) {
                    return Err(format!("{kind} {member} contains {value}; fit it again"));
                }
                parameters.push(all);
            }
            Ok(parameters)
        };
        let parameters = take(MEMBER)?;
        let held_out_parameters = if header.record.held_out.is_empty() { Vec::new() } else { take(HELD_OUT)? };
        Ok(Self::packed(header, parameters, held_out_parameters))
    }
}

/// Prefixes of the tensors in a model file.
const MEMBER: &str = "member";
const HELD_OUT: &str = "held_out";
