//! Which runs belong to one configuration: all that was set for them is the same but the seed.
//!
//! Neither a schedule's name nor a list of settings tells: names are missing or the same for different curves, and what a
//! tracker records besides settings (host, time, run number) differs between twins. So runs belong together if what was set
//! agrees and their curves of rates do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use super::interpolation::interpolate;
use super::setting::{canonical, is_setting};
use super::{Run, Sweep};
use crate::fingerprint::Fingerprint;

/// Rates at which two curves are compared.
const COMPARED: usize = 33;
/// How far they may be apart, relative to the rate, and how many of them may: a stair may be logged a step early.
const TOLERANCE: f64 = 1e-3;
const AGREEING: usize = 29;

impl Run {
    /// What was set for the run, by name: its schedule's name, its peak, its optimizer, and the other settings it records.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let attributes = &self.attributes;
        let mut settings: BTreeMap<String, String> = attributes
            .other
            .iter()
            .filter(|(name, _)| is_setting(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let named = [
            ("schedule", attributes.schedule.clone()),
            ("peak_lr", attributes.peak_lr.map(|peak| peak.to_string())),
            ("optimizer", attributes.optimizer.clone()),
        ];
        settings.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        settings
    }

    /// The same, each value in the one way that it is compared by.
    fn compared_settings(&self) -> BTreeMap<String, String> {
        self.settings().into_iter().map(|(name, value)| (name, canonical(&value))).collect()
    }

    /// Tells the run's settings and curve of rates from others, whatever sweep it is in. Twins that were logged at the same
    /// steps have the same one.
    pub fn signature(&self) -> String {
        let mut fingerprint = Fingerprint::default();
        for (name, value) in self.settings() {
            fingerprint.add(name.as_bytes());
            fingerprint.add(value.as_bytes());
        }
        fingerprint.add(&self.total_steps().to_le_bytes());
        for (step, rate) in self.steps().iter().zip(self.learning_rate()) {
            fingerprint.add(&step.to_le_bytes());
            // Logs differ in the last digits.
            fingerprint.add(&rate.map_or(u32::MAX, |rate| (rate as f32).to_bits()).to_le_bytes());
        }
        fingerprint.finish()
    }

    /// Name of the configuration as it was made up to model files of format 1, which refer to it.
    pub(crate) fn former_configuration(&self) -> String {
        let attributes = &self.attributes;
        let mut parts = Vec::new();
        parts.extend(attributes.schedule.clone());
        parts.extend(attributes.peak_lr.map(|peak_lr| format!("{peak_lr:.6e}")));
        parts.extend(attributes.optimizer.clone());
        parts.extend(attributes.other.iter().map(|(name, value)| format!("{name}={value}")));
        if attributes.schedule.is_none() && attributes.peak_lr.is_none() {
            let count = 8.min(self.len().max(1));
            let known: Vec<f64> = self.learning_rate().iter().copied().flatten().collect();
            if !known.is_empty() {
                let sample = |k: usize| known[k * (known.len() - 1) / (count - 1).max(1)];
                parts.push((0..count).map(|k| format!("{:.2e}", sample(k))).collect::<Vec<_>>().join(","));
            }
        }
        if parts.is_empty() { "unknown".to_owned() } else { parts.join(" ") }
    }

    /// `(step, rate)` where a usable rate was recorded.
    fn recorded_rates(&self) -> Vec<(f64, f64)> {
        let usable = |rate: Option<f64>| rate.filter(|rate| rate.is_finite() && *rate >= 0.0);
        let points = self.steps().iter().zip(self.learning_rate());
        points.filter_map(|(&step, &rate)| Some((step as f64, usable(rate)?))).collect()
    }

    /// A short name: the schedule and its peak, or what the recorded rates look like.
    pub fn label(&self) -> String {
        match (&self.attributes.schedule, self.attributes.peak_lr) {
            (Some(schedule), Some(peak)) => format!("{schedule} {peak}"),
            (Some(schedule), None) => schedule.clone(),
            (None, peak) => {
                let rates = self.recorded_rates();
                let most = rates.iter().map(|&(_, rate)| rate).reduce(f64::max);
                match (most.or(peak), rates.last()) {
                    (Some(most), Some(&(_, last))) if last < 0.99 * most => {
                        format!("peak {} falling to {}", significant(most), significant(last))
                    }
                    (Some(most), _) => format!("rate {}", significant(most)),
                    (None, _) => "unknown rate".to_owned(),
                }
            }
        }
    }
}

/// A rate with three significant digits.
fn significant(rate: f64) -> String {
    format!("{rate:.2e}").parse::<f64>().map_or_else(|_| rate.to_string(), |rounded| rounded.to_string())
}

/// By how much a curve that was logged now and then may be off at `at`, being drawn with straight lines: `h² |f''| / 8`.
fn off_between_points(curve: &[(f64, f64)], at: f64) -> f64 {
    let right = curve.partition_point(|&(step, _)| step < at);
    if right == 0 || right == curve.len() || curve[right].0 == at {
        return 0.0;
    }
    let line = |k: usize| (curve[k].0 - curve[k - 1].0, (curve[k].1 - curve[k - 1].1) / (curve[k].0 - curve[k - 1].0));
    let (width, slope) = line(right);
    let bend = |k: usize| {
        let (other_width, other_slope) = line(k);
        2.0 * (slope - other_slope).abs() / (width + other_width)
    };
    let before = if right > 1 { bend(right - 1) } else { 0.0 };
    let after = if right + 1 < curve.len() { bend(right + 1) } else { 0.0 };
    width * width * before.max(after) / 8.0
}

/// Do two recorded curves agree where both were recorded? Twins may be logged at steps of their own.
fn agree(a: &[(f64, f64)], b: &[(f64, f64)]) -> bool {
    let (Some(a_ends), Some(b_ends)) = (a.first().zip(a.last()), b.first().zip(b.last())) else {
        // What one of them did not record cannot speak against the settings that agree.
        return true;
    };
    let (from, to) = (a_ends.0.0.max(b_ends.0.0), a_ends.1.0.min(b_ends.1.0));
    if from > to {
        return false;
    }
    let agrees = |k: &usize| {
        let at = from + (to - from) * *k as f64 / (COMPARED - 1) as f64;
        let (x, y) = (interpolate(a, at), interpolate(b, at));
        (x - y).abs() <= TOLERANCE * x.max(y) + off_between_points(a, at) + off_between_points(b, at)
    };
    // Most curves differ from the first: that is known after a few rates.
    (0..COMPARED).filter(|k| !agrees(k)).nth(COMPARED - AGREEING).is_none()
}

/// Where a curve begins: numbers of curves that agree differ by at most one.
fn beginning(curve: &[(f64, f64)]) -> i64 {
    curve.first().map_or(i64::MIN / 2, |&(_, rate)| (rate.max(1e-30).ln() / (2.0 * TOLERANCE)).floor() as i64)
}

/// Runs of one configuration, while they are gathered.
struct Group {
    runs: Vec<usize>,
    /// Recorded rates of the longest of them.
    curve: Vec<(f64, f64)>,
}

impl Sweep {
    /// Configurations in order of first appearance, each with the indices of its runs: runs that were set up alike, with the
    /// same curve of rates and the same planned length. A name says what tells a configuration from the others of the sweep.
    pub fn configurations(&self) -> Vec<(String, Vec<usize>)> {
        let groups = self.gather(Run::compared_settings);
        let first = |runs: &[usize]| &self.runs[runs[0]];
        let differing = self.differing_settings();
        let lengths: BTreeSet<u64> = groups.iter().map(|runs| first(runs).total_steps()).collect();
        let mut taken: HashMap<String, usize> = HashMap::new();
        groups
            .into_iter()
            .map(|runs| {
                let run = first(&runs);
                let mut name = run.label();
                for (setting, value) in run.settings() {
                    if differing.contains(&setting) {
                        let _ = write!(name, " {setting}={value}");
                    }
                }
                if lengths.len() > 1 {
                    let _ = write!(name, " {} steps", run.total_steps());
                }
                let same = taken.entry(name.clone()).or_default();
                *same += 1;
                if *same > 1 {
                    let _ = write!(name, " ({same})");
                }
                (name, runs)
            })
            .collect()
    }

