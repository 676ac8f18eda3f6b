//! The pick: the schedule with the least expected final value, averaged over the law and the plain process.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::appraisal::{Appraisal, Appraiser};
use super::fitted_law::Law;
use super::forecast::{FinalForecast, Question, check};
use super::shapes::ShapeRange;
use crate::{Error, Result, Schedule};

/// Settings of a pick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PickSettings {
    /// Candidates drawn, besides the measured schedules.
    pub candidates: usize,
    /// Draws of the posterior by which probabilities are told.
    pub draws: usize,
    /// Seed of candidates and draws.
    pub seed: u64,
    /// Where candidates come from; by default shapes within what was measured ([`ShapeRange::of`]).
    pub shapes: Option<ShapeRange>,
}

impl Default for PickSettings {
    fn default() -> Self {
        Self { candidates: 2500, draws: 256, seed: 0, shapes: None }
    }
}

/// Where a schedule came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum PickOrigin {
    /// It is a shape nobody has run.
    New,
    /// It is the schedule of a measured run.
    Measured {
        /// The run.
        run: String,
    },
}

/// A schedule with what is expected of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alternative {
    /// Whose choice it is.
    pub name: String,
    /// The schedule.
    pub schedule: Schedule,
    /// Where it came from.
    pub origin: PickOrigin,
    /// Its final value, law and plain process averaged.
    pub predicted: FinalForecast,
    /// Probability that it is better than the schedule of the best measured run, law and plain process averaged.
    pub probability_better_than_best: f64,
}

/// The schedule to take, and what else there was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pick {
    /// The schedule to take.
    pub schedule: Schedule,
    /// Where it came from.
    pub origin: PickOrigin,
    /// Its final value, law and plain process averaged.
    pub predicted: FinalForecast,
    /// Probability that it is better than the schedule of the best measured run, law and plain process averaged; 1/2 if there
    /// is none.
    pub probability_better_than_best: f64,
    /// Other choices: the law's own, the plain process's own, the schedule of the best measured run.
    pub alternatives: Vec<Alternative>,
    /// What shapes were considered.
    pub shapes: ShapeRange,
}

/// Picks the schedule for a run of `total_steps` from what `law` has learned.
///
/// Candidates are 2,500 shapes and the measured schedules. Each has an expected final value under law and process, divergence
/// counted, and one under a plain Gaussian process that knows no law; the least geometric mean of the two is taken. They err in
/// different ways, so that what both believe in seldom fails. From 7 runs on doubt counts when new shapes are compared with each
/// other, from 24 on with a whole deviation: the best of so many is one that was overrated. The best of them then has to be expected
/// to end better than the best measured schedule. Where settings that differ count for more than the rates do, the schedule of the
/// best run is kept.
///
/// # Errors
/// If the run has no steps.
pub fn pick(law: &Law, total_steps: u64, settings: &PickSettings) -> Result<Pick> {
    let known = law.measured_schedules();
    let shapes = match &settings.shapes {
        Some(shapes) => shapes.clone(),
        None => law
            .shapes_beside(&known)
            .ok_or_else(|| Error::Sweep { reason: "no run has a positive learning rate".to_owned() })?,
    };
    let new =
        shapes.sample(settings.candidates, settings.seed)?.into_iter().map(|schedule| (schedule, PickOrigin::New));
    let known = known.into_iter().map(|(run, schedule)| (schedule, PickOrigin::Measured { run }));
    let (schedules, origins): (Vec<Schedule>, Vec<PickOrigin>) = known.chain(new).unzip();
    check(&schedules, total_steps)?;

    let appraiser = Appraiser::new(law, total_steps);
    let worths: Vec<Appraisal> = schedules
        .par_iter()
        .with_min_len(64)
        .map_init(Vec::new, |scratch, schedule| appraiser.appraise(schedule, scratch))
        .collect();
    let least_of = |among: &mut dyn Iterator<Item = usize>, score: &dyn Fn(&Appraisal) -> f64| {
        among.reduce(|best, next| if score(&worths[next]) < score(&worths[best]) { next } else { best })
    };
    let measured = origins.partition_point(|origin| *origin != PickOrigin::New);
    // Of thousands the best is one that was overrated; beside the measured ones it has to be expected to be better.
    let expected = |worth: &Appraisal| worth.expected;
    let best_known = least_of(&mut (0..measured), &expected);
    let best_new = appraiser.least_cautious(&worths[measured..]).map(|index| measured + index);
    // Where settings decide, nothing is gained by other rates than those of the best run.
    let kept = (measured > 0 && !law.doubts().is_empty()).then_some(0);
    let Some(picked) = kept.or_else(|| least_of(&mut best_known.into_iter().chain(best_new), &expected)) else {
        return Err(Error::Setting {
            name: "candidates",
            value: settings.candidates.to_string(),
            remedy: "give at least one: no run was measured",
        });
    };
    let measured_best = (measured > 0).then_some(0);
    let all = || 0..worths.len();
    let mut others = vec![("law alone", least_of(&mut all(), &|worth| worth.expected_by_law))];
    if appraiser.has_process() {
        others.push(("plain process alone", least_of(&mut all(), &|worth| worth.expected_by_process)));
    }
    others.push(("schedule of the best run", measured_best));
    let mut asked = vec![picked];
    asked.extend(others.iter().filter_map(|(_, index)| *index));
    let chances = better_than_best(&appraiser, &worths, &asked, measured_best, settings);
    let describe = |name: &str, at: usize| {
        let index = asked[at];
        let worth = &worths[index];
        Alternative {
            name: name.to_owned(),
            schedule: schedules[index].clone(),
            origin: origins[index].clone(),
            predicted: law.natural(appraiser.answers(worth, &mut Vec::new()).averaged, worth.chance),
            probability_better_than_best: chances[at],
        }
    };
    let Alternative { schedule, origin, predicted, probability_better_than_best, .. } = describe("average", 0);
    let names = others.iter().filter_map(|(name, index)| index.map(|_| *name));
    let alternatives = names.enumerate().map(|(k, name)| describe(name, k + 1)).collect();
    Ok(Pick { schedule, origin, predicted, probability_better_than_best, alternatives, shapes })
}

