//! The law's curve: from a schedule and parameters to values of the metric, with exact derivatives.
//!
//! Training advances in an intrinsic time `S`, `dS/dt = u(η)`. What is left to learn falls as a power law of `S`; noise
//! follows the rate through relaxations of many speeds and adds to it; rates beyond what training is ready for leave a
//! harm that lasts. Within a segment of constant rate all of it is a closed form in `S`, so steps are exact.

/// Segments of equal length that a run is cut into; the rate is constant within each.
pub(crate) const SEGMENTS: usize = 64;
/// Parameters of the law.
pub(crate) const PARAMETERS: usize = 21;
/// Number of rates at which noise relaxes.
const RELAXATIONS: usize = 9;
/// Relaxation rates per unit of intrinsic time, half a decade apart.
#[rustfmt::skip]
const RELAXATION_RATES: [f64; RELAXATIONS] = [
    0.316_227_766_016_837_94, 1.0, 3.162_277_660_168_379_5, 10.0, 31.622_776_601_683_793, 100.0, 316.227_766_016_837_9, 1000.0,
    3_162.277_660_168_379_5,
];
/// Places in `ln S` of the corrections to the power law.
const CORRECTIONS: usize = 7;
const FIRST_CORRECTION: f64 = -4.0;
/// Keeps `ln S` finite before the first step, and the weights of relaxations positive.
const TINY: f64 = 1e-12;

/// Indices of the parameters; all but the corrections are logarithms.
pub(crate) mod parameter {
    pub(crate) const FLOOR: usize = 0;
    pub(crate) const BIAS: usize = 1;
    pub(crate) const ALPHA: usize = 2;
    pub(crate) const SPEED: usize = 3;
    pub(crate) const EDGE: usize = 4;
    pub(crate) const NOISE: usize = 5;
    pub(crate) const NOISE_POWER: usize = 6;
    pub(crate) const FASTEST: usize = 7;
    pub(crate) const GAMMA: usize = 8;
    pub(crate) const DELTA: usize = 9;
    pub(crate) const KAPPA: usize = 10;
    pub(crate) const CORRECTION: usize = 11;
    pub(crate) const WARMUP_EDGE: usize = 18;
    pub(crate) const WARMUP_RISE: usize = 19;
    pub(crate) const WARMUP_HARM: usize = 20;
}
use parameter as at;

/// A vector over the parameters.
pub(crate) type Gradient = [f64; PARAMETERS];

/// A run's schedule in the units of its search: `ln` of the mean rate of each segment, and the length of a segment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) ln_rates: [f64; SEGMENTS],
    pub(crate) duration: f64,
}

/// The law at one value of its parameters, made ready to be evaluated many times.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    start: f64,
    ln_floor_slope: f64,
    floor: f64,
    range: f64,
    alpha: f64,
    speed: f64,
    ln_edge: f64,
    noise_power: f64,
    delta: f64,
    kappa: f64,
    /// `ln S0`, and its slopes in the floor, the bias and alpha.
    ln_onset: f64,
    onset_slopes: [f64; 3],
    corrections: [f64; CORRECTIONS],
    weights: [f64; RELAXATIONS],
    weight_slopes_fastest: [f64; RELAXATIONS],
    weight_slopes_gamma: [f64; RELAXATIONS],
    ln_warmup_edge: f64,
    warmup_rise: f64,
    warmup_harm: f64,
}

/// What the rate of a segment does, and how that depends on speed, edge, kappa (`u`) and the noise's power.
#[derive(Clone, Copy, Default)]
struct Step {
    /// `dS` of the segment and its slopes.
    advance: f64,
    advance_slopes: [f64; 3],
    /// `η^q` and its slope.
    target: f64,
    target_slope: f64,
    /// `exp(-r_j dS)`.
    decays: [f64; RELAXATIONS],
}

/// Where a run stands: intrinsic time and relaxations, with their slopes in speed, edge, kappa, and the noise's power.
struct State {
    time: f64,
    time_slopes: [f64; 3],
    relaxed: [f64; RELAXATIONS],
    relaxed_slopes: [[f64; RELAXATIONS]; 4],
    overshoot: Overshoot,
}

/// The most by which a rate was beyond the edge of warm-up so far, and what that depends on.
#[derive(Clone, Copy)]
struct Overshoot {
    value: f64,
    /// `ln(1 + S/S0)` and `S/(S0 + S)` at that segment.
    trained: f64,
    share: f64,
    time: f64,
    time_slopes: [f64; 3],
}