    /// Groups of runs with the same curve of rates and the same planned length, whatever else was set for them, in order of first
    /// appearance.
    pub(crate) fn rate_curves(&self) -> Vec<Vec<usize>> {
        self.gather(|_| BTreeMap::new())
    }

    /// Runs that agree in these settings, in their curve of rates and in their planned length.
    fn gather(&self, told_apart_by: impl Fn(&Run) -> BTreeMap<String, String>) -> Vec<Vec<usize>> {
        let mut groups: Vec<Group> = Vec::new();
        let mut alike: HashMap<(BTreeMap<String, String>, u64, i64), Vec<usize>> = HashMap::new();
        for (index, run) in self.runs.iter().enumerate() {
            let curve = run.recorded_rates();
            // Curves that agree begin alike: only those that do are compared, so that many runs are gathered quickly.
            let beginning = beginning(&curve);
            let mut key = (told_apart_by(run), run.total_steps(), beginning - 1);
            let mut found = None;
            while found.is_none() && key.2 <= beginning + 1 {
                let candidates = alike.get(&key).into_iter().flatten().copied();
                found = candidates.into_iter().find(|&group| agree(&groups[group].curve, &curve));
                key.2 += 1;
            }
            if let Some(group) = found {
                groups[group].runs.push(index);
                if curve.len() > groups[group].curve.len() {
                    groups[group].curve = curve;
                }
            } else {
                key.2 = beginning;
                alike.entry(key).or_default().push(groups.len());
                groups.push(Group { runs: vec![index], curve });
            }
        }
        groups.into_iter().map(|group| group.runs).collect()
    }

