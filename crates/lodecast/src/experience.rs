//! [`Experience`]: what a sweep showed, as far as a planner needs it. Part of the model file.

mod conditions;
mod rate_curve;
mod seen;
mod unmodelled;

use serde::{Deserialize, Serialize};

use crate::data::{Direction, Point, Run, Sweep};
use crate::data::{Family, Schedule};
use crate::error::{Error, Result};
use crate::odd::{mean_and_deviation, set_aside};
pub use conditions::Conditions;
use rate_curve::{agrees, mean_recorded, peak, positive_rates};
pub use seen::{Band, Seen, Surprise};
pub(crate) use unmodelled::settings_beyond_rates;

/// Configurations whose mean final metric is within this fraction of the best one's are good.
const GOOD: f64 = 0.03;
/// Rates below this fraction of the smallest peak of the sweep count as nothing.
const NEGLIGIBLE: f64 = 0.01;
/// Most configurations that are kept. A planner weighs each of them and measures distances to all.
const MOST_CONFIGURATIONS: usize = 128;
/// Samples of a schedule where its spread is measured.
const SAMPLES: usize = 33;
/// A spread of ln lr below this says that the sweep has tried one rate only.
const LEAST_SPREAD: f64 = 0.1;

/// A rate is beyond those of a sweep if it is this many times the highest.
const BEYOND: f64 = 1.05;
/// By how much less than in the slowest run a rate may be: what it learns changes slowly there.
const BELOW: f64 = 1.25;

/// A range of learning rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateRange {
    /// Smallest positive rate.
    pub lowest: f64,
    /// Largest rate.
    pub highest: f64,
}

impl RateRange {
    fn of(rates: impl Iterator<Item = f64>) -> Option<Self> {
        rates.fold(None, |range: Option<Self>, rate| {
            let range = range.unwrap_or(Self { lowest: rate, highest: rate });
            Some(Self { lowest: range.lowest.min(rate), highest: range.highest.max(rate) })
        })
    }

    /// The nearest rate within the range; the lowest for NaN.
    pub fn clamp(&self, rate: f64) -> f64 {
        // `max` and `min` return the other number when one is NaN.
        rate.max(self.lowest).min(self.highest)
    }

    fn is_sound(&self) -> bool {
        self.lowest > 0.0 && self.lowest <= self.highest && self.highest.is_finite()
    }
}

/// One configuration of the sweep: runs that differ by their seed only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Configuration {
    /// Its name, see [`Sweep::configurations`].
    pub name: String,
    /// Its schedule: the parametric one if it describes what was recorded, else the mean recorded rate.
    pub schedule: Schedule,
    /// Number of runs.
    pub runs: usize,
    /// Mean final metric; a run that diverged counts as the worst value of the sweep.
    pub final_metric: f64,
    /// Fraction of the runs that diverged.
    pub diverged: f64,
}

/// What a sweep showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Experience {
    /// Which way the metric is better.
    pub direction: Direction,
    /// The configurations whose schedule is known; of more than 128 the best 64 and an even choice of the others.
    pub configurations: Vec<Configuration>,
    /// Index of the one with the best mean final metric.
    pub best: usize,
    /// Learning rates of all runs that measured something and did not diverge.
    pub learning_rates: RateRange,
    /// Learning rates of the configurations within 3 % of the best that never diverged.
    pub good_learning_rates: RateRange,
    /// Rates below this one count as zero: their logarithm says nothing.
    pub negligible_rate: f64,
    /// Standard deviation of ln lr over all configurations and times.
    pub log_rate_spread: f64,
    /// What the runs looked like along the way.
    pub seen: Seen,
    /// What all of its runs had in common.
    #[serde(default)]
    pub conditions: Conditions,
}

impl Configuration {
    /// Did all of its runs diverge?
    pub(crate) fn has_diverged(&self) -> bool {
        self.diverged >= 1.0
    }
}

impl Experience {
    /// What `sweep` showed of its metric number `metric`.
    ///
    /// # Errors
    /// If no run has a final value of the metric, or no schedule is known.
    pub fn from_sweep(sweep: &Sweep, metric: usize) -> Result<Self> {
        Self::without(sweep, metric, &[])
    }

