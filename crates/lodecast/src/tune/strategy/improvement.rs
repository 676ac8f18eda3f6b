//! Expected improvement: the run that is expected to pass the best known one by most, under the plain process or under law
//! and process averaged.

use super::proposal::{Proposal, Situation, Strategy};
use super::spread;
use crate::model::law::{Answers, Appraiser, normal_distribution};
use crate::tune::error::TuneError;
use crate::{Result, Schedule};

pub(super) const PLAIN_PROCESS: Strategy = Strategy {
    name: "plain-process",
    about: "most expected improvement under a Gaussian process on schedule features",
    propose: |situation| propose(situation, "the plain process", by_process),
};

pub(super) const AVERAGED: Strategy = Strategy {
    name: "averaged",
    about: "most expected improvement under the law and that process averaged",
    propose: |situation| propose(situation, "law and process", averaged),
};

/// Schedules that are weighed.
const CANDIDATES: usize = 1000;

/// What is believed of the logarithm of a run's final gap.
struct Belief {
    mean: f64,
    deviation: f64,
    /// Probability that it diverges.
    chance: f64,
}

fn by_process(Answers { by_process, .. }: &Answers, _: f64) -> Belief {
    Belief { mean: by_process.ln_gap, deviation: by_process.doubt.sqrt(), chance: 0.0 }
}

fn averaged(Answers { averaged, .. }: &Answers, chance: f64) -> Belief {
    Belief { mean: averaged.ln_gap, deviation: averaged.doubt.sqrt(), chance }
}

impl Belief {
    /// By how much the logarithm of the gap is expected to pass below `best` (Jones, Schonlau & Welch 1998, equation 15).
    fn improvement(&self, best: f64) -> f64 {
        let gain = best - self.mean;
        let expected = if self.deviation > 0.0 {
            let z = gain / self.deviation;
            let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
            gain * normal_distribution(z) + self.deviation * density
        } else {
            gain.max(0.0)
        };
        (1.0 - self.chance) * expected
    }
}

fn propose(situation: &Situation<'_>, whose: &str, belief: fn(&Answers, f64) -> Belief) -> Result<Proposal, TuneError> {
    let law = if spread::next_start(situation)?.is_none() { situation.law() } else { None };
    let Some(law) = law else {
        return spread::propose(
            situation,
            situation.total_steps,
            "too early for a model: spread over shapes and peaks",
        );
    };
    let appraiser = Appraiser::new(&law, situation.total_steps);
    let mut scratch = Vec::new();
    let mut belief = |schedule: &Schedule| {
        let worth = appraiser.appraise(schedule, &mut scratch);
        belief(&appraiser.answers(&worth, &mut scratch), worth.chance)
    };
    // The best measured schedule by what is believed of it: the best measured value is a lucky one.
    let measured = law.measured_schedules();
    let best = measured.iter().map(|(_, schedule)| belief(schedule).mean).fold(f64::INFINITY, f64::min);
    let seed = situation.seed.wrapping_add(situation.asked);
    let mut found: Option<(f64, Schedule)> = None;
    for schedule in situation.shapes.sample(CANDIDATES, seed)? {
        let improvement = belief(&schedule).improvement(best);
        if found.as_ref().is_none_or(|(most, _)| improvement > *most) {
            found = Some((improvement, schedule));
        }
    }
    let Some((improvement, schedule)) = found.filter(|(improvement, _)| improvement.is_finite()) else {
        return spread::propose(
            situation,
            situation.total_steps,
            "the models say nothing: spread over shapes and peaks",
        );
    };
    Ok(Proposal {
        schedule,
        total_steps: situation.total_steps,
        settings: situation.study.settings_of_the_best(),
        reason: format!(
            "most improvement under {whose}: the gap to the ideal value is expected to shrink by {:.1} %",
            100.0 * -(-improvement).exp_m1()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn improvement_is_the_integral_it_stands_for() {
        let belief = Belief { mean: -1.0, deviation: 0.4, chance: 0.25 };
        let (best, step) = (-1.2, 1e-4);
        // Over the normal density, from -7 deviations up to where there is no improvement.
        let integral: f64 = (0..100_000)
            .map(|k| belief.mean - 2.8 + (f64::from(k) + 0.5) * step)
            .take_while(|&x| x < best)
            .map(|x| {
                let z = (x - belief.mean) / belief.deviation;
                (best - x) * (-0.5 * z * z).exp() / (belief.deviation * std::f64::consts::TAU.sqrt()) * step
            })
            .sum();
        assert!((belief.improvement(best) - 0.75 * integral).abs() < 1e-6);
        assert_eq!(Belief { deviation: 0.0, ..belief }.improvement(best), 0.0);
    }
}
