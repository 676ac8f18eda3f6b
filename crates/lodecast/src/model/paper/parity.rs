//! The engine against the reference implementation's numbers, in double precision (see `tests/data/README.md`).

use std::path::Path;

use safetensors::SafeTensors;

use super::equinox::{ReferenceModel, read_equinox};
use crate::kernels::lanes::{Dispatch, LaneKernel, Lanes};
use crate::kernels::network::mlp::{Activation, Mlp};
use crate::kernels::ode::{Control, Tolerances};
use crate::model::pass::{Network, Pass, Task};

struct Fixture {
    model: ReferenceModel,
    bytes: Vec<u8>,
}

impl Fixture {
    fn load(name: &str) -> Self {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let path = data.join(format!("reference_{name}.eqx"));
        let model = read_equinox(&std::fs::read(&path).expect("fixture"), &path).expect("a model of the reference");
        let bytes = std::fs::read(data.join(format!("reference_{name}.safetensors"))).expect("fixture");
        Self { model, bytes }
    }

    fn array(&self, name: &str) -> Vec<f64> {
        let tensors = SafeTensors::deserialize(&self.bytes).expect("safetensors");
        let tensor = tensors.tensor(name).expect(name);
        tensor.data().chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().expect("8 bytes"))).collect()
    }

    fn tolerances(&self) -> Tolerances {
        Tolerances { rtol: 1e-5, atol: 1e-5, first_step: self.model.first_step, max_steps: 4096 }
    }

    fn network(&self) -> Network<f64> {
        Network::new(self.model.architecture, &self.model.parameters)
    }

    /// Encoder inputs, last point first, of runs with `points` points of 3 columns each.
    fn windows<L: Lanes<Real = f64>>(times: &[f64], columns: &[f64], points: usize) -> Task<L> {
        let lanes = (times.len() / points).min(L::COUNT);
        let mut task = Task::default();
        for point in (0..points).rev() {
            let value = |lane: usize, column: Option<usize>| match column {
                _ if lane >= lanes => 0.0,
                None => times[lane * points + point],
                Some(column) => columns[(lane * points + point) * 3 + column],
            };
            for column in [None, Some(0), Some(1), Some(2)] {
                task.inputs.push(L::from_fn(|lane| value(lane, column)));
            }
            task.active.push(L::constant(1.0));
        }
        task
    }
}

fn close(found: &[f64], expected: &[f64], relative: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs() / expected.abs().max(1e-3 * scale);
        assert!(error < relative, "{what}[{index}] is {found}, not {expected}: off by {error:.1e}");
    }
}

/// Values of one lane, row after row.
fn lane<L: Lanes>(values: &[L], lane: usize) -> Vec<f64> {
    use crate::kernels::lanes::Real as _;
    values.iter().map(|value| value.lanes()[lane].to_f64()).collect()
}

/// The reference's path term, with its mistakes: see method section 4.5. Returns it and its adjoint by the latent path
/// (`times x latent`) and by `spread`.
fn reference_path(path: &[f64], spread: &[f64], alpha: f64) -> (f64, Vec<f64>, Vec<f64>) {
    let latent = spread.len();
    let times = path.len() / latent;
    let step = |k: usize, j: usize| path[(k + 1) * latent + j] - path[k * latent + j];
    let total: Vec<f64> = (0..latent).map(|j| path[(times - 1) * latent + j] - path[j]).collect();
    let norm = spread.iter().map(|s| s * s).sum::<f64>().sqrt();
    let (mut length, mut adjoint, mut spread_adjoint) = (0.0, vec![0.0; path.len()], vec![0.0; latent]);
    let mut total_adjoint = vec![0.0; latent];
    for k in 0..times - 1 {
        let sum: f64 = (0..latent).map(|j| step(k, j) * total[j] / spread[j]).sum();
        let root = sum.abs().sqrt();
        length += root;
        let outer = if root > 0.0 { 0.5 * sum.signum() / root } else { 0.0 };
        for j in 0..latent {
            let by_step = outer * total[j] / spread[j];
            adjoint[(k + 1) * latent + j] += by_step;
            adjoint[k * latent + j] -= by_step;
            total_adjoint[j] += outer * step(k, j) / spread[j];
            spread_adjoint[j] -= outer * step(k, j) * total[j] / (spread[j] * spread[j]);
        }
    }
    for j in 0..latent {
        adjoint[(times - 1) * latent + j] += total_adjoint[j];
        adjoint[j] -= total_adjoint[j];
    }
    let factor = alpha / norm;
    for value in adjoint.iter_mut().chain(&mut spread_adjoint) {
        *value *= factor;
    }
    for (adjoint, s) in spread_adjoint.iter_mut().zip(spread) {
        *adjoint -= factor * length * s / (norm * norm);
    }
    (factor * length, adjoint, spread_adjoint)
}

