//! The verdict on divergence: which runs diverged, and how likely a peak rate is to make one do so.

use serde::{Deserialize, Serialize};

/// Prior of the threshold, in `ln(peak / reference rate)`.
const THRESHOLD: (f64, f64) = (2.995_732_273_553_991, 2.0);
/// Grid of thresholds, in deviations of the prior, and its step.
const REACH: f64 = 5.0;
const STEP: f64 = 0.04;
/// Widths of the transition.
const WIDTHS: [f64; 4] = [0.06, 0.12, 0.2, 0.35];
/// Least likelihood of any one verdict: some runs fail for other reasons.
const LEAST: f64 = 2e-3;
/// Widths from the threshold beyond which the transition is over.
const FAR: f64 = 6.0;

/// Has a run diverged that ended with the gap `last`, whose least gap was `least` and whose peak rate was `peak`, in a search
/// whose untrained gap is `start` and whose best run ended with `best` at `best_peak`?
pub(crate) fn has_diverged(last: f64, least: f64, peak: f64, start: f64, best: f64, best_peak: f64) -> bool {
    let risen = last > 1.15 * least && last > (best * start).sqrt();
    (last > 0.9 * start || risen) && peak >= best_peak && last > best
}

/// The posterior of the peak rate at which runs diverge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(f64, bool)>", into = "Vec<(f64, bool)>")]
pub(crate) struct Threshold {
    /// `ln(peak / reference rate)` and verdict of each run.
    verdicts: Vec<(f64, bool)>,
    /// Weight of each threshold, by width, and the sums of the weights below each.
    weights: [Vec<f64>; 4],
    below: [Vec<f64>; 4],
}

impl From<Vec<(f64, bool)>> for Threshold {
    fn from(verdicts: Vec<(f64, bool)>) -> Self {
        let count = (2.0 * REACH * THRESHOLD.1 / STEP) as usize + 1;
        let mut logarithms = [const { Vec::new() }; 4];
        for (width, logarithms) in WIDTHS.iter().zip(&mut logarithms) {
            *logarithms = (0..count)
                .map(|k| {
                    let threshold = grid(k);
                    let prior = -0.5 * ((threshold - THRESHOLD.0) / THRESHOLD.1).powi(2);
                    let verdict = |&(ln_peak, diverged): &(f64, bool)| {
                        let chance = normal_distribution((ln_peak - threshold) / width);
                        (if diverged { chance } else { 1.0 - chance }).max(LEAST).ln()
                    };
                    prior + verdicts.iter().map(verdict).sum::<f64>()
                })
                .collect::<Vec<f64>>();
        }
        let most = logarithms.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights =
            logarithms.map(|logarithms| logarithms.iter().map(|ln| (ln - most).exp()).collect::<Vec<f64>>());
        let total: f64 = weights.iter().flatten().sum();
        weights.iter_mut().flatten().for_each(|weight| *weight /= total);
        let below = std::array::from_fn(|w| {
            let mut sum = 0.0;
            std::iter::once(0.0)
                .chain(weights[w].iter().map(|weight| {
                    sum += weight;
                    sum
                }))
                .collect()
        });
        Self { verdicts, weights, below }
    }
}

impl From<Threshold> for Vec<(f64, bool)> {
    fn from(threshold: Threshold) -> Self {
        threshold.verdicts
    }
}

fn grid(k: usize) -> f64 {
    THRESHOLD.0 - REACH * THRESHOLD.1 + STEP * k as f64
}

impl Threshold {
    /// Probability that a run diverges whose peak lies at `ln_peak` over the reference rate.
    pub(crate) fn probability(&self, ln_peak: f64) -> f64 {
        let mut probability = 0.0;
        for ((width, weights), below) in WIDTHS.iter().zip(&self.weights).zip(&self.below) {
            let index = |at: f64| ((at - grid(0)) / STEP).ceil().clamp(0.0, weights.len() as f64) as usize;
            let (from, to) = (index(ln_peak - FAR * width), index(ln_peak + FAR * width));
            probability += below[from];
            probability +=
                (from..to).map(|k| weights[k] * normal_distribution((ln_peak - grid(k)) / width)).sum::<f64>();
        }
        probability.clamp(0.0, 1.0)
    }
}

/// Distribution function of the standard normal (Abramowitz & Stegun 7.1.26; error below 1.5e-7).
pub(crate) fn normal_distribution(x: f64) -> f64 {
    let z = x.abs() * std::f64::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let polynomial =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * polynomial * (-z * z).exp();
    if x > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_the_rules() {
        // Start 10, best 1 at peak 1.
        assert!(has_diverged(9.5, 2.0, 3.0, 10.0, 1.0, 1.0), "ends where it started");
        assert!(!has_diverged(9.5, 2.0, 0.1, 10.0, 1.0, 1.0), "a small rate is slow, not divergent");
        assert!(has_diverged(4.0, 2.0, 3.0, 10.0, 1.0, 1.0), "rose far above its minimum");
        assert!(!has_diverged(2.5, 2.0, 3.0, 10.0, 1.0, 1.0), "rose, but is still nearer the best");
    }

    #[test]
    fn the_threshold_lies_between_what_diverged_and_what_did_not() {
        let nothing = Threshold::from(Vec::new());
        assert!(nothing.probability(0.0) < 0.1 && (nothing.probability(THRESHOLD.0) - 0.5).abs() < 0.01);
        let verdicts = vec![(-1.0, false), (0.0, false), (0.7, false), (1.4, true), (2.1, true)];
        let threshold = Threshold::from(verdicts);
        let chances: Vec<f64> = [-1.0, 0.0, 0.7, 1.05, 1.4, 2.1, 4.0].map(|x| threshold.probability(x)).to_vec();
        assert!(chances.is_sorted(), "{chances:?}");
        assert!(
            chances[1] < 0.02 && chances[2] < 0.2 && (chances[3] - 0.5).abs() < 0.1 && chances[5] > 0.95,
            "{chances:?}"
        );
        // Peaks far outside the grid are certain.
        assert!(threshold.probability(-50.0) < 1e-6 && threshold.probability(50.0) > 0.999);
        let text = serde_json::to_string(&threshold).expect("plain data");
        assert_eq!(serde_json::from_str::<Threshold>(&text).expect("its own"), threshold);
    }

    #[test]
    fn the_normal_distribution_is_right() {
        for (x, expected) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.96, 0.024_997_895), (4.0, 0.999_968_33)] {
            assert!((normal_distribution(x) - expected).abs() < 2e-7);
        }
    }
}
