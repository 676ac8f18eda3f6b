//! Tests of the law against a prototype written apart from it.
//!
//! `tests/law/forward.json` and `tests/law/fits.json` hold what a Python prototype of the same formulas computed in double
//! precision: forward values at random parameters, and fits of five searches (Llama: fabian-sp/lr-scheduling, `DeepOBS`:
//! `fsschneider/DeepOBS_Baselines`, both MIT; MNIST-1D: recorded with this project's lab).

use serde::Deserialize;

use super::curve::{Curve, Gradient, PARAMETERS, Path, SEGMENTS, parameter};
use super::features::schedule_features;
use super::least_squares::{Curves, Problem};
use super::posterior::{Posterior, curves, deviation};
use super::prior::{Choice, Prior};
use super::residual::{Purpose, ResidualProcess};

#[derive(Deserialize)]
struct Forward {
    observed: Vec<usize>,
    cases: Vec<ForwardCase>,
}

#[derive(Deserialize)]
struct ForwardCase {
    theta: Vec<f64>,
    chance: f64,
    best: f64,
    runs: Vec<ForwardRun>,
}

#[derive(Deserialize)]
struct ForwardRun {
    length: f64,
    rate: Vec<f64>,
    ln_y: Vec<f64>,
}

/// The prototype's parameters without its divergence in the curve, and with no harm by missing warm-up.
pub(super) fn parameters(theta: &[f64]) -> Gradient {
    let mut parameters = [0.0; PARAMETERS];
    parameters[..9].copy_from_slice(&theta[..9]);
    parameters[9..18].copy_from_slice(&theta[11..20]);
    parameters[18..].copy_from_slice(&[1.0, -1.0, -600.0]);
    parameters
}

pub(super) fn path(rates: &[f64], length: f64) -> Path {
    Path { ln_rates: std::array::from_fn(|k| rates[k].max(1e-9).ln()), duration: length / SEGMENTS as f64 }
}

#[test]
fn forward_values_are_the_prototypes() {
    let fixture: Forward = serde_json::from_str(include_str!("../../../tests/law/forward.json")).expect("a fixture");
    let mut checked = 0;
    for case in &fixture.cases {
        let curve = Curve::new(&parameters(&case.theta), case.chance, case.best);
        for run in &case.runs {
            let path = path(&run.rate, run.length);
            let mut values = vec![0.0; fixture.observed.len()];
            curve.values(&path, &fixture.observed, &mut values);
            // The prototype's first version let the curve itself diverge.
            let ln_peak = path.ln_rates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let diverged = 1.0 / (1.0 + (-(ln_peak - case.theta[9]) / case.theta[10].exp()).exp());
            for (value, expected) in values.iter().zip(&run.ln_y) {
                let found = (value.exp() + (case.chance - value.exp()) * diverged).ln();
                assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
                checked += 1;
            }
        }
    }
    assert!(checked > 500);
}

#[derive(Deserialize)]
struct Fits {
    searches: Vec<Search>,
}

#[derive(Deserialize)]
struct Search {
    #[serde(rename = "search")]
    name: String,
    chance: f64,
    reference_rate: f64,
    reference_length: f64,
    best: f64,
    sigma: f64,
    theta: Vec<f64>,
    fitted: Vec<FitRun>,
    forecast: Vec<FitRun>,
}

#[derive(Deserialize)]
struct FitRun {
    length: f64,
    rate: Vec<f64>,
    #[serde(default)]
    value: Vec<Option<f64>>,
    #[serde(rename = "final")]
    last: f64,
    #[serde(default)]
    diverged: bool,
    #[serde(default)]
    ln_law: f64,
    #[serde(default)]
    sd_law: f64,
    #[serde(default)]
    ln_with_residual: f64,
    #[serde(default)]
    sd_with_residual: f64,
}

impl Search {
    fn path(&self, run: &FitRun) -> Path {
        let rates: Vec<f64> = run.rate.iter().map(|rate| rate / self.reference_rate).collect();
        path(&rates, run.length / self.reference_length)
    }
}

