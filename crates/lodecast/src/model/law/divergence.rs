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
const FAR: f64 = 5.0;
/// Probabilities kept for each step of the grid.
const FINER: usize = 2;

/// Has a run diverged that ended with the gap `last`, whose least gap was `least` and whose peak rate was `peak`, in a search
/// whose untrained gap is `start` and whose best run ended with `best` at `best_peak`?
pub(crate) fn has_diverged(last: f64, least: f64, peak: f64, start: f64, best: f64, best_peak: f64) -> bool {
    looks_diverged(last, least, start, best) && peak >= best_peak && last > best
}

/// Does a value look like one of a run that diverged, whatever its rate?
fn looks_diverged(last: f64, least: f64, start: f64, best: f64) -> bool {
    last > 0.9 * start || (last > 1.15 * least && last > (best * start).sqrt())
}

/// Does a run look diverged whose gaps so far are these, NaN where none was measured? Before the first it is as bad as one.
pub(crate) fn has_gone_astray(gaps: &[f64], start: f64, best: f64) -> bool {
    let measured = || gaps.iter().copied().filter(|gap| gap.is_finite());
    let least = measured().fold(f64::INFINITY, f64::min);
    looks_diverged(measured().next_back().unwrap_or(start), least, start, best)
}

/// Where diverged runs end: a normal of `ln(final / start)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DivergedEnds {
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
}

/// Spread of diverged runs about an untrained network before any is known, and how many runs that counts for.
const ENDS_SPREAD: f64 = 0.1;
const ENDS_WEIGHT: f64 = 2.0;
/// Deviations within which the ends of diverged runs lie.
const ENDS_REACH: f64 = 3.0;
/// Least spread of the end of a diverged run about where it stands.
const LEAST_SPREAD: f64 = 1e-3;

impl Default for DivergedEnds {
    fn default() -> Self {
        Self { mean: 0.0, deviation: ENDS_SPREAD }
    }
}

impl DivergedEnds {
    /// From `ln(final / start)` of the runs that diverged and ended with a number.
    pub(crate) fn of(ends: &[f64]) -> Self {
        let count = ends.len() as f64;
        let mean = ends.iter().sum::<f64>() / (count + 1.0);
        let squares: f64 = ends.iter().map(|end| (end - mean).powi(2)).sum();
        let variance = (ENDS_WEIGHT * ENDS_SPREAD * ENDS_SPREAD + squares) / (ENDS_WEIGHT + count);
        Self { mean, deviation: variance.sqrt() }
    }

    /// How far beyond an untrained network, as `ln(value / start)`, runs may stand that have not learned.
    pub(crate) fn reach(&self) -> f64 {
        (self.mean + ENDS_REACH * self.deviation).max(0.0)
    }
}

/// What a run comes to where it diverges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divergence {
    /// How likely that is.
    pub(crate) probability: f64,
    /// Where it ends then.
    pub(crate) ends: DivergedEnds,
    /// `ln(gap / start)` that no median of it passes.
    pub(crate) worst: f64,
}

impl Divergence {
    pub(crate) fn new(probability: f64, ends: DivergedEnds) -> Self {
        Self { probability, ends, worst: 0.0 }
    }

    /// The same of a run that stands at `ln(gap / start) = now` after the part `seen` of it: the later, the less a run that diverged
    /// still moves.
    pub(crate) fn of_one_at(self, now: f64, seen: f64) -> Self {
        let DivergedEnds { mean, deviation } = self.ends;
        let (before, shown) = (deviation.powi(-2), (ENDS_SPREAD * (1.0 - seen)).max(LEAST_SPREAD).powi(-2));
        // Where the two disagree, either may be right.
        let share = shown / (before + shown);
        let variance = 1.0 / (before + shown) + share * (1.0 - share) * (now - mean).powi(2);
        let ends = DivergedEnds { mean: mean + share * (now - mean), deviation: variance.sqrt() };
        Self { ends, worst: self.worst.max(now), ..self }
    }
}

/// How likely runs are to look diverged at a part of their way, those that diverge and those that train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signs {
    diverging: f64,
    training: f64,
}

/// By its rates alone no run of which something has been seen is surer than this to diverge.
const SUREST: f64 = 0.9;
/// Runs that the guess before any run counts for.
const SIGNS_WEIGHT: f64 = 2.0;

impl Signs {
    /// From what runs looked like after the part `seen`: `(diverged in the end, looked diverged then)`.
    pub(crate) fn of(runs: impl Iterator<Item = (bool, bool)>, seen: f64) -> Self {
        // Most runs that diverge do so early, and all runs begin as bad as they come.
        let (mut shown, mut looked) =
            ([SIGNS_WEIGHT * seen.powf(0.25), SIGNS_WEIGHT], [0.5 * (1.0 - seen), SIGNS_WEIGHT]);
        for (diverged, looks) in runs {
            let counts = if diverged { &mut shown } else { &mut looked };
            counts[0] += f64::from(u8::from(looks));
            counts[1] += 1.0;
        }
        Self { diverging: shown[0] / shown[1], training: looked[0] / looked[1] }
    }