    /// The same, of a sweep whose runs of the ids `left_out` a model was not fitted to: that they bore their rates it does not know.
    pub(crate) fn without(sweep: &Sweep, metric: usize, left_out: &[&str]) -> Result<Self> {
        let (sweep, _) = set_aside(sweep, metric, None);
        let fail = |reason: &str| Err(Error::Sweep { reason: reason.to_owned() });
        let Some(direction) = sweep.metrics.get(metric).map(|metric| metric.direction) else {
            return fail("it has no such validation metric");
        };
        let worse = |a: f64, b: f64| if direction.is_better(a, b) { b } else { a };
        // Where every run was stopped, each counts as far as it came.
        let is_stopped = has_no_end(&sweep, metric);
        let has_diverged = |run: &Run| run.diverged_at(metric).is_some();
        let final_metric = |run: &Run| {
            if is_stopped {
                run.final_validation(metric).filter(|_| !has_diverged(run))
            } else {
                run.final_metric(metric)
            }
        };
        let Some(worst) = sweep.runs.iter().filter_map(final_metric).reduce(worse) else {
            return fail("no run measured a finite value of the metric without diverging");
        };
        let Some(smallest_peak) = sweep.runs.iter().filter_map(peak).reduce(f64::min) else {
            return fail("no run recorded a positive learning rate; check the name of its column");
        };
        let negligible_rate = NEGLIGIBLE * smallest_peak;
        let mut configurations = Vec::new();
        let mut members: Vec<Vec<&Run>> = Vec::new();
        for (name, indices) in sweep.configurations() {
            let runs: Vec<&Run> = indices.iter().map(|&index| &sweep.runs[index]).collect();
            let Some(schedule) = schedule_of(&runs, negligible_rate) else { continue };
            let diverged = runs.iter().filter(|run| has_diverged(run)).count();
            // A run that stopped early says nothing of its end, nor does one in which nothing was measured.
            let ended = runs
                .iter()
                .filter(|run| has_diverged(run) || (is_stopped || run.reached_end()) && has_measured(run, metric));
            let finals: Vec<f64> = ended.map(|run| final_metric(run).unwrap_or(worst)).collect();
            if finals.is_empty() {
                continue;
            }
            configurations.push(Configuration {
                name,
                schedule,
                runs: runs.len(),
                final_metric: mean_and_deviation(&finals).0,
                diverged: diverged as f64 / runs.len() as f64,
            });
            members.push(runs);
        }
        let better = |a: usize, b: usize| {
            let value = |index: usize| configurations[index].final_metric;
            if direction.is_better(value(b), value(a)) { b } else { a }
        };
        // A schedule under which every run diverged is none to follow, whatever the others came to.
        let followed = (0..configurations.len()).filter(|&index| !configurations[index].has_diverged());
        let Some(best) = followed.reduce(better) else {
            return fail(if configurations.is_empty() {
                "no configuration recorded its learning rates"
            } else {
                "the runs of every configuration that recorded its learning rates diverged; record one at a lower rate"
            });
        };
        let best_metric = configurations[best].final_metric;
        let is_good = |index: usize| {
            let configuration = &configurations[index];
            let near = (configuration.final_metric - best_metric).abs() <= GOOD * best_metric.abs();
            index == best || (near && configuration.diverged == 0.0)
        };
        let sound = |run: &&Run| run.diverged_at(metric).is_none();
        let is_known = |run: &&Run| has_measured(run, metric) && !left_out.contains(&run.id.as_str());
        let all = RateRange::of(sweep.runs.iter().filter(sound).filter(is_known).flat_map(positive_rates));
        let good = members.iter().enumerate().filter(|&(index, _)| is_good(index)).flat_map(|(_, runs)| runs);
        let good = RateRange::of(good.copied().filter(is_known).flat_map(positive_rates));
        // The runs that count may know their schedule by name only.
        let named = || {
            let schedule = &configurations[best].schedule;
            let rates = (0..SAMPLES).map(|k| schedule.learning_rate(k as f64 / (SAMPLES - 1) as f64));
            RateRange::of(rates.filter(|&rate| rate >= negligible_rate))
        };
        let Some(learning_rates) = all.or_else(named) else {
            return fail("no run that did not diverge has a positive learning rate");
        };
        let log_rate_spread = log_rate_spread(&configurations, negligible_rate);
        let (configurations, best) = representatives(configurations, best, direction);
        Ok(Self {
            direction,
            best,
            learning_rates,
            good_learning_rates: good.unwrap_or(learning_rates),
            negligible_rate,
            log_rate_spread,
            seen: Seen::from_runs(sweep.runs.iter().filter(sound), metric),
            conditions: Conditions::of(sweep.runs.iter().filter(|run| !sound(run) || has_measured(run, metric))),
            configurations,
        })
    }

