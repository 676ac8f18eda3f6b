//! The Multi-Power Law (Luo et al., arXiv 2503.12811), a peer's forecast of a loss curve from its schedule:
//!
//! `L(t) = L0 + A (S1(t) + S_W)^-α - B Σ_k (η_{k-1} - η_k) (1 - (1 + C η_k^-γ S_k(t))^-β)`,
//!
//! with `S1` the sum of rates since the warm-up, `S_W` that of the warm-up, and `S_k` that since step k. Rates and sums are
//! counted in units of the fitted runs, which only changes what A, B and C are called.

/// Parameters: L0, A, α, B, C, β, γ, all as logarithms.
const PARAMETERS: usize = 7;
/// Pieces that a schedule is cut into.
const PIECES: usize = 320;
/// Measurements of a run that are fitted at most.
const MEASUREMENTS: usize = 80;
/// Residuals of `ln L` beyond this count linearly (the paper's Huber loss).
const HUBER: f64 = 1e-3;
/// Deviation of the logarithm of a parameter about its start: next to nothing, but enough where runs say nothing of it.
const PRIOR: f64 = 4.0;
const ITERATIONS: usize = 120;

type Parameters = [f64; PARAMETERS];

/// A schedule in the law's terms.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    /// Progress of time at the ends of its pieces after the warm-up, in steps, and the rate there.
    steps: Vec<f64>,
    values: Vec<f64>,
    /// Sum of rates over the warm-up, and since it until each end.
    warmup: f64,
    sums: Vec<f64>,
}

/// A run in the law's terms.
#[derive(Clone, Debug)]
pub(crate) struct LossCurve {
    pub(crate) rates: Rates,
    /// `(step, loss)`, losses positive.
    pub(crate) measured: Vec<(f64, f64)>,
}

impl Rates {
    /// From `(step, rate)` points in the order of steps, straight lines between them. What lies before the first point is a
    /// warm-up from zero; so is all until the rate first reaches its peak. `None` without a positive rate.
    pub(crate) fn of(points: &[(f64, f64)]) -> Option<Self> {
        let peak = points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
        if !(peak > 0.0 && peak.is_finite()) {
            return None;
        }
        let top = points.iter().position(|(_, rate)| *rate >= 0.999 * peak)?;
        let area = |points: &[(f64, f64)]| -> f64 {
            points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum()
        };
        let before_first = points[0].0 * if top == 0 { points[0].1 / 2.0 } else { points[0].1 };
        let warmup = before_first + area(&points[..=top]);
        let after = &points[top..];
        let (first, last) = (after[0].0, after[after.len() - 1].0);
        let pieces = PIECES.min(16 * after.len());
        let (mut steps, mut values, mut sums) = (vec![first], vec![after[0].1], vec![0.0]);
        let mut next = 1;
        for piece in 1..=pieces {
            let step = first + (last - first) * piece as f64 / pieces as f64;
            while next + 1 < after.len() && after[next].0 < step {
                next += 1;
            }
            let rate = match after.get(next) {
                Some(&(right, b)) if right > after[next - 1].0 => {
                    let (left, a) = after[next - 1];
                    a + (b - a) * ((step - left) / (right - left)).clamp(0.0, 1.0)
                }
                Some(&(_, b)) => b,
                None => after[0].1,
            };
            let (before, rate_before) = (steps[piece - 1], values[piece - 1]);
            sums.push(sums[piece - 1] + (step - before) * (rate + rate_before) / 2.0);
            steps.push(step);
            values.push(rate);
        }
        Some(Self { steps, values, warmup, sums })
    }

    /// Sum of rates since the warm-up until `step`.
    fn sum(&self, step: f64) -> f64 {
        let after = self.steps.partition_point(|known| *known <= step);
        let Some(left) = after.checked_sub(1) else { return 0.0 };
        self.sums[left] + (step - self.steps[left]) * self.values[left]
    }

