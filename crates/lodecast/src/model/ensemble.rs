//! What both models are made of: an ensemble of parameter vectors, their scaler and what they were fitted on.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::density::MetricDensity;
use super::file::{self, Tensors};
use super::pass::Network;
use super::series::SeriesPoint;
use super::{Architecture, FitRecord, ModelKind, Scaler};
use crate::data::Metric;
use crate::experience::Experience;
use crate::fingerprint::Fingerprint;
use crate::kernels::lanes::{Dispatch, LaneKernel, Lanes};
use crate::kernels::ode::Tolerances;

/// Version of the model file that this crate writes.
const FORMAT: u32 = 1;

/// What an ensemble needs to know besides its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) architecture: Architecture,
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
    /// How often the metric was measured in what was learned from; not known of models of earlier versions and from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) density: Option<MetricDensity>,
}

/// The header as it stands in a model file.
#[derive(Serialize, Deserialize)]
struct FileHeader<H> {
    format: u32,
    kind: ModelKind,
    members: usize,
    #[serde(flatten)]
    header: H,
}

/// In which order an encoder reads the points of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    OfTime,
    AgainstTime,
}

/// An ensemble in memory, its parameters packed for the solver.
#[derive(Clone, Debug)]
pub(crate) struct Ensemble {
    pub(crate) header: Header,
    pub(crate) parameters: Vec<Vec<f64>>,
    pub(crate) networks: Vec<Network<f32>>,
    /// See [`Self::held_out_parameters()`].
    held_out_parameters: Vec<Vec<f64>>,
    pub(crate) held_out_networks: Vec<Network<f32>>,
    pub(crate) fingerprint: String,
}

impl Ensemble {
    /// An ensemble of `parameters`; `held_out_parameters` are the members' before they saw everything.
    pub(crate) fn new(header: Header, parameters: Vec<Vec<f64>>, held_out_parameters: Vec<Vec<f64>>) -> Self {
        let pack = |all: &[Vec<f64>]| all.iter().map(|one| Network::new(header.architecture, one)).collect();
        let (networks, held_out_networks) = (pack(&parameters), pack(&held_out_parameters));
        let mut fingerprint = Fingerprint::default();
        let units = (&header.architecture, &header.scaler, &header.metric, header.window, &header.experience);
        fingerprint.add(serde_json::to_string(&units).unwrap_or_default().as_bytes());
        for value in parameters.iter().flatten() {
            fingerprint.add(&value.to_le_bytes());
        }
        let fingerprint = fingerprint.finish();
        Self { header, parameters, networks, held_out_parameters, held_out_networks, fingerprint }
    }

    /// The members' parameters before they saw the configurations that were held out from them; empty for models from elsewhere.
    pub(crate) fn held_out_parameters(&self) -> &[Vec<f64>] {
        &self.held_out_parameters
    }

    /// Tolerances of the solver.
    pub(crate) fn tolerances(&self) -> Tolerances {
        let time_scale = self.header.scaler.time_scale;
        Tolerances { first_step: self.header.first_step, ..tolerances(self.header.tolerance, time_scale) }
    }

    /// The latent vector of a window for each of the networks, which read it in the order of time or against it. It is brought to the
    /// density of the metric that they have learned from.
    pub(crate) fn encode(&self, networks: &[Network<f32>], window: &[SeriesPoint], order: Order) -> Vec<Vec<f32>> {
        let window = self.header.density.map_or(Cow::Borrowed(window), |density| density.alike(window));
        let columns = self.header.architecture.inputs;
        let mut inputs = vec![0.0; window.len() * columns];
        let points = (0..window.len()).map(|place| match order {
            Order::OfTime => &window[place],
            Order::AgainstTime => &window[window.len() - 1 - place],
        });
        for (row, point) in inputs.chunks_exact_mut(columns).zip(points) {
            let write = |column: usize, value: f64| row[column] = value as f32;
            point.write_inputs(self.header.scaler.time_scale, columns > 4, write);
        }
        f32::dispatch(Encoding { networks, inputs: &inputs })
    }

    /// The bytes of the file of a model of this kind.
    pub(crate) fn to_bytes(&self, kind: ModelKind) -> Result<Vec<u8>, String> {
        let mut tensors = Tensors::default();
        for (prefix, all) in [(MEMBER, &self.parameters), (HELD_OUT, &self.held_out_parameters)] {
            for (member, parameters) in all.iter().enumerate() {
                for tensor in self.header.architecture.tensors() {
                    let values = parameters[tensor.offset..tensor.offset + tensor.len()].to_vec();
                    tensors.push(format!("{prefix}.{member}.{}", tensor.name), &tensor.shape, values);
                }
            }
        }
        let header = FileHeader { format: FORMAT, kind, members: self.parameters.len(), header: &self.header };
        file::serialize(&header, &tensors)
    }

    /// From the header and tensors of a file that announces a model of this kind.
    pub(crate) fn read(kind: ModelKind, header: &str, mut tensors: Tensors) -> Result<Self, String> {
        let FileHeader { format, members, header, .. } = file::parse_header::<FileHeader<Header>>(header)?;
        if format != FORMAT {
            return Err(format!("its format is {format}, this version of lodecast reads {FORMAT}; fit it again"));
        }
        header.architecture.check().map_err(|error| error.to_string())?;
        let expected = if kind == ModelKind::Controlled { (true, 2) } else { (false, 3) };
        let found = (header.architecture.controlled, header.architecture.outputs);
        if found != expected || !(4..=6).contains(&header.architecture.inputs) || header.architecture.inputs == 5 {
            return Err(format!("its sizes are not those of a {kind} model"));
        }
        if members == 0 || members > tensors.0.len() {
            return Err(format!("it announces {members} members"));
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
        let mut take = |kind: &str| -> Result<Vec<Vec<f64>>, String> {
            let mut parameters = Vec::with_capacity(members);
            for member in 0..members {
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
        Ok(Self::new(header, parameters, held_out_parameters))
    }
}

struct Encoding<'a> {
    networks: &'a [Network<f32>],
    inputs: &'a [f32],
}

impl LaneKernel<f32> for Encoding<'_> {
    type Output = Vec<Vec<f32>>;

    fn run<L: Lanes<Real = f32>>(self) -> Self::Output {
        self.networks.iter().map(|network| network.encode_window::<L>(self.inputs)).collect()
    }
}

/// Prefixes of the tensors in a model file.
const MEMBER: &str = "member";
const HELD_OUT: &str = "held_out";

/// Tolerances of the solver for a run of `time_scale`.
pub(crate) fn tolerances(tolerance: f64, time_scale: f64) -> Tolerances {
    Tolerances { rtol: tolerance, atol: tolerance, first_step: time_scale / 5.0, max_steps: 2000 }
}