#[test]
fn fits_are_at_least_as_good_as_the_prototypes_and_forecast_the_same() {
    let fits: Fits = serde_json::from_str(include_str!("../../../tests/law/fits.json")).expect("a fixture");
    for search in &fits.searches {
        let kept: Vec<&FitRun> = search.fitted.iter().filter(|run| !run.diverged).collect();
        let runs: Vec<Curves> = kept
            .iter()
            .filter_map(|run| curves(search.path(run), &std::array::from_fn(|k| run.value[k].unwrap_or(f64::NAN))))
            .collect();
        let finals: Vec<f64> = kept.iter().map(|run| run.last.ln()).collect();
        let spread = deviation(&finals).max(0.01);
        let prior = Prior::from(Choice { warmup: false });
        let fit = Posterior::fit(&prior, search.chance, search.best, &runs, spread, 0);
        let problem = Problem { runs: &runs, prior: &prior, start: search.chance, best: search.best };
        let mut theirs = prior.whitened(&parameters(&search.theta));
        theirs[parameter::WARMUP_EDGE..].fill(0.0);
        let (ours, theirs) = (problem.cost(&fit.v, search.sigma), problem.cost(&theirs, search.sigma));
        assert!(ours < theirs * 1.0001, "{}: cost {ours} for {theirs}", search.name);
        assert!((fit.sigma / search.sigma - 1.0).abs() < 0.01, "{}: {} for {}", search.name, fit.sigma, search.sigma);
        let curve = fit.curve();
        let features = |run: &FitRun| schedule_features(&std::array::from_fn(|k| run.rate[k]), run.length).to_vec();
        let rows: Vec<Vec<f64>> = kept.iter().map(|run| features(run)).collect();
        let residuals: Vec<f64> = kept.iter().map(|run| run.last.ln() - fit.end(&curve, &search.path(run)).0).collect();
        let process = ResidualProcess::fit(&rows, &residuals, spread, Purpose::Forecast, None);
        for run in &search.forecast {
            let (end, slopes) = fit.end(&curve, &search.path(run));
            let deviation = fit.variance(&slopes).sqrt();
            assert!((end - run.ln_law).abs() < 0.1 * run.sd_law, "{}: {end} for {}", search.name, run.ln_law);
            assert!((deviation / run.sd_law - 1.0).abs() < 0.03, "{}: {deviation} for {}", search.name, run.sd_law);
            let residual = process.predict(&mut features(run), &mut Vec::new());
            let (mean, sd) =
                (end + residual.mean, (deviation * deviation + residual.variance + process.noise()).sqrt());
            assert!((mean - run.ln_with_residual).abs() < 0.1 * run.sd_with_residual, "{}: {mean}", search.name);
            assert!(
                (sd / run.sd_with_residual - 1.0).abs() < 0.03,
                "{}: {sd} for {}",
                search.name,
                run.sd_with_residual
            );
        }
    }
}

#[test]
fn derivatives_are_finite_differences() {
    let fixture: Forward = serde_json::from_str(include_str!("../../../tests/law/forward.json")).expect("a fixture");
    let mut checked = 0;
    for (number, case) in fixture.cases.iter().enumerate() {
        let mut theta = parameters(&case.theta);
        // Several strengths of the warm-up's harm.
        theta[parameter::WARMUP_EDGE] = -0.5 + 0.1 * number as f64;
        theta[parameter::WARMUP_HARM] = -3.0 + 0.3 * number as f64;
        for run in &case.runs {
            let path = path(&run.rate, run.length);
            let curve = Curve::new(&theta, case.chance, case.best);
            let mut slopes = Vec::new();
            curve.derivatives(&path, &fixture.observed, |_, value, slope| slopes.push((value, *slope)));
            let values = |theta: &Gradient| {
                let mut values = vec![0.0; fixture.observed.len()];
                Curve::new(theta, case.chance, case.best).values(&path, &fixture.observed, &mut values);
                values
            };
            assert_eq!(values(&theta), slopes.iter().map(|(value, _)| *value).collect::<Vec<_>>());
            for k in 0..PARAMETERS {
                let step = 1e-5;
                let (mut above, mut below) = (theta, theta);
                above[k] += step;
                below[k] -= step;
                let (above, here, below) = (values(&above), values(&theta), values(&below));
                for at in 0..above.len() {
                    let finite = (above[at] - below[at]) / (2.0 * step);
                    let one_sided = ((above[at] - here[at]) / step - (here[at] - below[at]) / step).abs();
                    // A kink (a cap, a place of the corrections) within the step has no derivative to compare with.
                    if one_sided < 1e-2 * (1.0 + finite.abs()) {
                        let found = slopes[at].1[k];
                        assert!(
                            (found - finite).abs() < 2e-5 * (1.0 + finite.abs()),
                            "case {number}, parameter {k}, end {at}: {found} for {finite}"
                        );
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked > 15_000, "{checked}");
}
