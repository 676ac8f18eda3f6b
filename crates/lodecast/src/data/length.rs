//! The planned length of a run: what was recorded where that is possible, and what other runs tell where it is not.
//!
//! A run that stopped early is evidence up to where it stopped, never a short plan: its progress is measured on the length
//! that it was planned for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Run, Sweep};

/// A run that ends beyond this fraction of its planned length has reached its end.
const END: f64 = 0.95;
/// So has one whose next point would lie beyond it, by this many of its usual distances.
const DISTANCES: u64 = 1;
/// A rate that ends below this fraction of its peak has been annealed: such a run has come to its planned end.
pub(crate) const ANNEALED: f64 = 0.3;

/// What was assumed about the planned length of a run, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LengthNote {
    /// The run.
    pub run: String,
    /// The length that it counts as planned for, in optimizer steps.
    pub total_steps: u64,
    /// What was found, and what was made of it.
    pub reason: String,
}

impl Run {
    /// The recorded planned length, if the run can have been planned for it: it is not 0, nor shorter than the run itself.
    pub fn planned_steps(&self) -> Option<u64> {
        let last = self.steps().last().copied().unwrap_or(0);
        self.attributes.total_steps.filter(|&steps| steps > 0 && steps >= last)
    }

    /// Planned length in steps: [`Self::planned_steps`], or else the last step (at least 1).
    pub fn total_steps(&self) -> u64 {
        self.planned_steps().unwrap_or_else(|| self.steps().last().copied().unwrap_or(0).max(1))
    }

    /// Did the run go on to its planned end, as far as its points tell?
    pub fn reached_end(&self) -> bool {
        let steps = self.steps();
        let Some(&last) = steps.last() else { return false };
        let total = self.total_steps();
        let distance = (last - steps[0]) / (steps.len() as u64 - 1).max(1);
        last as f64 >= END * total as f64 || last.saturating_add(DISTANCES * distance) >= total && steps.len() > 2
    }

    /// The final value of metric column `metric`, of a run that reached its end without diverging.
    pub fn final_metric(&self, metric: usize) -> Option<f64> {
        if !self.reached_end() || self.diverged_at(metric).is_some() {
            return None;
        }
        self.final_validation(metric)
    }

    /// Does the rate end well below its peak?
    fn is_annealed(&self) -> bool {
        self.last_rate().is_some_and(|last| last < ANNEALED)
    }

    /// The last rate that was recorded, as a part of the highest.
    pub(crate) fn last_rate(&self) -> Option<f64> {
        let rates = || self.learning_rate().iter().copied().flatten().filter(|rate| rate.is_finite());
        let peak = rates().fold(0.0, f64::max);
        rates().next_back().filter(|_| peak > 0.0).map(|last| last / peak)
    }
}

