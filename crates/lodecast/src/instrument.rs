//! Measuring the engine from outside: what benchmarks need and nobody else does.

use std::time::{Duration, Instant};

use crate::data::Sweep;
use crate::fit;

/// What a number of fit steps took.
#[derive(Clone, Copy, Debug, Default)]
pub struct FitSteps {
    /// Wall time of all steps.
    pub elapsed: Duration,
    /// Multiply-adds and other floating-point operations of one step, forward and back (two for a multiply-add).
    pub operations: f64,
    /// Accepted steps of the ODE solver per trajectory, mean over the last batch.
    pub accepted: f64,
    /// Evaluations of the vector field per vector of lanes, mean over the last batch.
    pub evaluations: f64,
}

/// Runs `count` fit steps of the paper's model on whole runs: the reference implementation's benchmark.
///
/// # Panics
/// If the sweep is not usable.
pub fn reference_fit_steps(sweep: &Sweep, count: u64) -> FitSteps {
    fit::reference_steps(sweep, count)
}

/// Runs `count` fit steps of the controlled model on runs of which a quarter was seen.
///
/// # Panics
/// If the sweep is not usable.
pub fn controlled_fit_steps(sweep: &Sweep, count: u64) -> FitSteps {
    fit::controlled_steps(sweep, count)
}

/// The machine's peak of fused multiply-adds in the widest lanes: floating-point operations a second of one core, single
/// precision, measured.
pub fn peak_operations() -> f64 {
    use crate::kernels::lanes::{Dispatch, LaneKernel, Lanes};
    struct Peak;
    impl LaneKernel<f32> for Peak {
        type Output = f64;
        fn run<L: Lanes<Real = f32>>(self) -> f64 {
            const CHAINS: usize = 10;
            const ROUNDS: usize = 2_000_000;
            let started = Instant::now();
            let sums = L::vectorize(
                #[inline(always)]
                || {
                    let (a, b) = (L::constant(std::hint::black_box(0.999)), L::constant(std::hint::black_box(1e-3)));
                    let mut sums = [L::constant(std::hint::black_box(1.0)); CHAINS];
                    for _ in 0..ROUNDS {
                        for sum in &mut sums {
                            *sum = sum.mul_add(a, b);
                        }
                    }
                    sums
                },
            );
            let seconds = started.elapsed().as_secs_f64();
            std::hint::black_box(sums.iter().map(|sum| sum.sum()).sum::<f64>());
            (CHAINS * ROUNDS * L::COUNT * 2) as f64 / seconds
        }
    }
    (0..3).map(|_| f32::dispatch(Peak)).fold(0.0, f64::max)
}

/// Are the bytes a model file of the reference implementation? For fuzzing its reader.
pub fn is_reference_model(bytes: &[u8]) -> bool {
    crate::model::read_equinox(bytes, std::path::Path::new("(bytes)")).is_ok()
}