    fn peak(&self) -> f64 {
        self.values.iter().copied().fold(0.0, f64::max)
    }
}

/// A fitted Multi-Power Law.
#[derive(Clone, Debug)]
pub(crate) struct MultiPowerLaw {
    ln: Parameters,
    /// Units of rates and of sums of rates.
    rate: f64,
    sum: f64,
}

impl MultiPowerLaw {
    /// Fits the law to loss curves. `None` if there are too few measurements or nothing finite comes out.
    pub(crate) fn fit(curves: &[LossCurve]) -> Option<Self> {
        let thinned: Vec<LossCurve> = curves.iter().map(thin).filter(|curve| !curve.measured.is_empty()).collect();
        let losses = || thinned.iter().flat_map(|curve| &curve.measured).map(|(_, loss)| *loss);
        if losses().count() <= PARAMETERS {
            return None;
        }
        let (least, most) = (losses().fold(f64::INFINITY, f64::min), losses().fold(0.0, f64::max));
        let count = thinned.len() as f64;
        let rate = (thinned.iter().map(|curve| curve.rates.peak().ln()).sum::<f64>() / count).exp();
        let total = |rates: &Rates| rates.warmup + rates.sums.last().copied().unwrap_or(0.0);
        let sum = (thinned.iter().map(|curve| total(&curve.rates).max(1e-300).ln()).sum::<f64>() / count).exp();
        let range = (most - least).max(1e-3 * least);
        let starts = [(0.3, 3.0), (0.3, 30.0), (0.6, 10.0), (0.6, 100.0)]
            .map(|(alpha, speed)| [0.85 * least, 0.15 * least, alpha, 0.3 * range, speed, 0.5, 0.5].map(f64::ln));
        let fits = starts.into_iter().filter_map(|start| {
            let law = Self { ln: start, rate, sum };
            let (ln, cost) = law.minimise(&thinned);
            cost.is_finite().then_some((Self { ln, ..law }, cost))
        });
        fits.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(law, _)| law)
    }

    /// The loss at `step` under `rates`.
    pub(crate) fn loss(&self, rates: &Rates, step: f64) -> f64 {
        self.slopes(rates, step).0
    }

    /// The loss and its slopes in the logarithms of the parameters.
    fn slopes(&self, rates: &Rates, step: f64) -> (f64, Parameters) {
        let [floor, power, alpha, drop, speed, beta, gamma] = self.ln.map(|ln| ln.clamp(-60.0, 60.0).exp());
        let since = rates.sum(step);
        let come = ((since + rates.warmup) / self.sum).max(1e-12);
        let fallen = power * come.powf(-alpha);
        let (mut dropped, mut by_speed, mut by_beta, mut by_gamma) = (0.0, 0.0, 0.0, 0.0);
        for piece in 1..rates.steps.len() {
            // The change happens in the middle of the piece.
            let at = f64::midpoint(rates.steps[piece - 1], rates.steps[piece]);
            if at >= step {
                break;
            }
            let change = (rates.values[piece - 1] - rates.values[piece]) / self.rate;
            if change == 0.0 {
                continue;
            }
            let sum_at = f64::midpoint(rates.sums[piece - 1], rates.sums[piece]);
            let ln_rate = (f64::midpoint(rates.values[piece - 1], rates.values[piece]) / self.rate).max(1e-6).ln();
            let x = speed * (-gamma * ln_rate).exp() * ((since - sum_at) / self.sum).max(0.0);
            let ln_more = x.ln_1p();
            let left = (-beta * ln_more).exp();
            let slope = beta * left * x / (1.0 + x);
            dropped += change * (1.0 - left);
            by_speed += change * slope;
            by_beta += change * beta * ln_more * left;
            by_gamma -= change * slope * gamma * ln_rate;
        }
        let loss = floor + fallen - drop * dropped;
        let slopes = [
            floor,
            fallen,
            -fallen * alpha * come.ln(),
            -drop * dropped,
            -drop * by_speed,
            -drop * by_beta,
            -drop * by_gamma,
        ];
        (loss, slopes)
    }

    /// Levenberg-Marquardt on `ln L` from here; the parameters and the cost.
    fn minimise(&self, curves: &[LossCurve]) -> (Parameters, f64) {
        let start = self.ln;
        let mut law = self.clone();
        let (mut cost, mut matrix, mut gradient) = law.normal(curves, &start);
        let mut damping = 1e-2;
        for _ in 0..ITERATIONS {
            let mut damped = matrix;
            (0..PARAMETERS).for_each(|k| damped[k][k] *= 1.0 + damping);
            let Some(step) = solve(damped, gradient) else {
                damping *= 4.0;
                continue;
            };
            let mut next = law.clone();
            (0..PARAMETERS).for_each(|k| next.ln[k] -= step[k].clamp(-1.0, 1.0));
            let (next_cost, next_matrix, next_gradient) = next.normal(curves, &start);
            if next_cost < cost {
                let gained = cost - next_cost;
                (law, cost, matrix, gradient) = (next, next_cost, next_matrix, next_gradient);
                damping = (damping / 3.0).max(1e-10);
                if gained < 1e-9 * cost {
                    break;
                }
            } else {
                damping *= 4.0;
                if damping > 1e10 {
                    break;
                }
            }
        }
        (law.ln, cost)
    }

    /// Cost and normal equations; residuals in units of the Huber threshold.
    fn normal(&self, curves: &[LossCurve], start: &Parameters) -> (f64, [Parameters; PARAMETERS], Parameters) {
        let (mut cost, mut matrix, mut gradient) = (0.0, [[0.0; PARAMETERS]; PARAMETERS], [0.0; PARAMETERS]);
        for k in 0..PARAMETERS {
            let from_start = (self.ln[k] - start[k]) / PRIOR;
            cost += 0.5 * from_start * from_start;
            gradient[k] += from_start / PRIOR;
            matrix[k][k] += 1.0 / (PRIOR * PRIOR);
        }
        for curve in curves {
            for &(step, measured) in &curve.measured {
                let (loss, slopes) = self.slopes(&curve.rates, step);
                if loss <= 0.0 || !loss.is_finite() {
                    return (f64::INFINITY, matrix, gradient);
                }
                let residual = (loss / measured).ln() / HUBER;
                let weight = 1.0 / residual.abs().max(1.0);
                cost += if residual.abs() <= 1.0 { 0.5 * residual * residual } else { residual.abs() - 0.5 };
                for a in 0..PARAMETERS {
                    let slope = slopes[a] / (loss * HUBER);
                    gradient[a] += weight * slope * residual;
                    for b in 0..PARAMETERS {
                        matrix[a][b] += weight * slope * slopes[b] / (loss * HUBER);
                    }
                }
            }
        }
        (cost, matrix, gradient)
    }
}