/// For each candidate asked about, how often its expected value is better than that of the best measured schedule.
fn better_than_best(
    appraiser: &Appraiser<'_>,
    worths: &[Appraisal],
    asked: &[usize],
    best: Option<usize>,
    settings: &PickSettings,
) -> Vec<f64> {
    let Some(best) = best else { return vec![0.5; asked.len()] };
    let questions: Vec<Question> =
        std::iter::once(&best).chain(asked).map(|&index| worths[index].question.clone()).collect();
    let draws = appraiser.sample(&questions, settings.draws.max(1), settings.seed);
    let direction = appraiser.law.metric().direction;
    (0..asked.len())
        .map(|at| {
            if asked[at] == best {
                return 0.5;
            }
            let better = draws.iter().filter(|draw| direction.is_better(draw[at + 1], draw[0])).count();
            better as f64 / draws.len() as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::{Direction, LawSettings, Metric, Run, Sweep};

    /// A toy whose final loss is best at a peak of 0.3 with annealing, and which diverges from 6 on.
    fn sweep() -> Sweep {
        let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
        let families = [Schedule::constant(1.0), Schedule::cosine(1.0), Schedule::one_cycle(1.0)];
        for (k, peak) in [0.01, 0.03, 0.1, 0.3, 1.0, 10.0].into_iter().enumerate() {
            let schedule = families[k % 3].scaled(peak);
            sweep.runs.push(run(&k.to_string(), &schedule));
        }
        sweep
    }

    fn run(id: &str, schedule: &Schedule) -> Run {
        let mut run = Run::new(id, 1);
        let (mut trained, mut noise) = (0.0, 0.0);
        for step in 0..=1000u64 {
            let rate = schedule.at_step(step, 1000);
            trained += rate;
            noise += 0.05 * (rate - noise);
            let loss = if rate > 6.0 || (step > 100 && schedule.at_step(100, 1000) > 6.0) {
                f64::NAN
            } else {
                0.1 + 2.2 / (1.0 + trained).sqrt() + 0.5 * noise
            };
            if step % 20 == 0 {
                run.push(step, None, Some(rate), &[Some(loss)]).expect("increasing");
            }
        }
        run
    }

    #[test]
    fn the_pick_trains_keeps_clear_of_divergence_and_is_among_the_best() {
        let sweep = sweep();
        let law = Law::fit(&sweep, "loss", &LawSettings::default()).expect("a fit");
        let picked = pick(&law, 1000, &PickSettings::default()).expect("a pick");
        let outcome = |schedule: &Schedule| run("picked", schedule).final_validation(0).expect("a value");
        let best =
            sweep.runs.iter().filter(|run| run.diverged_at(0).is_none()).filter_map(|run| run.final_validation(0));
        let best = best.fold(f64::INFINITY, f64::min);
        let found = outcome(&picked.schedule);
        assert!(run("picked", &picked.schedule).diverged_at(0).is_none(), "{:?}", picked.schedule);
        // The best measured peak is the highest that did not diverge: a little less of it is the price of not diverging.
        assert!(found < 1.2 * best, "{found} beside {best}");
        assert!(picked.predicted.probability_diverged < 0.05, "{:?}", picked.predicted);
        assert!(picked.predicted.low_95 < found && found < picked.predicted.high_95, "{found}: {:?}", picked.predicted);
        assert_eq!(pick(&law, 1000, &PickSettings::default()).expect("a pick"), picked, "the same seed, the same pick");
        let names: Vec<&str> = picked.alternatives.iter().map(|other| other.name.as_str()).collect();
        assert_eq!(names, ["law alone", "plain process alone", "schedule of the best run"]);
    }

    #[test]
    fn where_settings_decide_the_schedule_of_the_best_run_is_kept() {
        let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
        for (k, peak) in [0.03, 0.1, 0.3].into_iter().enumerate() {
            for (decay, cost) in [("0", 1.0), ("1", 0.2)] {
                for seed in 0..2 {
                    let base = run("", &Schedule::cosine(peak));
                    let mut run = Run::new(format!("{k} {decay} {seed}"), 1);
                    run.attributes.other.insert("weight_decay".to_owned(), decay.to_owned());
                    for point in base.points(0) {
                        let loss = point.validation.map(|loss| cost * (loss + 1e-3 * f64::from(seed)));
                        run.push(point.step, None, point.learning_rate, &[loss]).expect("increasing");
                    }
                    sweep.runs.push(run);
                }
            }
        }
        let law = Law::fit(&sweep, "loss", &LawSettings::default()).expect("a fit");
        assert!(law.doubts()[0].contains("weight_decay"), "{:?}", law.doubts());
        let picked = pick(&law, 1000, &PickSettings::default()).expect("a pick");
        assert!(
            matches!(&picked.origin, PickOrigin::Measured { run } if run.starts_with("2 1")),
            "{:?}",
            picked.origin
        );
    }

    #[test]
    fn without_annealed_runs_candidates_anneal_and_the_note_says_what_is_unknown() {
        let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
        for (k, peak) in [0.01, 0.03, 0.1, 0.3].into_iter().enumerate() {
            sweep.runs.push(run(&k.to_string(), &Schedule::constant(peak)));
        }
        let law = Law::fit(&sweep, "loss", &LawSettings::default()).expect("a fit");
        assert!(law.notes().iter().any(|note| note.contains("no run lets its rate fall")), "{:?}", law.notes());
        assert_eq!(law.believed_shapes(), ShapeRange::of(law.peaks(), None));
        sweep.runs.push(run("annealed", &Schedule::cosine(0.01)));
        let law = Law::fit(&sweep, "loss", &LawSettings::default()).expect("a fit");
        assert_ne!(
            law.believed_shapes(),
            ShapeRange::of(law.peaks(), None),
            "the best run does not anneal, and one did"
        );
    }

    #[test]
    fn of_many_runs_the_plain_process_knows_all_families() {
        // Of two thousand runs of four families in turn every fourth is of the same: a process of these would know one family.
        let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
        let late = Schedule::piecewise_linear([(0.0, 1.0), (0.7, 1.0), (1.0, 0.01)]).expect("knots");
        let families = [Schedule::constant(1.0), Schedule::cosine(1.0), late, Schedule::one_cycle(1.0)];
        for k in 0..2000 {
            let peak = 0.01 * 100f64.powf((f64::from(k) * 0.618_034).fract());
            sweep.runs.push(run(&k.to_string(), &families[k as usize % 4].scaled(peak)));
        }
        let law = Law::fit(&sweep, "loss", &LawSettings::default()).expect("a fit");
        for schedule in [families[0].scaled(0.1), families[1].scaled(0.3), families[2].scaled(0.3)] {
            let question = law.question(&schedule, 1000);
            let found = law.plain_process().expect("many runs").mean(&question.features, &mut Vec::new()).exp();
            let truth = run("asked", &schedule).final_validation(0).expect("a value");
            assert!((found / truth).ln().abs() < 0.05, "{found} for {truth}");
        }
    }

    #[test]
    fn without_a_run_the_prior_picks_near_the_rate_that_worked() {
        let knowledge = crate::PriorKnowledge::new(3e-4, 1000, 2.3);
        let law = Law::before_any_run(&Metric::new("loss", Direction::Min), &knowledge).expect("a prior");
        let picked = pick(&law, 1000, &PickSettings::default()).expect("a pick");
        let peak = (0..=100).map(|k| picked.schedule.learning_rate(f64::from(k) / 100.0)).fold(0.0, f64::max);
        assert!((1.5e-4..6e-4).contains(&peak), "{peak}");
        assert_eq!(picked.probability_better_than_best, 0.5);
    }

    /// A search of `count` runs of a toy, one of many: how fast it learns, how much noise costs, how fast that relaxes.
    fn toy(number: u64, count: usize) -> (Sweep, impl Fn(&Schedule) -> f64) {
        let mut random = crate::random::stream(number, crate::random::Purpose::Draw, 0);
        let mut between = |low: f64, high: f64| low + (high - low) * random.random::<f64>();
        let (power, cost, relaxation) = (between(0.3, 0.8), between(0.2, 1.5), between(0.01, 0.2));
        let shapes = ShapeRange { peak: (0.01, 2.0), ..ShapeRange::of(vec![0.01, 2.0], None).expect("peaks") };
        let curve = move |schedule: &Schedule| {
            let (mut trained, mut noise) = (0.0, 0.0);
            (0..=500u64)
                .map(|step| {
                    let rate = schedule.at_step(step, 500);
                    trained += rate;
                    noise += relaxation * (rate - noise);
                    (rate, 0.1 + 2.2 / (1.0 + trained).powf(power) + cost * noise)
                })
                .collect::<Vec<_>>()
        };
        let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
        for (k, schedule) in shapes.sample(count, number).expect("shapes").iter().enumerate() {
            let mut run = Run::new(k.to_string(), 1);
            for (step, (rate, loss)) in curve(schedule).into_iter().enumerate().step_by(10) {
                run.push(step as u64, None, Some(rate), &[Some(loss)]).expect("increasing");
            }
            sweep.runs.push(run);
        }
        (sweep, move |schedule| curve(schedule).last().expect("steps").1)
    }

    #[test]
    fn chances_to_beat_the_best_run_hold_what_they_say() {
        let settings = PickSettings { candidates: 600, ..PickSettings::default() };
        let (mut said, mut came) = (Vec::new(), Vec::new());
        for (number, runs) in (0..15).flat_map(|number| [4, 8, 16].map(|runs| (number, runs))) {
            let (sweep, outcome) = toy(number, runs);
            let law = Law::fit(&sweep, "loss", &LawSettings::default()).expect("a fit");
            let picked = pick(&law, 500, &settings).expect("a pick");
            let best = sweep.runs.iter().filter_map(|run| run.final_validation(0)).fold(f64::INFINITY, f64::min);
            let (found, chance) = (outcome(&picked.schedule), picked.probability_better_than_best);
            assert!(
                chance < 0.9 || found < 1.01 * best,
                "toy {number}, {runs} runs: {found} beside {best}, said {chance}"
            );
            said.push(chance);
            // The schedule of the best run itself is neither better nor worse.
            came.push(if picked.origin == PickOrigin::New { f64::from(found < best) } else { 0.5 });
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean(&said) - mean(&came)).abs() < 0.15, "said {}, came {}", mean(&said), mean(&came));
    }
}
