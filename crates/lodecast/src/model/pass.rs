//! One vector of lanes through the whole network and back: encoder, bottleneck, differential equation, decoder.

use std::sync::OnceLock;

use super::Architecture;
use super::vector_field::NeuralField;
use crate::kernels::lanes::{Lanes, Real};
use crate::kernels::network::gru::{Gru, GruTape};
use crate::kernels::network::gru_window::WindowGru;
use crate::kernels::network::mlp::{Activation, Mlp};
use crate::kernels::ode::{
    Adjoint, BogackiShampine, Control, DenseReader, Problem, Projection, Solution, Statistics, Tolerances, Tsit5,
};

/// The tolerances of a solve with third-order steps. At these it comes out as near the exact solution as fifth-order steps do at
/// `tolerances` themselves: most steps end at a joint of the control, not where the error would have them end.
fn coarser(tolerances: Tolerances) -> Tolerances {
    const FACTOR: f64 = 5.0;
    Tolerances { rtol: FACTOR * tolerances.rtol, atol: FACTOR * tolerances.atol, ..tolerances }
}

/// The network's parameters, packed for lanes of `R`.
#[derive(Clone, Debug)]
pub(crate) struct Network<R> {
    architecture: Architecture,
    gru: Gru<R>,
    /// The encoder of single windows, packed at first use: a fit packs its network anew for every step and has no use for it.
    window_gru: OnceLock<WindowGru<R>>,
    gru_parameters: Vec<f64>,
    start: Vec<R>,
    to_latent: Mlp<R>,
    to_state: Mlp<R>,
    field: NeuralField<R>,
    /// What is read off the solution of the paper's model: columns and latent path. Of others the state itself is read.
    projection: Option<Projection<R>>,
    /// The controlled model's decoder of the state.
    decoder: Option<Mlp<R>>,
}

impl<R: Real> Network<R> {
    /// Packs a flat vector of parameters.
    pub(crate) fn new(architecture: Architecture, parameters: &[f64]) -> Self {
        let at = architecture.offsets();
        let Architecture { inputs, outputs, hidden, latent, state, controlled, .. } = architecture;
        let to_latent_parameters = &parameters[at.to_latent..at.to_state];
        let linear = crate::kernels::network::mlp::MlpShape { inputs: hidden, width: 0, depth: 0, outputs: latent };
        let decoder_parameters = &parameters[at.decoder..at.start];
        let (projection, decoder) = if controlled {
            let shape = architecture.decoder_shape();
            let decoder = Mlp::new(shape, Activation::Softplus, state, decoder_parameters);
            (None, Some(decoder))
        } else {
            let (data_weight, data_bias) = decoder_parameters.split_at(outputs * state);
            let (latent_weight, latent_bias) = to_latent_parameters.split_at(latent * hidden);
            let weight = [data_weight, latent_weight].concat();
            (Some(Projection::new(state, &weight, &[data_bias, latent_bias].concat())), None)
        };
        let start = if controlled { parameters[at.start..at.end].to_vec() } else { vec![0.0; hidden] };
        Self {
            architecture,
            gru: Gru::new(inputs, hidden, &parameters[at.gru..at.to_latent]),
            window_gru: OnceLock::new(),
            gru_parameters: parameters[at.gru..at.to_latent].to_vec(),
            start: start.into_iter().map(R::from_f64).collect(),
            to_latent: Mlp::new(linear, Activation::Relu, hidden, to_latent_parameters),
            to_state: Mlp::new(
                architecture.to_state_shape(),
                Activation::Relu,
                latent,
                &parameters[at.to_state..at.decoder],
            ),
            field: NeuralField::new(architecture.field_shape(), &parameters[at.field..at.gru]),
            projection,
            decoder,
        }
    }