/// At most [`MEASUREMENTS`] of the positive losses after the warm-up, the last among them.
fn thin(curve: &LossCurve) -> LossCurve {
    let from = curve.rates.steps[0];
    let usable: Vec<(f64, f64)> = curve
        .measured
        .iter()
        .copied()
        .filter(|(step, loss)| *step >= from && *loss > 0.0 && loss.is_finite())
        .collect();
    let taken = usable.len().min(MEASUREMENTS);
    let measured = (1..=taken).map(|k| usable[k * usable.len() / taken - 1]).collect();
    LossCurve { rates: curve.rates.clone(), measured }
}

/// Solves a small symmetric positive definite system by elimination; `None` if it is not one.
fn solve(mut matrix: [Parameters; PARAMETERS], mut right: Parameters) -> Option<Parameters> {
    for pivot in 0..PARAMETERS {
        if !(matrix[pivot][pivot] > 0.0 && matrix[pivot][pivot].is_finite()) {
            return None;
        }
        for row in pivot + 1..PARAMETERS {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            for column in pivot..PARAMETERS {
                matrix[row][column] -= factor * matrix[pivot][column];
            }
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..PARAMETERS).rev() {
        let known: f64 = (row + 1..PARAMETERS).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right.iter().all(|value| value.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The peer's own curves: 25M-parameter models, thu-yao-01-luo/MultiPowerLaw (MIT).
    const CURVES: &str = include_str!("../../tests/law/multi_power_law_25m.csv");
    const WARMUP: f64 = 2160.0;
    const PEAK: f64 = 3e-4;

    fn curve(name: &str) -> LossCurve {
        let rows = CURVES.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(','));
        let rows: Vec<[f64; 3]> = rows
            .map(|row| {
                let mut numbers = row.split(',').map(|number| number.parse::<f64>().expect("a number"));
                std::array::from_fn(|_| numbers.next().expect("three columns"))
            })
            .collect();
        let mut points = vec![(0.0, 0.0), (WARMUP, PEAK)];
        points.extend(rows.iter().filter(|row| row[0] > WARMUP).map(|row| (row[0], row[1])));
        if name.starts_with("wsdcon") {
            // The rate jumps at step 8,000, between two records.
            let jump = points.iter().position(|(step, _)| *step > 8000.0).expect("a later step");
            let (before, after) = (points[jump - 1].1, points[jump].1);
            points.splice(jump..jump, [(8000.0, before), (8000.0, after)]);
        }
        LossCurve {
            rates: Rates::of(&points).expect("rates"),
            measured: rows.iter().map(|row| (row[0], row[2])).collect(),
        }
    }

    #[test]
    fn its_own_curves_are_forecast_as_published() {
        let fitted = ["cosine_24000", "constant_24000", "wsdcon_9"].map(curve);
        let law = MultiPowerLaw::fit(&fitted).expect("a fit");
        let others =
            ["constant_72000", "cosine_72000", "wsd_20000_24000", "wsdcon_18", "wsdcon_3", "wsdld_20000_24000"];
        let errors = others.map(|name| {
            let curve = curve(name);
            let errors = curve.measured.iter().map(|&(step, loss)| (law.loss(&curve.rates, step) - loss).abs());
            errors.sum::<f64>() / curve.measured.len() as f64
        });
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        println!("{mean} {errors:?} {:?}", law.ln.map(f64::exp));
        assert!(mean < 0.0045, "mean absolute error {mean}: {errors:?}");
    }

    #[test]
    fn slopes_are_finite_differences() {
        let curve = curve("wsdld_20000_24000");
        let law = MultiPowerLaw { ln: [2.9, 0.4, 0.4, 0.3, 20.0, 0.6, 0.5].map(f64::ln), rate: 3e-4, sum: 5.0 };
        for step in [3000.0, 21_000.0, 23_500.0] {
            let (_, slopes) = law.slopes(&curve.rates, step);
            for k in 0..PARAMETERS {
                let at = |by: f64| {
                    let mut moved = law.clone();
                    moved.ln[k] += by;
                    moved.loss(&curve.rates, step)
                };
                let finite = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((finite - slopes[k]).abs() < 1e-6, "{k} at {step}: {} for {finite}", slopes[k]);
            }
        }
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert!(Rates::of(&[]).is_none() && Rates::of(&[(0.0, 0.0)]).is_none());
        let rates = Rates::of(&[(0.0, 0.1), (100.0, 0.1)]).expect("rates");
        assert!(MultiPowerLaw::fit(&[LossCurve { rates: rates.clone(), measured: vec![(10.0, 1.0)] }]).is_none());
        // A flat curve under one rate says little, but something finite.
        let flat = LossCurve { rates, measured: (1..=20).map(|k| (5.0 * f64::from(k), 1.0)).collect() };
        let law = MultiPowerLaw::fit(std::slice::from_ref(&flat)).expect("a fit");
        assert!((law.loss(&flat.rates, 100.0) - 1.0).abs() < 0.05);
    }
}
