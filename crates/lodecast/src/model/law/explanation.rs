//! A law in words: where its edge is, how fast noise relaxes, what a longer run would bring, each with its interval.

use serde::{Deserialize, Serialize};

use super::curve::{Curve, Gradient, Path, SEGMENTS, parameter as at};
use super::fitted_law::Law;

/// One thing a law says, with the interval that holds 68 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quantity {
    /// What it is, in words.
    pub name: String,
    /// Its value, most probable.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Its unit.
    pub unit: String,
    /// What it means.
    pub meaning: String,
}

/// What a law says about a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The quantities, the most useful first.
    pub quantities: Vec<Quantity>,
    /// What a reader has to know about the fit.
    pub notes: Vec<String>,
}

/// Step of finite differences in whitened coordinates.
const STEP: f64 = 1e-3;
/// Fraction of the change of rate that has relaxed after the time that is told.
const RELAXED: f64 = 0.5;

impl Law {
    /// Explains the law in words and numbers.
    pub fn explain(&self) -> Explanation {
        let units = self.units;
        let best_path = self.best_path();
        let name = &self.metric.name;
        let mut quantities = Vec::new();
        let mut say = |name: &str,
                       unit: &str,
                       meaning: &str,
                       logarithm: &dyn Fn(&Gradient) -> f64,
                       natural: &dyn Fn(f64) -> f64| {
            let (value, deviation) = self.linearised(logarithm);
            let (a, b) = (natural(value - deviation), natural(value + deviation));
            if [a, b, natural(value)].iter().all(|number| number.is_finite()) {
                quantities.push(Quantity {
                    name: name.to_owned(),
                    value: natural(value),
                    low: a.min(b),
                    high: a.max(b),
                    unit: unit.to_owned(),
                    meaning: meaning.to_owned(),
                });
            }
        };
        say(
            "edge of the learning rate",
            "",
            "rates beyond it no longer speed training up",
            &|theta| theta[at::EDGE],
            &|ln| units.rate * ln.exp(),
        );
        say(
            "edge without warm-up",
            "",
            "rates beyond it at the very start leave a harm that lasts; training raises it",
            &|theta| theta[at::WARMUP_EDGE],
            &|ln| units.rate * ln.exp(),
        );
        say(
            "time for noise to halve",
            "steps",
            "how long a lower rate takes to show half of its effect, at the reference rate: anneal for several times as long",
            &|theta| half_time(&Curve::new(theta, units.start, units.best)).ln(),
            &|ln| units.length * ln.exp(),
        );
        let end = |theta: &Gradient, longer: f64| {
            let path = Path { ln_rates: best_path.ln_rates, duration: best_path.duration * longer };
            let mut value = [0.0];
            Curve::new(theta, units.start, units.best).values(&path, &[SEGMENTS - 1], &mut value);
            value[0]
        };
        say(
            "gain from a run twice as long",
            "%",
            &format!("by how much the gap of {name} to its ideal shrinks under the best run's schedule, stretched"),
            &|theta| end(theta, 2.0) - end(theta, 1.0),
            &|ln| 100.0 * (1.0 - ln.exp()),
        );
        say(
            "share of noise at the end",
            "%",
            "part of the best run's final gap that its last rates keep up: what a deeper annealing could still bring at most",
            &|theta| {
                let mut quiet = *theta;
                quiet[at::NOISE] = -600.0;
                end(&quiet, 1.0) - end(theta, 1.0)
            },
            &|ln| 100.0 * (1.0 - ln.exp()),
        );
        say(
            "floor",
            name,
            "what the metric tends to with ever longer training",
            &|theta| (units.best.ln() + theta[at::FLOOR]).min((0.999 * units.start).ln()),
            &|ln| self.scale.value(ln.exp()),
        );
        if let Some((value, low, high)) = self.best_at() {
            quantities.push(Quantity {
                name: "where the best value falls".to_owned(),
                value: 100.0 * value,
                low: 100.0 * low,
                high: 100.0 * high,
                unit: "% of the run".to_owned(),
                meaning: format!(
                    "before its end, {name} turns up again: keep the best checkpoint, or train for less long"
                ),
            });
        }
        Explanation { quantities, notes: self.notes.clone() }
    }

    /// Path of the best run that reached its end; a constant reference rate if there is none.
    fn best_path(&self) -> Path {
        let ended = self.runs.iter().filter(|run| !run.diverged && run.last.is_some());
        let best = ended.min_by(|a, b| a.last.unwrap_or(f64::INFINITY).total_cmp(&b.last.unwrap_or(f64::INFINITY)));
        best.map_or(Path { ln_rates: [0.0; SEGMENTS], duration: 1.0 / SEGMENTS as f64 }, |run| {
            self.path(&run.rates, run.length, &run.settings)
        })
    }

    /// A function of the parameters and its deviation, linearised.
    fn linearised(&self, function: &dyn Fn(&Gradient) -> f64) -> (f64, f64) {
        let at = |k: usize, step: f64| {
            let mut v = self.posterior.v;
            v[k] += step;
            function(&self.posterior.prior.parameters(&v))
        };
        let slopes: Gradient = std::array::from_fn(|k| (at(k, STEP) - at(k, -STEP)) / (2.0 * STEP));
        let variance = self.posterior.variance(&slopes);
        (function(&self.posterior.prior.parameters(&self.posterior.v)), variance.sqrt() * self.multiplier)
    }
}

/// Intrinsic time at the reference rate, in units of the search's length, after which noise has followed half of a change.
fn half_time(curve: &Curve) -> f64 {
    let (mut low, mut high) = (1e-9f64.ln(), 1e6f64.ln());
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if curve.noise_left(middle.exp()) > RELAXED { low = middle } else { high = middle }
    }
    low.exp()
}