    /// Name of the configuration of every run; see [`Self::configurations`].
    pub fn configuration_names(&self) -> Vec<String> {
        let mut names = vec![String::new(); self.runs.len()];
        for (name, runs) in self.configurations() {
            for run in runs {
                names[run].clone_from(&name);
            }
        }
        names
    }

    /// Settings besides schedule and peak that not all runs share.
    pub(crate) fn differing_settings(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, (String, usize)> = BTreeMap::new();
        let mut differing = BTreeSet::new();
        for (setting, value) in self.runs.iter().flat_map(Run::compared_settings) {
            let known = seen.entry(setting.clone()).or_insert_with(|| (value.clone(), 0));
            known.1 += 1;
            if known.0 != value {
                differing.insert(setting);
            }
        }
        differing
            .extend(seen.into_iter().filter(|(_, (_, count))| *count < self.runs.len()).map(|(setting, _)| setting));
        differing.remove("schedule");
        differing.remove("peak_lr");
        differing
    }

    /// The configuration with the best mean final value of metric column `metric` over its runs, as `(name, mean, run
    /// indices)`. A run that diverged or was never validated counts as the worst value seen; one that stopped early counts
    /// for nothing.
    pub fn best_configuration(&self, metric: usize) -> Option<(String, f64, Vec<usize>)> {
        let direction = self.metrics.get(metric)?.direction;
        let (sweep, _) = self.with_lengths();
        let finals: Vec<Option<f64>> = sweep.runs.iter().map(|run| run.final_metric(metric)).collect();
        let worst = finals.iter().flatten().copied().reduce(|a, b| if direction.is_better(a, b) { b } else { a })?;
        let stopped = |run: &Run| !run.reached_end() && run.diverged_at(metric).is_none();
        sweep
            .configurations()
            .into_iter()
            .filter_map(|(name, mut runs)| {
                runs.retain(|&run| !stopped(&sweep.runs[run]));
                let mean = runs.iter().map(|&run| finals[run].unwrap_or(worst)).sum::<f64>() / runs.len() as f64;
                (!runs.is_empty()).then_some((name, mean, runs))
            })
            .reduce(|best, next| if direction.is_better(next.1, best.1) { next } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Direction, Metric, Point};

    fn run(id: &str, rate: impl Fn(u64) -> f64, set: &[(&str, &str)]) -> Run {
        let points = (1..=20).map(|k| Point::new(10 * k).train_loss(1.0).learning_rate(rate(10 * k)).validation(0.5));
        let mut run = Run::from_points(id, points).expect("steps increase");
        run.attributes.other = set.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        run
    }

    fn names(runs: Vec<Run>) -> Vec<(String, usize)> {
        let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
        sweep.runs = runs;
        sweep.configurations().into_iter().map(|(name, runs)| (name, runs.len())).collect()
    }

    #[test]
    fn twins_are_told_by_curve_and_settings_not_by_what_a_tracker_adds() {
        let cosine = |step: u64| 0.1 * (1.0 + (step as f64 / 64.0).cos());
        let found = names(vec![
            run("a", cosine, &[("random_state", "1"), ("host", "x"), ("weight_decay", "0.1")]),
            run("b", cosine, &[("random_state", "2"), ("host", "y"), ("weight_decay", "0.1")]),
            run("c", cosine, &[("random_state", "3"), ("host", "x"), ("weight_decay", "0.2")]),
        ]);
        assert_eq!(found.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 1]);
        assert!(found[1].0.contains("weight_decay=0.2"), "{found:?}");
    }