    /// Of a search that nobody has made yet: one schedule is known to have worked, for runs of `total_steps` that may have ended with
    /// this value, and rates within `learning_rates` are believed to.
    pub(crate) fn before_any_run(
        direction: Direction,
        (schedule, total_steps, final_metric): (Schedule, u64, f64),
        learning_rates: RateRange,
    ) -> Self {
        let worked = Configuration { name: "what worked".to_owned(), schedule, runs: 0, final_metric, diverged: 0.0 };
        Self {
            direction,
            configurations: vec![worked],
            best: 0,
            learning_rates,
            good_learning_rates: learning_rates,
            negligible_rate: learning_rates.lowest,
            log_rate_spread: LEAST_SPREAD,
            seen: Seen::nothing(),
            conditions: Conditions { lengths: Some((total_steps, total_steps)), ..Conditions::default() },
        }
    }

    /// Is it of a search that nobody has made yet?
    pub fn is_before_any_run(&self) -> bool {
        self.configurations.iter().all(|configuration| configuration.runs == 0)
    }

    /// The configuration with the best mean final metric.
    pub fn best_configuration(&self) -> &Configuration {
        &self.configurations[self.best]
    }

    /// Why a run in this condition should not be planned for: its last points are more than `limit` standard deviations
    /// outside what the sweep showed at the same progress.
    pub(crate) fn objection(&self, observed: &[Point], total_steps: u64, limit: f64) -> Option<String> {
        let surprise = self.seen.surprise(observed, total_steps);
        let columns = [("train loss", surprise.train_loss), ("metric", surprise.validation)];
        columns.into_iter().find_map(|(name, distance)| {
            let distance = distance.filter(|&distance| distance > limit)?;
            Some(format!(
                "the {name} is {distance:.1} standard deviations outside what the sweep showed at this progress"
            ))
        })
    }

    /// What the sweep does not show of a run of so many steps under `schedule`: rates beyond all that were borne, a fall that no run
    /// had, or its length. What is forecast of such a run is not to be relied on.
    pub fn unknown(&self, schedule: &Schedule, total_steps: u64) -> Option<String> {
        self.unknown_schedule(schedule).or_else(|| self.conditions.unknown_length(total_steps))
    }

    /// The same, whatever the length.
    pub(crate) fn unknown_schedule(&self, schedule: &Schedule) -> Option<String> {
        // Before any run all is a guess, and told as one.
        if self.is_before_any_run() {
            return None;
        }
        self.unknown_rates(schedule).or_else(|| self.conditions.unknown_fall(schedule))
    }

    /// What a schedule asks of the model that no run of the sweep has shown: rates well above the highest that did not diverge, or
    /// none as high as the slowest of its configurations had. Low rates at the end of a run are another matter: most schedules have them.
    fn unknown_rates(&self, schedule: &Schedule) -> Option<String> {
        let (asked, highest) = (schedule.highest_rate(), self.learning_rates.highest);
        if asked > BEYOND * highest {
            return Some(format!(
                "its highest rate, {asked}, is beyond the {highest} that runs of the sweep have borne: what it leads to is a guess"
            ));
        }
        let slowest = self.slowest_peak();
        (below(asked, slowest) >= 1.0).then(|| {
            format!(
                "its highest rate, {asked}, is below the {slowest} of the slowest run of the sweep: how little it learns is a guess"
            )
        })
    }

    /// The highest rate of the configuration where it is lowest.
    pub(crate) fn slowest_peak(&self) -> f64 {
        let peaks = self.configurations.iter().map(|configuration| configuration.schedule.highest_rate());
        peaks.fold(self.learning_rates.highest, f64::min)
    }

    /// Checks an experience read from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        let unusable = |what: &str| Err(format!("{what} not usable; fit it again"));
        if self.best >= self.configurations.len() {
            return unusable("its list of configurations is");
        }
        for configuration in &self.configurations {
            configuration.schedule.check().map_err(|error| format!("'{}': {error}", configuration.name))?;
        }
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if !(self.learning_rates.is_sound()
            && self.good_learning_rates.is_sound()
            && positive(self.negligible_rate)
            && positive(self.log_rate_spread))
        {
            return unusable("its ranges of learning rates are");
        }
        self.seen.check()
    }
}

/// How far a whole run whose highest rate is `peak` lies below that of the slowest run of a sweep: 0 for not at all, 1 where it counts
/// as unknown.
pub(crate) fn below(peak: f64, slowest: f64) -> f64 {
    ((slowest / peak).ln() / BELOW.ln()).clamp(0.0, 1.0)
}

/// Was every run of the sweep that measured the metric, and did not diverge, stopped before its planned end?
pub(crate) fn has_no_end(sweep: &Sweep, metric: usize) -> bool {
    let sound = |run: &&Run| run.diverged_at(metric).is_none() && run.final_validation(metric).is_some();
    let mut sound = sweep.runs.iter().filter(sound).peekable();
    sound.peek().is_some() && sound.all(|run| !run.reached_end())
}