impl Curve {
    /// The law with parameters `theta` for a search whose untrained value is `start` and whose best final value is `best`.
    pub(crate) fn new(theta: &Gradient, start: f64, best: f64) -> Self {
        let exp = |index: usize| theta[index].clamp(-700.0, 300.0).exp();
        let free_floor = best * exp(at::FLOOR);
        let floor = free_floor.min(0.999 * start);
        let ln_floor_slope = if free_floor < 0.999 * start { floor } else { 0.0 };
        let range = start - floor;
        let alpha = exp(at::ALPHA);
        let ln_onset = (theta[at::BIAS] + best.ln() - range.ln()) / alpha;
        let (fastest, gamma, noise) = (exp(at::FASTEST), exp(at::GAMMA), best * exp(at::NOISE));

        let raw = RELAXATION_RATES.map(|rate| ((gamma - 1.0) * rate.ln() - rate / fastest).min(300.0).exp());
        let total: f64 = raw.iter().map(|raw| raw + TINY).sum();
        let weights = raw.map(|raw| noise * (raw + TINY) / total);
        // d(v_j/V) = dv_j/V - v_j dV/V².
        let slopes = |slope_of_ln: &dyn Fn(f64) -> f64| {
            let mut slopes: [f64; RELAXATIONS] = std::array::from_fn(|j| raw[j] * slope_of_ln(RELAXATION_RATES[j]));
            let sum = slopes.iter().sum::<f64>() / total;
            for j in 0..RELAXATIONS {
                slopes[j] = noise * slopes[j] / total - weights[j] * sum;
            }
            slopes
        };
        Self {
            start,
            ln_floor_slope,
            floor,
            range,
            alpha,
            speed: exp(at::SPEED),
            ln_edge: theta[at::EDGE],
            noise_power: exp(at::NOISE_POWER),
            delta: exp(at::DELTA),
            kappa: exp(at::KAPPA),
            ln_onset,
            onset_slopes: [ln_floor_slope / (range * alpha), 1.0 / alpha, -ln_onset],
            corrections: std::array::from_fn(|k| theta[at::CORRECTION + k]),
            weight_slopes_fastest: slopes(&|rate| rate / fastest),
            weight_slopes_gamma: slopes(&|rate| gamma * rate.ln()),
            weights,
            ln_warmup_edge: theta[at::WARMUP_EDGE],
            warmup_rise: exp(at::WARMUP_RISE),
            warmup_harm: exp(at::WARMUP_HARM),
        }
    }

    /// `ln y` at the ends of the segments `ends` (increasing, 0-based).
    pub(crate) fn values(&self, path: &Path, ends: &[usize], ln_values: &mut [f64]) {
        self.walk::<false>(path, ends, |index, value, _| ln_values[index] = value);
    }

    /// `ln y` at the end of the run.
    pub(crate) fn end(&self, path: &Path) -> f64 {
        let mut end = [0.0];
        self.values(path, &[SEGMENTS - 1], &mut end);
        end[0]
    }

    /// `ln y` at the ends of the segments `ends`, with its derivatives in all parameters.
    pub(crate) fn derivatives(&self, path: &Path, ends: &[usize], mut each: impl FnMut(usize, f64, &Gradient)) {
        self.walk::<true>(path, ends, |index, value, gradient| each(index, value, gradient));
    }

    /// Intrinsic time at the end of the segment `end`, over `S0`.
    pub(crate) fn intrinsic_time(&self, path: &Path, end: usize) -> f64 {
        let time: f64 = path.ln_rates[..=end].iter().map(|&ln_rate| self.pace(ln_rate).0 * path.duration).sum();
        time * (-self.ln_onset).exp()
    }

    /// Share of a change of the noise that is left after a time at the reference rate.
    pub(crate) fn noise_left(&self, time: f64) -> f64 {
        let advance = self.pace(0.0).0 * time;
        let left: f64 = (0..RELAXATIONS).map(|j| self.weights[j] * (-RELAXATION_RATES[j] * advance).exp()).sum();
        left / self.weights.iter().sum::<f64>()
    }

    fn walk<const SLOPES: bool>(&self, path: &Path, ends: &[usize], mut each: impl FnMut(usize, f64, &Gradient)) {
        let mut state = State {
            time: 0.0,
            time_slopes: [0.0; 3],
            relaxed: [0.0; RELAXATIONS],
            relaxed_slopes: [[0.0; RELAXATIONS]; 4],
            overshoot: Overshoot {
                value: f64::NEG_INFINITY,
                trained: 0.0,
                share: 0.0,
                time: 0.0,
                time_slopes: [0.0; 3],
            },
        };
        let mut step = Step::default();
        let mut step_rate = f64::NAN;
        let mut next = 0;
        for segment in 0..SEGMENTS {
            if next == ends.len() {
                break;
            }
            let ln_rate = path.ln_rates[segment];
            // Rates that stay, as many do for most of a run, need no new exponentials.
            if ln_rate != step_rate {
                step = self.step::<SLOPES>(ln_rate, path.duration);
                step_rate = ln_rate;
            }
            self.overshoot(&mut state, ln_rate);
            advance::<SLOPES>(&mut state, &step);
            if ends[next] == segment {
                let mut gradient = [0.0; PARAMETERS];
                let value = self.observe::<SLOPES>(&state, &mut gradient);
                each(next, value, &gradient);
                next += 1;
            }
        }
    }

