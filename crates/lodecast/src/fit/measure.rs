//! Times fit steps, for benchmarks.

use std::time::Instant;

use super::form::NetworkFit;
use super::member::MemberState;
use super::network::Prepared;
use super::sample::{Sample, Windows as _};
use super::trainer::Trainer;
use super::{ControlledFit, PaperFit};
use crate::data::Sweep;
use crate::instrument::FitSteps;
use crate::kernels::lanes::{Dispatch, LaneKernel, Lanes};
use crate::kernels::network::mlp::MlpShape;
use crate::model::Architecture;
use crate::model::series::Series;

/// Steps of the paper's model on whole runs, as the reference implementation does them. Panics on an unusable sweep.
pub(crate) fn reference_steps(sweep: &Sweep, count: u64) -> FitSteps {
    let mut form = PaperFit::default();
    form.training.tolerance = 1e-5;
    // The reference knows no flags for what was not measured.
    let architecture = Architecture { inputs: 4, ..form.sizes.into() };
    measure(&form, architecture, sweep, count, |points| points)
}

/// Steps of the controlled model on runs of which a quarter was seen. Panics on an unusable sweep.
pub(crate) fn controlled_steps(sweep: &Sweep, count: u64) -> FitSteps {
    let form = ControlledFit::default();
    measure(&form, form.sizes.into(), sweep, count, |points| points / 4)
}

fn measure<F: NetworkFit>(
    form: &F,
    architecture: Architecture,
    sweep: &Sweep,
    count: u64,
    observed: fn(usize) -> usize,
) -> FitSteps {
    let prepared = &Prepared::new(sweep, 0, form.most_points(), None).expect("a usable sweep");
    f32::dispatch(Measure { prepared, form, architecture, count, observed })
}

struct Measure<'a, F> {
    prepared: &'a Prepared,
    form: &'a F,
    architecture: Architecture,
    count: u64,
    /// Points seen of a run, by how many it has.
    observed: fn(usize) -> usize,
}

impl<F: NetworkFit> LaneKernel<f32> for Measure<'_, F> {
    type Output = FitSteps;

    fn run<L: Lanes<Real = f32>>(self) -> FitSteps {
        let Self { prepared, form, architecture, count, observed } = self;
        let settings = form.training();
        let windows = form.windows(&prepared.scaler);
        let series: Vec<&Series> = prepared.series.iter().collect();
        let samples: Vec<_> = (0..settings.batch_size)
            .map(|index| series[index % series.len()])
            .map(|series| windows.seen(series, observed(series.points.len())))
            .collect();
        let mut trainer =
            Trainer::<L, _>::new(windows, settings, architecture, &prepared.scaler, series, Vec::new(), 0);
        let mut state = MemberState::new(architecture.random_parameters(0));
        let mut step = |state: &mut MemberState| {
            let (_, gradient) = trainer.gradient(&state.parameters, samples.clone());
            state.adam.step(&mut state.parameters, &gradient, 1e-3);
        };
        step(&mut state);
        let started = Instant::now();
        for _ in 0..count {
            step(&mut state);
        }
        let elapsed = started.elapsed();
        let statistics = trainer.statistics();
        let groups = statistics.len() as f64;
        let accepted = statistics.iter().map(|counts| counts.accepted as f64).sum::<f64>();
        let evaluations = statistics.iter().map(|counts| counts.evaluations as f64).sum::<f64>() / groups;
        FitSteps {
            elapsed,
            operations: operations(architecture, &samples, evaluations),
            accepted: accepted / settings.batch_size as f64,
            evaluations,
        }
    }
}

/// Floating-point operations of the matrix products of one fit step (activations are not counted).
fn operations(architecture: Architecture, samples: &[Sample], evaluations: f64) -> f64 {
    let weights = |shape: MlpShape| shape.layers().map(|(o, i)| (o * i) as f64).sum::<f64>();
    let hidden = architecture.hidden as f64;
    let inputs = architecture.inputs as f64;
    // Forward, adjoint of the state, and weight gradients; the encoder needs no adjoint of its inputs.
    let encoder = 3.0 * hidden * (2.0 * inputs + 3.0 * hidden);
    let field = 3.0 * weights(architecture.field_shape());
    let decoder = 3.0 * weights(architecture.decoder_shape());
    let state = architecture.state as f64;
    samples
        .iter()
        .map(|sample| {
            let read = if architecture.controlled {
                sample.times.len() as f64 * decoder
            } else {
                // The projection, once an attempt for five coefficients, and a quartic for each component and time.
                let rows = (architecture.outputs + architecture.latent) as f64;
                3.0 * 5.0 * rows * state * evaluations / 6.0 + sample.times.len() as f64 * rows * 9.0
            };
            2.0 * (sample.window.len() as f64 * encoder + evaluations * field + read)
        })
        .sum()
}