/// What the reference reads at a time.
#[derive(Clone, Copy)]
enum Reading {
    Columns(usize),
    Path(usize),
}

#[derive(Clone, Copy)]
enum Weighting {
    Distance,
    Weighted,
}

struct GradientCheck<'a> {
    fixture: &'a Fixture,
    weighting: Weighting,
}

impl LaneKernel<f64> for GradientCheck<'_> {
    /// Losses of the five runs, and the gradient of their mean.
    type Output = (Vec<f64>, Vec<f64>);

    #[allow(clippy::too_many_lines)]
    fn run<L: Lanes<Real = f64>>(self) -> Self::Output {
        let fixture = self.fixture;
        let (times, ys) = (fixture.array("ts"), fixture.array("ys"));
        let (runs, points) = (5, times.len() / 5);
        let architecture = fixture.model.architecture;
        let latent_size = architecture.latent;
        let network = fixture.network();
        let mut task: Task<L> = Fixture::windows(&fixture.array("ts_enc"), &fixture.array("ys_enc"), 30);
        task.controls = times.chunks(points).map(|times| Control::none(times[0], times[points - 1])).collect();
        // The reference solves twice: columns at the run's own times, the path on an even grid of as many. Read both.
        let merged: Vec<Vec<(f64, Reading)>> = times
            .chunks(points)
            .map(|times| {
                let even = |k: usize| times[0] + (times[points - 1] - times[0]) * k as f64 / (points - 1) as f64;
                let columns = (0..points).map(|k| (times[k], Reading::Columns(k)));
                let mut all: Vec<_> = columns.chain((0..points).map(|k| (even(k), Reading::Path(k)))).collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0));
                all
            })
            .collect();
        task.times = (0..2 * points).map(|k| L::from_fn(|lane| merged[lane.min(runs - 1)][k].0)).collect();
        let mut pass = Pass::default();
        let latent = pass.encode(&network, &task).to_vec();
        let values = pass.decode(&network, &task, &latent, fixture.tolerances(), true).to_vec();

        // The spread, pushed through decoder and encoder; gradients flow through that.
        let spread = fixture.array("latent_spread");
        let at = architecture.offsets();
        let parameters = &fixture.model.parameters;
        let to_state = Mlp::<f64>::new(
            architecture.to_state_shape(),
            Activation::Relu,
            latent_size,
            &parameters[at.to_state..at.decoder],
        );
        let linear = crate::kernels::network::mlp::MlpShape {
            inputs: architecture.hidden,
            width: 0,
            depth: 0,
            outputs: latent_size,
        };
        let to_latent =
            Mlp::<f64>::new(linear, Activation::Relu, architecture.hidden, &parameters[at.to_latent..at.to_state]);
        let mut state_row = vec![L::zero(); to_state.row()];
        for (input, &value) in state_row.iter_mut().zip(&spread) {
            *input = L::constant(value);
        }
        to_state.forward::<L, true>(&mut state_row);
        let mut latent_row = vec![L::zero(); to_latent.row()];
        latent_row[..architecture.hidden].copy_from_slice(&state_row[to_state.output().offset..]);
        to_latent.forward::<L, true>(&mut latent_row);
        let spread = lane(&latent_row[to_latent.output().offset..], 0);
        close(&spread, &fixture.array("std_latent"), 1e-9, "std_latent");

        let width = 3 + latent_size;
        let mut losses = Vec::new();
        let mut adjoints = vec![L::zero(); values.len()];
        let mut spread_adjoint = vec![0.0; latent_size];
        for run in 0..runs {
            let own = lane(&values, run);
            let (mut column_rows, mut path_rows) = (vec![0; points], vec![0; points]);
            for (row, &(_, reading)) in merged[run].iter().enumerate() {
                match reading {
                    Reading::Columns(k) => column_rows[k] = row,
                    Reading::Path(k) => path_rows[k] = row,
                }
            }
            let path: Vec<f64> =
                path_rows.iter().flat_map(|row| own[row * width + 3..][..latent_size].to_vec()).collect();
            let (length, path_adjoint, by_spread) = reference_path(&path, &spread, fixture.model.alpha);
            let mut loss = length;
            for column in 0..3 {
                let data: Vec<f64> = (0..points).map(|k| ys[(run * points + k) * 3 + column]).collect();
                let mean = data.iter().sum::<f64>() / points as f64;
                let deviation = (data.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / points as f64).sqrt();
                let weight = match self.weighting {
                    Weighting::Distance => 0.5,
                    Weighting::Weighted => 1.0 / (deviation + 1e-6),
                };
                for (k, row) in column_rows.iter().enumerate() {
                    let error = own[row * width + column] - data[k];
                    loss += weight * error * error;
                    adjoints[row * width + column].lanes_mut()[run] = 2.0 * weight * error / runs as f64;
                }
            }
            for (k, row) in path_rows.iter().enumerate() {
                for j in 0..latent_size {
                    adjoints[row * width + 3 + j].lanes_mut()[run] = path_adjoint[k * latent_size + j] / runs as f64;
                }
            }
            for (sum, value) in spread_adjoint.iter_mut().zip(by_spread) {
                *sum += value / runs as f64;
            }
            losses.push(loss);
        }
        let mut sums = vec![L::zero(); architecture.parameters()];
        pass.pull_back(&network, &task, &adjoints, &mut sums);
        // The part through the spread, in lane 0.
        let only_first = |value: f64| L::from_fn(|lane| if lane == 0 { value } else { 0.0 });
        let output = to_latent.output().offset;
        for (row, &value) in latent_row[output..].iter_mut().zip(&spread_adjoint) {
            *row = only_first(value);
        }
        let mut state_adjoint = vec![L::zero(); architecture.hidden];
        to_latent.backward(&mut latent_row, &mut state_adjoint);
        to_latent.add_gradients(&latent_row, to_latent.row(), &mut sums[at.to_latent..at.to_state]);
        let output = to_state.output().offset;
        state_row[output..].copy_from_slice(&state_adjoint);
        to_state.backward(&mut state_row, &mut vec![L::zero(); latent_size]);
        to_state.add_gradients(&state_row, to_state.row(), &mut sums[at.to_state..at.decoder]);
        (losses, sums.into_iter().map(Lanes::sum).collect())
    }
}