    #[test]
    fn twins_logged_at_steps_of_their_own_are_one_configuration() {
        let cosine = |step: u64| 0.05 * (1.0 + (std::f64::consts::PI * step as f64 / 1000.0).cos());
        let linear = |step: u64| 0.1 * (1.0 - step as f64 / 1000.0);
        let every = |stride: u64, rate: fn(u64) -> f64, set: &[(&str, &str)]| {
            let points =
                (0..=1000 / stride).map(|k| Point::new(k * stride).learning_rate(rate(k * stride)).validation(0.5));
            let mut run = Run::from_points(format!("{stride}"), points).expect("steps increase");
            run.attributes.total_steps = Some(1000);
            run.attributes.other = set.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            run
        };
        for rate in [cosine as fn(u64) -> f64, linear] {
            for (a, b) in [(20, 50), (20, 40), (1, 100), (8, 125)] {
                assert_eq!(names(vec![every(a, rate, &[]), every(b, rate, &[])]).len(), 1, "every {a} and every {b}");
            }
        }
        let shallower = |step: u64| 0.05 * (1.01 + 0.99 * (std::f64::consts::PI * step as f64 / 1000.0).cos());
        for (a, b) in [(20, 50), (10, 100)] {
            assert_eq!(
                names(vec![every(a, cosine, &[]), every(b, shallower, &[])]).len(),
                2,
                "1 % apart, every {a} and {b}"
            );
            assert_eq!(names(vec![every(a, cosine, &[]), every(b, linear, &[])]).len(), 2, "every {a} and every {b}");
        }
        let spelt = |decay: &str, optimizer: &str| {
            every(20, cosine, &[("weight_decay", decay), ("opt", optimizer), ("gpu", decay)])
        };
        assert_eq!(names(vec![spelt("0.1", "SGD"), spelt("0.10", "sgd"), spelt("1e-1", "Sgd")]).len(), 1);
        assert_eq!(names(vec![spelt("0.1", "SGD"), spelt("0.1", "adam")])[1].0, "peak 0.1 falling to 0 opt=adam");
    }

    #[test]
    fn one_peak_with_two_curves_is_two_configurations() {
        let mut runs = vec![run("a", |_| 0.1, &[]), run("b", |step| 0.1 - 4e-4 * step as f64, &[])];
        for run in &mut runs {
            run.attributes.peak_lr = Some(0.1);
        }
        let found = names(runs);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_ne!(found[0].0, found[1].0);
    }

    #[test]
    fn a_stopped_twin_belongs_to_its_configuration() {
        let mut whole = run("a", |step| 0.1 - 4e-4 * step as f64, &[]);
        let mut stopped = Run::from_points("b", whole.points(0).take(7)).expect("steps increase");
        for run in [&mut whole, &mut stopped] {
            run.attributes.total_steps = Some(200);
        }
        assert_eq!(names(vec![whole, stopped]).len(), 1);
    }

    #[test]
    fn a_signature_does_not_depend_on_the_seed() {
        let (mut a, mut b) = (run("a", |_| 0.1, &[("seed", "1")]), run("b", |_| 0.1, &[("seed", "2")]));
        (a.attributes.seed, b.attributes.seed) = (Some(1), Some(2));
        assert_eq!(a.signature(), b.signature());
        assert_ne!(a.signature(), run("c", |_| 0.2, &[]).signature());
    }
}
