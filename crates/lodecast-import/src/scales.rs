//! Runs of one sweep that measure on different scales: percentages beside fractions, epochs beside steps.

use lodecast::{Direction, Metric, Run};

use crate::import::RunReport;
use crate::names::{is_of_either_sign, is_percentage};

/// What a metric has at most where it is a fraction, and at least where it is a percentage that a network learned.
const FRACTION: f64 = 1.0;
const PERCENTAGE: (f64, f64) = (1.5, 100.0);
/// How many times further the steps of one run may go than those of another that has as many points.
const FURTHER: u64 = 20;

/// The largest values of each metric, by run.
#[derive(Debug, Default)]
pub(crate) struct Scales {
    /// Of each metric a run that is at most a fraction, and one that goes beyond, with how far they go.
    seen: Vec<[Option<(String, f64)>; 2]>,
}

impl Scales {
    /// Takes a run down.
    pub(crate) fn look_at(&mut self, run: &Run) {
        self.seen.resize(run.validations().len().max(self.seen.len()), [None, None]);
        for (seen, column) in self.seen.iter_mut().zip(run.validations()) {
            let largest = column.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
            let kind = match largest {
                large if large <= 0.0 => continue,
                large if large <= FRACTION => 0,
                large if (PERCENTAGE.0..=PERCENTAGE.1).contains(&large) => 1,
                _ => continue,
            };
            if seen[kind].is_none() {
                seen[kind] = Some((run.id.clone(), largest));
            }
        }
    }

    /// What is said of metrics that are fractions in some runs and percentages in others.
    pub(crate) fn says(&self, metrics: &[Metric]) -> Vec<String> {
        let is_share = |metric: &Metric| {
            (metric.direction == Direction::Max || is_percentage(&metric.name)) && !is_of_either_sign(&metric.name)
        };
        let of_two = metrics.iter().zip(&self.seen).filter(|(metric, _)| is_share(metric));
        of_two
            .filter_map(|(metric, seen)| {
                let [Some((one, fraction)), Some((other, percentage))] = seen else { return None };
                Some(format!(
                    "'{}' reaches {fraction} in run '{one}' and {percentage} in run '{other}': fractions beside percentages, in all \
                     likelihood, which cannot be compared; bring them to one scale, or import them by themselves",
                    metric.name
                ))
            })
            .collect()
    }
}

/// What is said of runs whose steps count another thing than those of others.
pub(crate) fn says_units(runs: &[RunReport]) -> Option<String> {
    let short = runs.iter().filter(|run| run.points > 2).min_by_key(|run| run.steps.1)?;
    let alike = |run: &&RunReport| run.points > 2 && run.points.max(short.points) <= 2 * run.points.min(short.points);
    let long = runs.iter().filter(alike).max_by_key(|run| run.steps.1)?;
    (long.steps.1 >= FURTHER * short.steps.1.max(1)).then(|| {
        format!(
            "run '{}' goes to step {} and run '{}' to {} with about as many points: if one counts epochs and the other steps, they \
             cannot be compared; import those that count epochs by themselves, with --steps-per-epoch COUNT",
            short.run, short.steps.1, long.run, long.steps.1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, accuracy: &[f64]) -> Run {
        let column: Vec<Option<f64>> = accuracy.iter().map(|&value| Some(value)).collect();
        let steps = (0..accuracy.len() as u64).collect();
        Run::from_columns(id, steps, column.clone(), column.clone(), vec![column]).unwrap()
    }

    fn said(metric: Metric, runs: &[&[f64]]) -> Vec<String> {
        let mut scales = Scales::default();
        for (index, values) in runs.iter().enumerate() {
            scales.look_at(&run(&index.to_string(), values));
        }
        scales.says(&[metric])
    }

    #[test]
    fn fractions_beside_percentages_are_spoken_of() {
        let accuracy = || Metric::new("val_acc", Direction::Max);
        let found = said(accuracy(), &[&[0.1, 0.4], &[10.0, 65.0]]);
        assert!(found[0].contains("0.4 in run '0' and 65 in run '1'"), "{found:?}");
        assert!(said(accuracy(), &[&[0.1, 0.4], &[0.2, 1.0]]).is_empty());
        assert!(said(accuracy(), &[&[10.0, 40.0], &[20.0, 100.0]]).is_empty());
        assert!(said(Metric::new("val_loss", Direction::Min), &[&[0.9, 0.4], &[20.0, 2.0]]).is_empty());
        assert!(said(Metric::new("val_reward", Direction::Max), &[&[0.1, 0.4], &[20.0, 2.0]]).is_empty());
        assert_eq!(said(Metric::new("val_error", Direction::Min), &[&[0.9, 0.4], &[60.0, 20.0]]).len(), 1);
    }
}
