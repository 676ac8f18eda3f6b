//! How far what has been seen of a run is from what the law expected of it: the innovation of filtering.
//!
//! A run of another task, network or batch size answers differently to the same rates. What counts is therefore not whether its
//! values were ever seen, but whether they are those that its own rates lead to.

use super::calibration::{STRETCH_95, multiplier};
use super::divergence::has_gone_astray;
use super::fitted_law::Law;
use super::seen::{Seen, ends_until, level_and_trend};
use crate::Run;

/// A peak that diverges with at least this probability explains a run that looks diverged.
const EXPLAINED: f64 = 0.05;
/// Runs that the law's own residuals count for beside those of the runs seen.
const WEIGHT: f64 = 2.0;

/// What was seen last of a run, and what was expected of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Innovation {
    /// Deviations between the two, of a normal: those of the law itself have the tails of Student's t.
    pub(crate) deviations: f64,
    /// What was seen, in the metric's units.
    pub(crate) seen: f64,
    /// Ends of the interval of one deviation in which it was expected.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Law {
    /// Of the level of a run, the fraction `progress` of which is known; `None` where too little has been seen, or where divergence is
    /// what its rates lead to.
    pub(super) fn innovation(&self, run: &Run, metric: usize, progress: f64) -> Option<Innovation> {
        let seen = Seen::of(self, run, metric, progress, None).ok()?;
        let ends = ends_until(progress);
        let (level, _) = level_and_trend(&seen.residuals)?;
        // Residuals end at an untrained network; a run may stand beyond it, as those do that fail for a while.
        let beyond = (seen.stands - self.units.start.ln()).max(0.0);
        let gone_astray = has_gone_astray(&seen.values, self.units.start, self.units.best);
        if gone_astray && self.threshold.probability(seen.question.ln_peak) > EXPLAINED {
            return None;
        }
        let levels = self.runs.iter().filter_map(|run| level_and_trend(run.residuals.get(..ends.len())?));
        let levels: Vec<f64> = levels.map(|(level, _)| level).collect();
        // What the law leaves of its own runs by now, in sight of what it leaves of their ends.
        let (count, scale) = (levels.len() as f64, self.forecast_process.scale().max(self.posterior.sigma));
        let mean = levels.iter().sum::<f64>() / (count + WEIGHT);
        let squares: f64 = levels.iter().map(|level| (level - mean).powi(2)).sum();
        let variance = (squares + WEIGHT * scale * scale) / (count + WEIGHT - 1.0) * (1.0 + 1.0 / (count + 1.0));
        let last = *ends.last()?;
        let (mut expected, mut doubt) = (mean, 0.0);
        self.posterior.curve().derivatives(&seen.question.path, &[last], |_, ln_gap, slopes| {
            expected += ln_gap;
            doubt = self.posterior.variance(&self.posterior.prior.whiten_gradient(slopes));
        });
        let deviation = multiplier(levels.len()) * (variance + doubt).sqrt();
        let gap = |ln_gap: f64| ln_gap.exp().min(self.units.start);
        let (low, high) = self.scale.range(gap(expected - deviation), gap(expected + deviation));
        let off = level - mean;
        Some(Innovation {
            deviations: (off + (beyond - self.diverged_ends.reach()).max(0.0)) / (STRETCH_95 * deviation),
            seen: self.scale.value((expected + off + beyond).exp()),
            low,
            high,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::fit::{FitOptions, LawFit, fit};
    use crate::{Direction, Metric, Model, Run, Schedule, Sweep};

    const STEPS: u64 = 400;

    /// A loss that falls along a power law of the rates' sum, to so many times the usual; from `dead` on it is that of the start.
    fn run(id: &str, schedule: &Schedule, level: f64, dead: f64) -> Run {
        let mut run = Run::new(id, 1);
        run.attributes.total_steps = Some(STEPS);
        let mut trained = 0.0;
        for step in 0..=STEPS {
            let rate = schedule.at_step(step, STEPS);
            trained += rate;
            if step % 8 == 0 {
                let alive = (step as f64) < dead * STEPS as f64;
                let loss = if alive { (0.3 + 2.0 / (1.0 + 0.5 * trained).sqrt()) * level } else { 2.3 };
                run.push(step, None, Some(rate), &[Some(loss)]).expect("increasing");
            }
        }
        run
    }

    fn law() -> Model {
        let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
        for k in 0..12 {
            let level = 1.0 + 0.02 * (f64::from(k * 7 % 12) - 5.5) / 5.5;
            sweep.runs.push(run(&k.to_string(), &Schedule::cosine(0.05 * 1.25f64.powi(k)), level, 2.0));
        }
        fit(&sweep, &LawFit::default().into(), FitOptions::default()).expect("fits").model
    }

    #[test]
    fn what_other_rates_would_have_to_explain_is_marked() {
        let law = law();
        // Between the peaks of the sweep, and a shape that it did not have.
        let schedule = Schedule::one_cycle(0.18);
        let objection = |level: f64, dead: f64, seen: u64| {
            let run = run("new", &schedule, level, dead);
            let points: Vec<_> = run.points(0).take_while(|point| point.step <= seen).collect();
            law.forecast(&points, STEPS, Some(&schedule)).expect("a forecast").outside_experience
        };
        for seen in [40, 100, 200, 320] {
            assert_eq!(objection(1.0, 2.0, seen), None);
            assert_eq!(objection(1.03, 2.0, seen), None, "as runs differ");
        }
        // Before anything is learned, there is nothing to tell runs by.
        for seen in [120, 200, 320] {
            let reason = objection(1.7, 2.0, seen).unwrap_or_else(|| panic!("another task at {seen}"));
            assert!(reason.contains("that its rates led to expect"), "{reason}");
        }
        assert_eq!(objection(1.0, 0.4, 150), None, "not dead yet");
        assert!(objection(1.0, 0.4, 200).is_some(), "dead");
        assert!(objection(0.4, 2.0, 200).is_some(), "too good to be the same");
    }

    #[test]
    fn a_run_that_stands_beyond_an_untrained_network_is_marked_and_its_forecast_starts_there() {
        let (law, schedule) = (law(), Schedule::one_cycle(0.18));
        for seen in [40, 120, 280] {
            // The metric on another scale.
            let points: Vec<_> =
                run("new", &schedule, 10.0, 2.0).points(0).take_while(|point| point.step <= seen).collect();
            let last = points.last().and_then(|point| point.validation).expect("a value");
            let forecast = law.forecast(&points, STEPS, Some(&schedule)).expect("a forecast");
            let reason = forecast.outside_experience.unwrap_or_else(|| panic!("not marked at {seen}"));
            let said =
                reason.split(' ').find_map(|word| word.trim_end_matches(',').parse::<f64>().ok()).expect("a value");
            assert!((said / last - 1.0).abs() < 0.1, "{last}: {reason}");
            let next = forecast.validation.mean[0];
            assert!((next / last - 1.0).abs() < 0.1, "{next} after {last}");
        }
    }
}