impl Sweep {
    /// The sweep with a planned length for every run, and what was assumed about those that recorded none that is possible.
    ///
    /// A run that is shorter than others and was not annealed when it ended counts as one that stopped: as planned for the
    /// length that most of the longer runs have. Any other run counts as planned for its last step.
    pub fn with_lengths(&self) -> (Cow<'_, Self>, Vec<LengthNote>) {
        let is_open = |run: &Run| run.planned_steps().is_none() && !run.is_empty();
        if !self.runs.iter().any(is_open) {
            return (Cow::Borrowed(self), Vec::new());
        }
        // How many runs have a length; of a run that says nothing its last step.
        let mut counts = BTreeMap::<u64, usize>::new();
        for run in &self.runs {
            if !is_open(run) || run.is_annealed() {
                *counts.entry(run.total_steps()).or_default() += 1;
            }
        }
        let longest = self.runs.iter().map(Run::total_steps).max().unwrap_or(1);
        counts.entry(longest).or_insert(1);
        let mut settled = self.clone();
        let mut notes = Vec::new();
        let columns = self.metrics.len().max(1);
        for run in settled.runs.iter_mut().filter(|run| is_open(run)) {
            let last = run.total_steps();
            let diverged = (0..columns).any(|metric| run.diverged_at(metric).is_some());
            let longer = counts.range(last..).filter(|&(&length, _)| (last as f64) < END * length as f64);
            // The commonest; of equally common ones the shortest.
            let planned = longer.fold(None, |best: Option<(u64, usize)>, (&length, &count)| {
                best.filter(|&(_, most)| most >= count).or(Some((length, count)))
            });
            let recorded = match run.attributes.total_steps {
                None => None,
                Some(0) => Some("its planned length is recorded as 0 steps".to_owned()),
                Some(steps) => Some(format!("its planned length is recorded as {steps} steps, but it has {last}")),
            };
            let (total_steps, assumed) = match planned {
                Some((length, _)) if !run.is_annealed() => {
                    let assumed = format!(
                        "it ends at step {last} with its rate still up, where others have {length} steps: taken as stopped early"
                    );
                    // Of one that diverged it is known why it ended.
                    (length, Some(assumed).filter(|_| !diverged))
                }
                _ => (last, recorded.as_ref().map(|_| format!("taken as planned for its last step, {last}"))),
            };
            run.attributes.total_steps = Some(total_steps);
            let reason: Vec<String> = recorded.into_iter().chain(assumed).collect();
            if !reason.is_empty() {
                notes.push(LengthNote { run: run.id.clone(), total_steps, reason: reason.join("; ") });
            }
        }
        (Cow::Owned(settled), notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Direction, Metric, Point};

    /// A run that logs every 10 steps up to `last`, under a rate.
    fn run(id: &str, last: u64, planned: Option<u64>, rate: impl Fn(u64) -> f64) -> Run {
        let point = |step: u64| Point::new(step).train_loss(1.0).learning_rate(rate(step)).validation(0.5);
        let mut run = Run::from_points(id, (1..=last / 10).map(|k| point(10 * k))).expect("steps increase");
        run.attributes.total_steps = planned;
        run
    }

    fn settled(runs: Vec<Run>) -> (Vec<u64>, Vec<LengthNote>) {
        let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
        sweep.runs = runs;
        let (sweep, notes) = sweep.with_lengths();
        (sweep.runs.iter().map(Run::total_steps).collect(), notes)
    }

    #[test]
    fn what_cannot_be_a_length_is_none() {
        let constant = |_| 0.1;
        assert_eq!(run("zero", 100, Some(0), constant).total_steps(), 100);
        assert_eq!(run("epochs", 100, Some(5), constant).total_steps(), 100, "shorter than the run itself");
        assert_eq!(run("stopped", 100, Some(1000), constant).total_steps(), 1000);
        assert_eq!(Run::new("empty", 1).total_steps(), 1);
    }

    #[test]
    fn a_run_that_stopped_is_no_short_plan() {
        let constant = |_| 0.1;
        let (lengths, notes) = settled(vec![
            run("a", 1000, Some(1000), constant),
            run("b", 1000, Some(1000), constant),
            run("pruned", 100, None, constant),
            run("zero", 200, Some(0), constant),
        ]);
        assert_eq!(lengths, [1000; 4]);
        assert_eq!(notes.iter().map(|note| note.run.as_str()).collect::<Vec<_>>(), ["pruned", "zero"]);
        assert!(notes[0].reason.contains("stopped early"), "{}", notes[0].reason);
        assert!(notes[1].reason.contains("recorded as 0"), "{}", notes[1].reason);
    }

    #[test]
    fn a_short_run_that_annealed_was_planned_short() {
        let linear = |total: u64| move |step: u64| 0.1 * (1.0 - step as f64 / total as f64);
        let (lengths, notes) =
            settled(vec![run("long", 1000, None, linear(1000)), run("short", 300, None, linear(300))]);
        assert_eq!(lengths, [1000, 300]);
        assert_eq!(notes, []);
    }

    #[test]
    fn the_end_of_a_run_is_known_from_its_points() {
        let constant = |_| 0.1;
        assert!(run("whole", 1000, Some(1000), constant).reached_end());
        assert!(run("last point a little early", 980, Some(1000), constant).reached_end());
        assert!(!run("stopped", 500, Some(1000), constant).reached_end());
        assert_eq!(run("stopped", 500, Some(1000), constant).final_metric(0), None);
        assert_eq!(run("whole", 1000, Some(1000), constant).final_metric(0), Some(0.5));
    }
}