    /// Number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        self.architecture.parameters()
    }

    /// The latent vector of a single window, `points x inputs` in the order of reading.
    pub(crate) fn encode_window<L: Lanes<Real = R>>(&self, inputs: &[R]) -> Vec<R> {
        let Architecture { inputs: columns, hidden, .. } = self.architecture;
        let gru = self.window_gru.get_or_init(|| WindowGru::new(columns, hidden, &self.gru_parameters));
        let hidden = gru.forward::<L>(inputs, &self.start);
        let mut row = vec![L::zero(); self.to_latent.row()];
        for (value, hidden) in row.iter_mut().zip(hidden) {
            *value = L::splat(hidden);
        }
        L::vectorize(
            #[inline(always)]
            || self.to_latent.forward::<L, false>(&mut row),
        );
        row[self.to_latent.output().offset..].iter().map(|value| value.lanes()[0]).collect()
    }

    /// Values that one reading of the trajectory has: decoded columns, then for the paper's model the latent state.
    pub(crate) fn values(&self) -> usize {
        self.decoder.as_ref().map_or(self.readings(), |decoder| decoder.shape().outputs)
    }

    /// Values that are read off the solution at a time.
    fn readings(&self) -> usize {
        self.projection.as_ref().map_or(self.architecture.state, |projection| projection.rows)
    }
}

/// What the lanes read and where they go. Unused lanes have no control and are idle.
#[derive(Clone, Debug)]
pub(crate) struct Task<L> {
    /// Encoder inputs, `points x inputs`, in the order of reading.
    pub(crate) inputs: Vec<L>,
    /// 1 where a lane has a point, else 0.
    pub(crate) active: Vec<L>,
    /// Control of each used lane; its range is the solved range.
    pub(crate) controls: Vec<Control>,
    /// Times at which the trajectory is read, within the solved range and not decreasing.
    pub(crate) times: Vec<L>,
}

impl<L> Default for Task<L> {
    fn default() -> Self {
        Self { inputs: Vec::new(), active: Vec::new(), controls: Vec::new(), times: Vec::new() }
    }
}

/// Working memory of one vector of lanes, kept from call to call.
pub(crate) struct Pass<L> {
    gru_tape: GruTape<L>,
    to_latent_row: Vec<L>,
    to_state_row: Vec<L>,
    solution: Solution<L>,
    reader: DenseReader<L>,
    /// What was read off the solution, `times x rows`.
    readings: Vec<L>,
    reading_adjoints: Vec<L>,
    decoder_rows: Vec<L>,
    values: Vec<L>,
    dense_adjoints: Vec<L>,
    adjoint: Adjoint<L>,
    projection_sums: Vec<L>,
}

impl<L: Lanes> Default for Pass<L> {
    fn default() -> Self {
        Self {
            gru_tape: GruTape::default(),
            to_latent_row: Vec::new(),
            to_state_row: Vec::new(),
            solution: Solution::default(),
            reader: DenseReader::default(),
            readings: Vec::new(),
            reading_adjoints: Vec::new(),
            decoder_rows: Vec::new(),
            values: Vec::new(),
            dense_adjoints: Vec::new(),
            adjoint: Adjoint::default(),
            projection_sums: Vec::new(),
        }
    }
}

impl<L: Lanes> Pass<L> {
    /// Encodes the points of `task`; returns the latent vector.
    pub(crate) fn encode(&mut self, network: &Network<L::Real>, task: &Task<L>) -> &[L] {
        let start: Vec<L> = network.start.iter().map(|&value| L::splat(value)).collect();
        let hidden = network.gru.forward(&task.inputs, &task.active, &start, &mut self.gru_tape);
        self.to_latent_row.resize(network.to_latent.row(), L::zero());
        self.to_latent_row[..hidden.len()].copy_from_slice(hidden);
        let row = &mut self.to_latent_row[..];
        L::vectorize(
            #[inline(always)]
            || network.to_latent.forward::<L, true>(row),
        );
        self.latent(network)
    }

    /// The latent vector last encoded.
    pub(crate) fn latent(&self, network: &Network<L::Real>) -> &[L] {
        &self.to_latent_row[network.to_latent.output().offset..]
    }

    /// State at the start of the solved range that belongs to `latent`.
    pub(crate) fn state(&mut self, network: &Network<L::Real>, latent: &[L]) -> &[L] {
        self.to_state_row.resize(network.to_state.row(), L::zero());
        self.to_state_row[..latent.len()].copy_from_slice(latent);
        let row = &mut self.to_state_row[..];
        L::vectorize(
            #[inline(always)]
            || network.to_state.forward::<L, true>(row),
        );
        &self.to_state_row[network.to_state.output().offset..]
    }