    /// Probability that a run diverges, of which that was thought with `before`, now that it looks so or not; one that trains would be
    /// as bad by now with probability `as_bad`, whatever other runs looked like.
    pub(crate) fn probability(&self, before: f64, looks: bool, as_bad: f64) -> f64 {
        let chance = |of: f64| if looks { of } else { 1.0 - of };
        // What makes a run that trains look so does not spare one that diverges.
        let training = 1.0 - (1.0 - self.training) * (1.0 - as_bad);
        let diverging = 1.0 - (1.0 - self.diverging) * (1.0 - training);
        let before = before.min(SUREST);
        let (diverging, training) = (before * chance(diverging), (1.0 - before) * chance(training));
        diverging / (diverging + training).max(f64::MIN_POSITIVE)
    }
}

/// The posterior of the peak rate at which runs diverge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(f64, bool)>", into = "Vec<(f64, bool)>")]
pub(crate) struct Threshold {
    /// `ln(peak / reference rate)` and verdict of each run.
    verdicts: Vec<(f64, bool)>,
    /// Probability of divergence at evenly spaced `ln(peak / reference rate)`.
    probabilities: Vec<f64>,
}

impl From<Vec<(f64, bool)>> for Threshold {
    fn from(verdicts: Vec<(f64, bool)>) -> Self {
        let count = (2.0 * REACH * THRESHOLD.1 / STEP) as usize + 1;
        let log_posterior = |threshold: f64, width: f64| {
            let prior = -0.5 * ((threshold - THRESHOLD.0) / THRESHOLD.1).powi(2);
            let verdict = |&(ln_peak, diverged): &(f64, bool)| {
                let chance = normal_distribution((ln_peak - threshold) / width);
                (if diverged { chance } else { 1.0 - chance }).max(LEAST).ln()
            };
            prior + verdicts.iter().map(verdict).sum::<f64>()
        };
        let logarithms = WIDTHS.map(|width| (0..count).map(|k| log_posterior(grid(k), width)).collect::<Vec<f64>>());
        let most = logarithms.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights = logarithms.map(|row| row.iter().map(|ln| (ln - most).exp()).collect::<Vec<f64>>());
        let total: f64 = weights.iter().flatten().sum();
        weights.iter_mut().flatten().for_each(|weight| *weight /= total);
        // The mean over the posterior, where the transition is still under way; below, thresholds are passed for certain.
        let below = weights.each_ref().map(|weights| {
            let sums = weights.iter().scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            });
            std::iter::once(0.0).chain(sums).collect::<Vec<f64>>()
        });
        let probability = |ln_peak: f64| {
            let of_width = |((width, weights), below): ((&f64, &Vec<f64>), &Vec<f64>)| {
                let index = |at: f64| ((at - grid(0)) / STEP).ceil().clamp(0.0, count as f64) as usize;
                let (from, to) = (index(ln_peak - FAR * width), index(ln_peak + FAR * width));
                let passing = (from..to).map(|k| weights[k] * normal_distribution((ln_peak - grid(k)) / width));
                below[from] + passing.sum::<f64>()
            };
            WIDTHS.iter().zip(&weights).zip(&below).map(of_width).sum::<f64>().clamp(0.0, 1.0)
        };
        let probabilities =
            (0..=FINER * (count - 1)).map(|k| probability(grid(0) + STEP / FINER as f64 * k as f64)).collect();
        Self { verdicts, probabilities }
    }
}

impl Threshold {
    /// Is it made of finite rates?
    pub(crate) fn is_sound(&self) -> bool {
        self.verdicts.iter().all(|(ln_peak, _)| ln_peak.is_finite())
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
        let last = self.probabilities.len() - 1;
        let place = ((ln_peak - grid(0)) / (STEP / FINER as f64)).clamp(0.0, last as f64);
        let left = (place as usize).min(last - 1);
        let weight = place - left as f64;
        (1.0 - weight) * self.probabilities[left] + weight * self.probabilities[left + 1]
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

/// The value below which a standard normal lies with probability `p` in (0, 1) (Abramowitz & Stegun 26.2.23, one Newton step;
/// error below 1e-5 where p is not extreme).
pub(crate) fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p).max(1e-300);
    let t = (-2.0 * tail.ln()).sqrt();
    let fraction =
        (2.515_517 + t * (0.802_853 + t * 0.010_328)) / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    let rough = t - fraction;
    let density = (-0.5 * rough * rough).exp() / std::f64::consts::TAU.sqrt();
    // Far out, the distribution function knows less than the rough value.
    let far = if rough > 4.5 { rough } else { rough + (normal_distribution(-rough) - tail) / density };
    if p < 0.5 { -far } else { far }
}