    /// `u(η)`, `ln η`-dependent part of its slopes: `s = 1 - 1/(1 + (η/η_e)^κ)` and `z = κ ln(η/η_e)`.
    fn pace(&self, ln_rate: f64) -> (f64, f64, f64) {
        let z = self.kappa * (ln_rate - self.ln_edge);
        let beyond = 1.0 / (1.0 + z.min(700.0).exp());
        let u = (self.speed * ln_rate).min(300.0).exp() * beyond;
        (u, 1.0 - beyond, z)
    }

    fn step<const SLOPES: bool>(&self, ln_rate: f64, duration: f64) -> Step {
        let (u, share, z) = self.pace(ln_rate);
        // Beyond any relaxation; keeps products of slopes finite.
        let advance = (u * duration).min(1e12);
        let target = (self.noise_power * ln_rate).min(300.0).exp();
        let mut decays = [0.0; RELAXATIONS];
        // Rates two apart are a decade apart, and exp(-10 x) = exp(-x)^10.
        decays[0] = (-RELAXATION_RATES[0] * advance).exp();
        decays[1] = (-RELAXATION_RATES[1] * advance).exp();
        for j in 2..RELAXATIONS {
            let square = decays[j - 2] * decays[j - 2];
            let fifth = square * square * decays[j - 2];
            decays[j] = fifth * fifth;
        }
        let mut step = Step { advance, target, decays, ..Step::default() };
        if SLOPES {
            step.advance_slopes =
                [advance * self.speed * ln_rate, advance * share * self.kappa, -advance * share * z.min(700.0)];
            step.target_slope = target * self.noise_power * ln_rate;
        }
        step
    }

    fn overshoot(&self, state: &mut State, ln_rate: f64) {
        let onset = self.ln_onset.clamp(-300.0, 300.0).exp();
        let beyond = ln_rate - self.ln_warmup_edge;
        // What has been trained only lowers it: most segments need no logarithm.
        if beyond <= state.overshoot.value {
            return;
        }
        let trained = (state.time / onset).ln_1p();
        let value = beyond - self.warmup_rise * trained;
        if value > state.overshoot.value {
            state.overshoot = Overshoot {
                value,
                trained,
                share: state.time / (onset + state.time),
                time: state.time,
                time_slopes: state.time_slopes,
            };
        }
    }