    /// Solves from the state of `latent` under the task's controls and reads the values at the task's times,
    /// `times x values`. What a network with a decoder learns from, it solves with third-order steps.
    pub(crate) fn decode(
        &mut self,
        network: &Network<L::Real>,
        task: &Task<L>,
        latent: &[L],
        tolerances: Tolerances,
        reversible: bool,
    ) -> &[L] {
        let controls: Vec<&Control> = task.controls.iter().collect();
        let problem = Problem { controls: &controls, tolerances, dense: true, reversible };
        self.state(network, latent);
        let start = &self.to_state_row[network.to_state.output().offset..];
        if reversible && network.decoder.is_some() {
            let problem = Problem { tolerances: coarser(tolerances), ..problem };
            self.solution.solve::<BogackiShampine, _>(&network.field, start, &problem);
        } else {
            self.solution.solve::<Tsit5, _>(&network.field, start, &problem);
        }
        self.readings.resize(task.times.len() * network.readings(), L::zero());
        self.reader.read(&self.solution, network.projection.as_ref(), &task.times, &mut self.readings);
        self.decode_readings(network)
    }

    /// Solves from the state of `latent` under `controls`, one a lane, and decodes loss and metric at each lane's end, for
    /// half the work of [`Self::decode`]. Only for networks with a decoder.
    pub(crate) fn decode_end(
        &mut self,
        network: &Network<L::Real>,
        controls: &[&Control],
        latent: &[L],
        tolerances: Tolerances,
    ) -> [L; 2] {
        let problem = Problem { controls, tolerances: coarser(tolerances), dense: false, reversible: false };
        self.state(network, latent);
        let start = &self.to_state_row[network.to_state.output().offset..];
        self.solution.solve::<BogackiShampine, _>(&network.field, start, &problem);
        self.readings.clear();
        self.readings.extend_from_slice(&self.solution.end);
        let values = self.decode_readings(network);
        [values[0], values[1]]
    }

    fn decode_readings(&mut self, network: &Network<L::Real>) -> &[L] {
        let Some(decoder) = &network.decoder else { return &self.readings };
        let rows = network.readings();
        let (row, output) = (decoder.row(), decoder.output());
        let count = self.readings.len() / rows;
        self.decoder_rows.resize(count * row, L::zero());
        self.values.resize(count * output.size, L::zero());
        let pairs = self.decoder_rows.chunks_exact_mut(row).zip(self.readings.chunks_exact(rows));
        for ((row, reading), values) in pairs.zip(self.values.chunks_exact_mut(output.size)) {
            row[..rows].copy_from_slice(reading);
            L::vectorize(
                #[inline(always)]
                || decoder.forward::<L, true>(row),
            );
            values.copy_from_slice(&row[output.offset..]);
        }
        &self.values
    }

    /// The values last decoded.
    pub(crate) fn values(&self, network: &Network<L::Real>) -> &[L] {
        if network.decoder.is_some() { &self.values } else { &self.readings }
    }

    /// 1 in lanes whose last solve reached its end, else 0.
    pub(crate) fn finished(&self) -> L {
        self.solution.finished()
    }

    /// Counts of the last solve.
    pub(crate) fn statistics(&self) -> Statistics {
        self.solution.statistics
    }

    /// Ends of the steps that a lane accepted in the last solve.
    #[cfg(test)]
    pub(crate) fn step_ends(&self, lane: usize) -> Vec<f64> {
        self.solution.step_ends(lane)
    }