/// The value below which a mixture of two normals lies with probability `p` in (0, 1); each is `(weight, mean, deviation)`, and the
/// weights sum to one.
pub(crate) fn mixture_quantile(p: f64, mixture: [(f64, f64, f64); 2]) -> f64 {
    let alone = |(_, mean, deviation): (f64, f64, f64)| mean + deviation * normal_quantile(p);
    if let Some(only) = mixture.into_iter().find(|&(weight, ..)| weight > 1.0 - ONLY) {
        return alone(only);
    }
    let missed = |x: f64| {
        let below = |(weight, mean, deviation): (f64, f64, f64)| weight * normal_distribution((x - mean) / deviation);
        mixture.into_iter().map(below).sum::<f64>() - p
    };
    // The quantile lies between those of the two: Illinois' variant of the false position, halving where that is slow.
    let (mut low, mut high) = (alone(mixture[0]), alone(mixture[1]));
    if low > high {
        std::mem::swap(&mut low, &mut high);
    }
    let (mut at_low, mut at_high) = (missed(low), missed(high));
    for round in 0..MOST_ROUNDS {
        if high - low < 1e-6 || at_low >= 0.0 || at_high <= 0.0 {
            break;
        }
        let middle =
            if round % 3 == 2 { f64::midpoint(low, high) } else { low - at_low * (high - low) / (at_high - at_low) };
        let found = missed(middle);
        if found.abs() < 1e-7 {
            return middle;
        }
        if found < 0.0 {
            (low, at_low) = (middle, found);
            at_high *= 0.5;
        } else {
            (high, at_high) = (middle, found);
            at_low *= 0.5;
        }
    }
    if at_low >= 0.0 {
        low
    } else if at_high <= 0.0 {
        high
    } else {
        f64::midpoint(low, high)
    }
}

/// Weight below which a part of a mixture moves no quantile that is asked for.
const ONLY: f64 = 1e-5;
const MOST_ROUNDS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_mixture_are_where_its_distribution_says() {
        for weight in [0.001, 0.03, 0.3, 0.9, 0.9999] {
            let mixture = [(1.0 - weight, -1.0, 0.2), (weight, 0.5, 0.05)];
            for p in [0.025, 0.16, 0.5, 0.84, 0.975] {
                let x = mixture_quantile(p, mixture);
                let below: f64 = mixture
                    .iter()
                    .map(|(weight, mean, deviation)| weight * normal_distribution((x - mean) / deviation))
                    .sum();
                assert!((below - p).abs() < 2e-5, "{weight} {p}: {below} below {x}");
            }
        }
        assert!(
            (mixture_quantile(0.84, [(1.0, 2.0, 0.1), (0.0, 9.0, 1.0)]) - (2.0 + 0.1 * normal_quantile(0.84))).abs()
                < 1e-12
        );
        // Two that are the same are one.
        assert!(
            (mixture_quantile(0.3, [(0.5, 2.0, 0.1), (0.5, 2.0, 0.1)]) - (2.0 + 0.1 * normal_quantile(0.3))).abs()
                < 1e-6
        );
    }

    #[test]
    fn signs_of_divergence_count_by_what_runs_showed() {
        // Nine diverged runs had shown it by then, one had not; no run that trained had.
        let runs = (0..20).map(|k| (k < 10, k < 9));
        let signs = Signs::of(runs, 0.25);
        assert!(signs.probability(0.5, true, 0.0) > 0.9 && signs.probability(0.5, false, 0.0) < 0.2);
        assert!(signs.probability(0.5, true, 1.0) <= 0.5, "it would be as bad if it trained");
        assert_eq!(signs.probability(0.0, true, 0.0), 0.0);
        assert!(signs.probability(1.0, true, 0.0) > 0.98 && signs.probability(1.0, false, 0.0) < 0.7);
    }

    #[test]
    fn diverged_runs_end_where_they_ended() {
        assert_eq!(DivergedEnds::of(&[]), DivergedEnds::default());
        let many = DivergedEnds::of(&[-0.3; 40]);
        assert!((many.mean + 0.3).abs() < 0.01 && many.deviation < 0.03);
        let apart: Vec<f64> = (0..40).map(|k| if k % 2 == 0 { 0.2 } else { -0.2 }).collect();
        assert!((DivergedEnds::of(&apart).deviation - 0.2).abs() < 0.01);
    }

    #[test]
    fn a_diverged_run_ends_where_it_stands_the_more_the_later() {
        let at = |seen| Divergence::new(1.0, DivergedEnds { mean: 0.0, deviation: 0.3 }).of_one_at(0.5, seen);
        let (early, late) = (at(0.1), at(0.9));
        assert!(early.ends.mean > 0.4 && early.ends.mean < late.ends.mean && late.ends.mean > 0.499);
        assert!(late.ends.deviation < early.ends.deviation && early.ends.deviation < 0.2);
        let agreeing = Divergence::new(1.0, DivergedEnds { mean: 0.5, deviation: 0.3 }).of_one_at(0.5, 0.1);
        assert!(agreeing.ends.deviation < 0.7 * early.ends.deviation, "either may be right where they disagree");
        assert_eq!(late.worst, 0.5, "it may end above the start, where it is");
        assert_eq!(Divergence::new(0.3, DivergedEnds::default()).of_one_at(-1.0, 0.5).worst, 0.0);
    }

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
            assert!((normal_quantile(expected) - x).abs() < 2e-3);
        }
    }
}