    fn observe<const SLOPES: bool>(&self, state: &State, gradient: &mut Gradient) -> f64 {
        let time = state.time;
        let ln_time = time.max(1e-300).ln();
        // Bias: what is left to learn.
        let (correction, hats, correction_slope) = self.correction((time + TINY).ln());
        let from_onset = ln_time - self.ln_onset;
        let exponent = self.delta * from_onset;
        let softplus = if exponent > 30.0 { exponent } else { exponent.exp().ln_1p() };
        let share = 1.0 / (1.0 + (-exponent).min(700.0).exp());
        let fall = self.alpha / self.delta * softplus;
        let free_bias = self.range * (correction - fall).min(300.0).exp();
        let capped = free_bias >= self.range;
        let bias = free_bias.min(self.range);
        // Noise: what the rate keeps from settling.
        let noise: f64 = (0..RELAXATIONS).map(|j| self.weights[j] * state.relaxed[j]).sum::<f64>().min(1e150);
        let room = self.range / (self.range + noise);
        let left = 1.0 - bias / self.range;
        let bounded = noise * room;
        // Harm: what a rate that came too early has spoilt.
        let overshoot = 2.0 * state.overshoot.value;
        let soft = if overshoot > 30.0 { overshoot } else { overshoot.exp().ln_1p() } / 2.0;
        let harm = (self.warmup_harm * soft).min(300.0);
        let grown = harm.exp();
        let settled = self.floor + bounded * left;
        let value = settled * grown + bias;
        if value >= self.start {
            return self.start.ln();
        }
        if !SLOPES {
            return value.ln();
        }

        // Slopes in the intrinsic time, in the onset, in the range and direct ones.
        let bias_slope = 1.0 - grown * bounded / self.range;
        let (mut by_time, mut by_onset, mut by_range) = (0.0, 0.0, 0.0);
        if capped {
            by_range += bias_slope;
        } else {
            let by_ln_bias = bias_slope * bias;
            by_time += by_ln_bias * (correction_slope / (time + TINY) - self.alpha * share / time.max(1e-300));
            by_onset += by_ln_bias * self.alpha * share;
            by_range += by_ln_bias / self.range;
            gradient[at::ALPHA] -= by_ln_bias * fall;
            gradient[at::DELTA] += by_ln_bias * (fall - self.alpha * share * from_onset);
            for k in 0..CORRECTIONS {
                gradient[at::CORRECTION + k] = by_ln_bias * hats[k];
            }
        }
        let by_noise = grown * left * room * room;
        by_range += grown * (left * (1.0 - room) * (1.0 - room) + bounded * bias / (self.range * self.range));
        gradient[at::NOISE] = by_noise * noise;
        for j in 0..RELAXATIONS {
            gradient[at::FASTEST] += by_noise * self.weight_slopes_fastest[j] * state.relaxed[j];
            gradient[at::GAMMA] += by_noise * self.weight_slopes_gamma[j] * state.relaxed[j];
        }
        let relaxed_slope =
            |k: usize| (0..RELAXATIONS).map(|j| self.weights[j] * state.relaxed_slopes[k][j]).sum::<f64>();
        gradient[at::NOISE_POWER] = by_noise * relaxed_slope(3);

        let by_harm = settled * grown;
        gradient[at::WARMUP_HARM] = by_harm * harm;
        let by_overshoot = by_harm * self.warmup_harm / (1.0 + (-overshoot).min(700.0).exp());
        let at_overshoot = &state.overshoot;
        gradient[at::WARMUP_EDGE] = -by_overshoot;
        gradient[at::WARMUP_RISE] = -by_overshoot * self.warmup_rise * at_overshoot.trained;
        by_onset += by_overshoot * self.warmup_rise * at_overshoot.share;
        let by_earlier_time = if at_overshoot.time > 0.0 {
            -by_overshoot * self.warmup_rise * at_overshoot.share / at_overshoot.time
        } else {
            0.0
        };
        for (k, index) in [at::SPEED, at::EDGE, at::KAPPA].into_iter().enumerate() {
            gradient[index] = by_noise * relaxed_slope(k)
                + by_time * state.time_slopes[k]
                + by_earlier_time * at_overshoot.time_slopes[k];
        }
        gradient[at::FLOOR] = (grown - by_range) * self.ln_floor_slope + by_onset * self.onset_slopes[0];
        gradient[at::BIAS] += by_onset * self.onset_slopes[1];
        gradient[at::ALPHA] += by_onset * self.onset_slopes[2];
        for slope in gradient.iter_mut() {
            *slope /= value;
        }
        value.ln()
    }

    /// The correction at `ln_time`, its slopes in the values at its places, and its slope in `ln_time`.
    fn correction(&self, ln_time: f64) -> (f64, [f64; CORRECTIONS], f64) {
        let mut hats = [0.0; CORRECTIONS];
        let place = ln_time - FIRST_CORRECTION;
        let last = CORRECTIONS - 1;
        if place <= 0.0 {
            hats[0] = 1.0;
            return (self.corrections[0], hats, 0.0);
        }
        if place >= last as f64 {
            hats[last] = 1.0;
            return (self.corrections[last], hats, 0.0);
        }
        let left = place as usize;
        let weight = place - left as f64;
        hats[left] = 1.0 - weight;
        hats[left + 1] = weight;
        let slope = self.corrections[left + 1] - self.corrections[left];
        (self.corrections[left] + weight * slope, hats, slope)
    }
}

#[inline]
fn advance<const SLOPES: bool>(state: &mut State, step: &Step) {
    if SLOPES {
        for k in 0..3 {
            for j in 0..RELAXATIONS {
                let pull = RELAXATION_RATES[j] * (state.relaxed[j] - step.target);
                state.relaxed_slopes[k][j] =
                    step.decays[j] * (state.relaxed_slopes[k][j] - pull * step.advance_slopes[k]);
            }
            state.time_slopes[k] += step.advance_slopes[k];
        }
        for j in 0..RELAXATIONS {
            state.relaxed_slopes[3][j] =
                step.decays[j] * state.relaxed_slopes[3][j] + (1.0 - step.decays[j]) * step.target_slope;
        }
    }
    for j in 0..RELAXATIONS {
        state.relaxed[j] = step.target + (state.relaxed[j] - step.target) * step.decays[j];
    }
    state.time += step.advance;
}