    /// Reverse of [`Self::decode`] (which must have been reversible, with times) and [`Self::encode`]: from the adjoints
    /// of the values to gradients of all parameters, added per lane to `sums`.
    pub(crate) fn pull_back(&mut self, network: &Network<L::Real>, task: &Task<L>, adjoints: &[L], sums: &mut [L]) {
        let architecture = network.architecture;
        let at = architecture.offsets();
        let Architecture { outputs, latent, state, hidden, .. } = architecture;
        self.projection_sums.clear();
        let projected = network.projection.as_ref().map_or(0, |projection| projection.rows);
        self.projection_sums.resize(projected * (state + 1), L::zero());
        let reading_adjoints = match &network.decoder {
            None => adjoints,
            Some(decoder) => {
                let (row, output) = (decoder.row(), decoder.output());
                self.reading_adjoints.clear();
                self.reading_adjoints.resize(task.times.len() * state, L::zero());
                let pairs = self.decoder_rows.chunks_exact_mut(row).zip(adjoints.chunks_exact(output.size));
                for ((row, adjoint), reading) in pairs.zip(self.reading_adjoints.chunks_exact_mut(state)) {
                    row[output.offset..].copy_from_slice(adjoint);
                    L::vectorize(
                        #[inline(always)]
                        || decoder.backward(row, reading),
                    );
                }
                let rows = &self.decoder_rows[..];
                let sums = &mut sums[at.decoder..at.start];
                L::vectorize(
                    #[inline(always)]
                    || decoder.add_gradients(rows, row, sums),
                );
                &self.reading_adjoints
            }
        };
        let split = projected * state;
        self.reader.pull_back(
            &self.solution,
            network.projection.as_ref(),
            &task.times,
            reading_adjoints,
            &mut self.dense_adjoints,
            self.projection_sums.split_at_mut(split),
        );
        if network.decoder.is_none() {
            // The projection's rows are the decoder's, then those of the latent map.
            let (weight, bias) = self.projection_sums.split_at(split);
            let (data_weight, latent_weight) = weight.split_at(outputs * state);
            let (data_bias, latent_bias) = bias.split_at(outputs);
            let data = data_weight.iter().chain(data_bias);
            let path = latent_weight.iter().chain(latent_bias);
            for (sum, &value) in sums[at.decoder..at.start].iter_mut().zip(data) {
                *sum = *sum + value;
            }
            for (sum, &value) in sums[at.to_latent..at.to_state].iter_mut().zip(path) {
                *sum = *sum + value;
            }
        }
        // Adjoint of the end state, which becomes that of the start state, of the latent, of the encoder's state.
        let mut state_adjoint = vec![L::zero(); state];
        let (dense, field_sums) = (&self.dense_adjoints[..], &mut sums[at.field..at.gru]);
        let (field, solution) = (&network.field, &mut self.solution);
        if network.decoder.is_some() {
            self.adjoint.pull_back::<BogackiShampine, _>(field, solution, dense, &mut state_adjoint, field_sums);
        } else {
            self.adjoint.pull_back::<Tsit5, _>(field, solution, dense, &mut state_adjoint, field_sums);
        }
        let mut latent_adjoint = vec![L::zero(); latent];
        pull_back_row(
            &network.to_state,
            &mut self.to_state_row,
            &state_adjoint,
            &mut latent_adjoint,
            &mut sums[at.to_state..at.decoder],
        );
        let mut hidden_adjoint = vec![L::zero(); hidden];
        pull_back_row(
            &network.to_latent,
            &mut self.to_latent_row,
            &latent_adjoint,
            &mut hidden_adjoint,
            &mut sums[at.to_latent..at.to_state],
        );
        network.gru.backward(&task.inputs, &mut self.gru_tape, &mut hidden_adjoint, &mut sums[at.gru..at.to_latent]);
        if architecture.controlled {
            for (sum, adjoint) in sums[at.start..at.end].iter_mut().zip(hidden_adjoint) {
                *sum = *sum + adjoint;
            }
        }
    }
}

/// Reverse pass of a single evaluation of a perceptron.
fn pull_back_row<L: Lanes>(mlp: &Mlp<L::Real>, row: &mut [L], output: &[L], input: &mut [L], sums: &mut [L]) {
    let at = mlp.output().offset;
    row[at..].copy_from_slice(output);
    L::vectorize(
        #[inline(always)]
        || {
            mlp.backward(row, input);
            mlp.add_gradients(row, mlp.row(), sums);
        },
    );
}
