//! A sweep of a training that can be understood: noisy gradient descent on a bowl with a fast and a slow direction.
//!
//! Expected excess losses of the two directions obey `x' = -2 k lr x + (k lr)^2 s`: a large rate falls fast and stays high,
//! a small one falls slowly and ends low, so the best schedule starts high and anneals. Rates above 2 / k diverge.

use lodecast::{Attributes, Direction, Family, Metric, Run, Schedule, Sweep};

const CURVATURE: [f64; 2] = [1.0, 0.05];
const NOISE: f64 = 0.3;

/// Metric points of one run under `schedule`: `points` of them over `total_steps`.
pub(crate) fn run(id: &str, schedule: &Schedule, seed: u64, points: u64, total_steps: u64) -> Run {
    let mut run = Run::new(id, 1);
    let mut excess = [1.0, 1.0];
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut noise = || {
        // Sum of three xorshift numbers: nearly normal, variance 1/4.
        (0..3)
            .map(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random as f64 / u64::MAX as f64 - 0.5
            })
            .sum::<f64>()
    };
    let per_point = (total_steps / points).max(1);
    for step in 1..=points * per_point {
        let rate = schedule.at_step(step - 1, total_steps);
        for (x, k) in excess.iter_mut().zip(CURVATURE) {
            *x = (1.0 - k * rate).powi(2) * *x + (k * rate).powi(2) * NOISE;
        }
        if step % per_point == 0 {
            let loss = 0.05 + (excess[0] + excess[1]) * (1.0 + 0.05 * noise());
            let accuracy = 0.9 * (-1.5 * (excess[0] + excess[1])).exp() + 0.005 * noise();
            let loss = if loss < 1e4 { loss } else { f64::NAN };
            run.push(step, Some(loss), Some(rate), &[Some(accuracy.clamp(0.0, 1.0))]).expect("steps increase");
            if loss.is_nan() {
                break;
            }
        }
    }
    run.attributes = Attributes { seed: Some(seed), total_steps: Some(total_steps), ..Attributes::default() };
    run
}

/// Four families x five peaks x `seeds`.
pub(crate) fn sweep(seeds: u64, points: u64) -> Sweep {
    let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
    for family in [Family::Constant, Family::Cosine, Family::OneCycle, Family::Staircase] {
        for peak_lr in [0.1, 0.2, 0.4, 0.8, 1.6] {
            for seed in 0..seeds {
                let schedule = Schedule::parametric(family, peak_lr);
                let mut run = run(&format!("{family}-{peak_lr}-{seed}"), &schedule, seed + 1, points, points * 5);
                run.attributes.schedule = Some(family.name().to_owned());
                run.attributes.peak_lr = Some(peak_lr);
                sweep.runs.push(run);
            }
        }
    }
    sweep
}