#[test]
fn losses_and_gradients_are_the_references() {
    for name in ["a", "b"] {
        let fixture = Fixture::load(name);
        for (weighting, loss, gradient) in [
            (Weighting::Distance, "distance_per_traj", "grad_distance_flat"),
            (Weighting::Weighted, "weighted_per_traj", "grad_weighted_flat"),
        ] {
            let (losses, gradients) = f64::dispatch(GradientCheck { fixture: &fixture, weighting });
            close(&losses, &fixture.array(loss), 1e-6, &format!("{name}: {loss}"));
            close(&gradients, &fixture.array(gradient), 1e-5, &format!("{name}: {gradient}"));
        }
    }
}

struct Trajectories<'a>(&'a Fixture);

impl LaneKernel<f64> for Trajectories<'_> {
    type Output = ();

    fn run<L: Lanes<Real = f64>>(self) {
        let fixture = self.0;
        let network = fixture.network();
        let latent_size = fixture.model.architecture.latent;
        let mut pass = Pass::default();
        let task: Task<L> = Fixture::windows(&fixture.array("ts_enc"), &fixture.array("ys_enc"), 30);
        let latents = pass.encode(&network, &task).to_vec();
        let found: Vec<f64> = (0..5).flat_map(|run| lane(&latents, run)).collect();
        close(&found, &fixture.array("latent"), 1e-6, "latent");

        let mut task: Task<L> = Fixture::windows(&fixture.array("win_ts"), &fixture.array("win_ys"), 30);
        let latent = pass.encode(&network, &task).to_vec();
        close(&lane(&latent, 0), &fixture.array("win_latent"), 1e-6, "win_latent");
        let state = pass.state(&network, &latents).to_vec();
        close(&lane(&state, 0), &fixture.array("latent_to_hidden0"), 1e-9, "latent_to_hidden0");

        for grid in ["short", "irregular", "offset", "long"] {
            let times = fixture.array(&format!("grid_{grid}_ts"));
            task.controls = vec![Control::none(times[0], times[times.len() - 1])];
            task.times = times.iter().map(|&time| L::constant(time)).collect();
            let values = pass.decode(&network, &task, &latents, fixture.tolerances(), false);
            let values = lane(values, 0);
            let rows = || values.chunks(3 + latent_size);
            let data: Vec<f64> = rows().flat_map(|row| row[..3].to_vec()).collect();
            let path: Vec<f64> = rows().flat_map(|row| row[3..].to_vec()).collect();
            close(&data, &fixture.array(&format!("grid_{grid}_sample")), 1e-6, &format!("{grid} sample"));
            if grid != "long" {
                close(&path, &fixture.array(&format!("grid_{grid}_sampleLatent")), 1e-6, &format!("{grid} latent"));
            }
            let ends: Vec<f64> = pass.step_ends(0);
            close(&ends, &fixture.array(&format!("grid_{grid}_accepted_step_times")), 1e-6, &format!("{grid} steps"));
            assert_eq!(pass.statistics().rejected, 0, "{grid}");
        }
    }
}

#[test]
fn latents_trajectories_and_steps_are_the_references() {
    for name in ["a", "b"] {
        f64::dispatch(Trajectories(&Fixture::load(name)));
    }
}
