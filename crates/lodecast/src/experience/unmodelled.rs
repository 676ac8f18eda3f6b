//! Settings that count for more than the rates do: models answer for rates.

use std::collections::BTreeMap;

use crate::data::Sweep;

/// A mean square is no chance if it is so many times as large as one that is.
const SURELY: f64 = 4.0;

/// A final value, the configuration and the curve of rates of its run.
struct Ended {
    value: f64,
    rank: f64,
    configuration: usize,
    curve: usize,
}

/// Do settings that differ count for more than the rates do? Told by runs with the same rates and other settings. Values count by
/// their ranks: one explosion must not decide.
pub(crate) fn settings_beyond_rates(sweep: &Sweep, metric: usize) -> Option<String> {
    let names = sweep.differing_settings();
    if names.is_empty() {
        return None;
    }
    let direction = sweep.metrics.get(metric)?.direction;
    let worse = |a: f64, b: f64| if direction.is_better(a, b) { b } else { a };
    let worst = sweep.runs.iter().filter_map(|run| run.final_metric(metric)).reduce(worse)?;
    let mut place = vec![(0, 0); sweep.runs.len()];
    let curves = sweep.rate_curves();
    for (curve, runs) in curves.iter().enumerate() {
        for &run in runs {
            place[run].1 = curve;
        }
    }
    for (configuration, (_, runs)) in sweep.configurations().iter().enumerate() {
        for &run in runs {
            place[run].0 = configuration;
        }
    }
    let ended = sweep.runs.iter().zip(&place).filter_map(|(run, &(configuration, curve))| {
        let diverged = run.diverged_at(metric).is_some();
        let value = run.final_metric(metric).or(diverged.then_some(worst))?;
        (diverged || run.reached_end()).then_some(Ended { value, rank: 0.0, configuration, curve })
    });
    let mut ended: Vec<Ended> = ended.collect();
    rank(&mut ended);
    let [of_rates, of_settings, of_seeds] = mean_squares(&ended);
    let (of_settings, of_rates) = (of_settings?, of_rates.unwrap_or(0.0));
    // Without a second seed nobody knows what chance does.
    let least = of_seeds.map_or(SURELY * of_rates, |of_seeds| of_rates.max(SURELY * of_seeds));
    if of_settings <= least {
        return None;
    }
    let (low, high) = widest(&ended)?;
    let names: Vec<String> = names.into_iter().collect();
    Some(format!(
        "runs with the same rates end between {low:.4} and {high:.4}, as they differ in {}: this counts for more here than the rates do; \
         fit runs that share these settings",
        names.join(", ")
    ))
}

/// Mean ranks.
fn rank(ended: &mut [Ended]) {
    ended.sort_by(|a, b| a.value.total_cmp(&b.value));
    let mut below = 0;
    for tie in ended.chunk_by_mut(|a, b| a.value == b.value) {
        let middle = below as f64 + 0.5 * (tie.len() as f64 - 1.0);
        below += tie.len();
        for run in tie {
            run.rank = middle;
        }
    }
}

/// Mean squares of the analysis of variance: among curves of rates, among configurations of one curve, among runs of one configuration.
/// `None` where there is but one of them each.
fn mean_squares(ended: &[Ended]) -> [Option<f64>; 3] {
    let of_curve = means(ended, |run| run.curve);
    let of_configuration = means(ended, |run| run.configuration);
    let whole = ended.iter().map(|run| run.rank).sum::<f64>() / ended.len() as f64;
    let mut squares = [0.0; 3];
    for run in ended {
        let (curve, configuration) = (of_curve[&run.curve], of_configuration[&run.configuration]);
        squares[0] += (curve - whole).powi(2);
        squares[1] += (configuration - curve).powi(2);
        squares[2] += (run.rank - configuration).powi(2);
    }
    let (curves, configurations) = (of_curve.len(), of_configuration.len());
    let freedom = [curves.saturating_sub(1), configurations - curves, ended.len() - configurations];
    std::array::from_fn(|k| (freedom[k] > 0).then(|| squares[k] / freedom[k] as f64))
}

/// Mean rank of each group.
fn means(ended: &[Ended], group: impl Fn(&Ended) -> usize) -> BTreeMap<usize, f64> {
    let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for run in ended {
        let sum = sums.entry(group(run)).or_default();
        *sum = (sum.0 + run.rank, sum.1 + 1.0);
    }
    sums.into_iter().map(|(group, (sum, count))| (group, sum / count)).collect()
}

/// The lowest and the highest value of the curve of rates whose values lie farthest apart.
fn widest(ended: &[Ended]) -> Option<(f64, f64)> {
    // They are in order: the first of a curve is its lowest, the last its highest.
    let mut ends: BTreeMap<usize, (&Ended, &Ended)> = BTreeMap::new();
    for run in ended {
        ends.entry(run.curve).or_insert((run, run)).1 = run;
    }
    let apart = |(low, high): &(&Ended, &Ended)| high.rank - low.rank;
    let (low, high) = ends.into_values().max_by(|a, b| apart(a).total_cmp(&apart(b)))?;
    Some((low.value, high.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Direction, Metric, Run};

    /// Runs of constant rates: `(rate, weight decay, final value)`.
    fn doubt(runs: &[(f64, f64, f64)]) -> Option<String> {
        let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
        for (number, &(rate, decay, value)) in runs.iter().enumerate() {
            let mut run = Run::new(number.to_string(), 1);
            run.attributes.total_steps = Some(100);
            run.attributes.other.insert("weight_decay".to_owned(), decay.to_string());
            run.push(50, None, Some(rate), &[Some(0.5 * value)]).expect("a point");
            run.push(100, None, Some(rate), &[Some(value)]).expect("a point");
            sweep.runs.push(run);
        }
        settings_beyond_rates(&sweep, 0)
    }

    #[test]
    fn settings_that_count_for_more_than_the_rates_are_named() {
        let values = |decay: f64, rate: f64, seed: f64| 0.3 * decay + 0.1 * rate + 1e-3 * seed;
        let grid = |value: &dyn Fn(f64, f64, f64) -> f64| {
            let mut runs = Vec::new();
            for rate in [0.1, 0.2, 0.4] {
                for decay in [0.0, 1.0, 2.0] {
                    runs.extend([0.0, 1.0].map(|seed| (rate, decay, value(decay, rate, seed))));
                }
            }
            runs
        };
        let said = doubt(&grid(&values)).expect("weight decay decides");
        assert!(said.contains("between 0.0400 and 0.6410") && said.contains("weight_decay"), "{said}");
        assert_eq!(doubt(&grid(&|decay, rate, seed| values(0.1 * decay, 10.0 * rate, seed))), None, "the rates decide");
        // Neither decides: seeds do.
        let noise = |decay: f64, rate: f64, seed: f64| seed + 0.01 * decay + 0.01 * rate;
        assert_eq!(doubt(&grid(&noise)), None);
        // Where no two settings share their rates, nobody can tell.
        assert_eq!(doubt(&[(0.1, 0.0, 0.1), (0.2, 1.0, 0.9), (0.3, 2.0, 0.4)]), None);
    }
}