/// As many of the configurations as are kept, in their order, and the place of `best` among them: the better half of the
/// number are the best ones, the others are spread evenly over the rest by their final metric.
fn representatives(all: Vec<Configuration>, best: usize, direction: Direction) -> (Vec<Configuration>, usize) {
    if all.len() <= MOST_CONFIGURATIONS {
        return (all, best);
    }
    let reward = |index: usize| direction.sign() * all[index].final_metric;
    let mut order: Vec<usize> = (0..all.len()).filter(|&index| index != best).collect();
    order.sort_by(|&a, &b| reward(b).total_cmp(&reward(a)));
    let (top, rest) = order.split_at(MOST_CONFIGURATIONS / 2 - 1);
    let spread = MOST_CONFIGURATIONS / 2;
    let mut kept = vec![best];
    kept.extend(top);
    kept.extend((1..=spread).map(|k| rest[k * rest.len() / spread - 1]));
    kept.sort_unstable();
    let place = kept.partition_point(|&index| index < best);
    let mut all: Vec<Option<Configuration>> = all.into_iter().map(Some).collect();
    (kept.into_iter().filter_map(|index| all[index].take()).collect(), place)
}

/// Was its loss or the metric ever measured as a number?
fn has_measured(run: &Run, metric: usize) -> bool {
    run.train_loss().iter().chain(run.validation(metric)).flatten().any(|value| value.is_finite())
}

/// The schedule of a configuration's runs.
fn schedule_of(runs: &[&Run], floor: f64) -> Option<Schedule> {
    let attributes = &runs.first()?.attributes;
    let named = || {
        let family: Family = attributes.schedule.as_ref()?.parse().ok()?;
        let schedule = Schedule::parametric(family, attributes.peak_lr?);
        let schedule = match attributes.other.get("warmup") {
            Some(warmup) => schedule.with_warmup(warmup.parse().ok()?).ok()?,
            None => schedule,
        };
        (schedule.check().is_ok() && agrees(&schedule, runs)).then_some(schedule)
    };
    named().or_else(|| mean_recorded(runs, floor))
}

fn log_rate_spread(configurations: &[Configuration], floor: f64) -> f64 {
    let sample =
        |schedule: &Schedule, k: usize| schedule.learning_rate(k as f64 / (SAMPLES - 1) as f64).max(floor).ln();
    let values: Vec<f64> = configurations
        .iter()
        .flat_map(|configuration| (0..SAMPLES).map(|k| sample(&configuration.schedule, k)))
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    variance.sqrt().max(LEAST_SPREAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Metric;

    #[test]
    fn of_many_configurations_the_best_and_a_spread_are_kept() {
        let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
        for index in 0..1000u64 {
            let accuracy = (index * 617 % 1000) as f64 / 1000.0;
            let points = (1..=4)
                .map(|k| Point::new(k).train_loss(1.0).learning_rate(1e-3 * (index + 1) as f64).validation(accuracy));
            sweep.runs.push(Run::from_points(format!("run {index}"), points).expect("steps increase"));
        }
        let experience = Experience::from_sweep(&sweep, 0).expect("a usable sweep");
        assert_eq!(experience.configurations.len(), MOST_CONFIGURATIONS);
        assert_eq!(experience.best_configuration().final_metric, 0.999);
        let metrics = || experience.configurations.iter().map(|configuration| configuration.final_metric);
        assert!(metrics().filter(|&metric| metric > 0.93).count() >= 64, "the best are kept");
        assert!(metrics().any(|metric| metric < 0.05) && metrics().any(|metric| (0.4..0.6).contains(&metric)));
    }

    #[test]
    fn a_damaged_experience_is_refused() {
        let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
        let points = (0..20).map(|k| Point::new(k).train_loss(1.0).learning_rate(0.1).validation(0.5));
        sweep.runs.push(Run::from_points("run", points).expect("steps increase"));
        let sound = Experience::from_sweep(&sweep, 0).expect("a usable sweep");
        assert_eq!(sound.check(), Ok(()));
        let damages: [fn(&mut Experience); 7] = [
            |experience| experience.best = 1,
            |experience| experience.configurations.clear(),
            |experience| experience.configurations[0].schedule = Schedule::constant(f64::NAN),
            |experience| experience.learning_rates.lowest = 0.0,
            |experience| experience.good_learning_rates.highest = f64::INFINITY,
            |experience| experience.log_rate_spread = f64::NAN,
            |experience| experience.seen.train_loss.truncate(3),
        ];
        for damage in damages {
            let mut damaged = sound.clone();
            damage(&mut damaged);
            assert!(damaged.check().is_err(), "{damaged:?}");
        }
    }
}
