//! What to train with: the pick over everything told, what could still be better, and the run that would tell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::TuneError;
use super::strategy::Study as _;
use super::trial::SettingValue;
use super::tuner::Tuner;
use crate::model::law::{Appraiser, ShapeRange};
use crate::{Alternative, FinalForecast, Law, Pick, PickOrigin, PickSettings, Schedule, pick};

/// Schedules that are looked through for some that could still be better, and draws of the posterior by which that is told.
const LOOKED_AT: usize = 400;
const WEIGHED: usize = 48;
const DRAWS: usize = 256;
/// How many are named at most, and the chance below which none is.
const NAMED: usize = 3;
const LEAST_CHANCE: f64 = 0.05;
/// Mean difference of the logarithms of two curves' rates below which they are the same schedule to a reader.
const ALIKE: f64 = 0.25;

/// The schedule to take, and how sure that is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recommendation {
    /// The schedule to take.
    pub schedule: Schedule,
    /// For runs of this length, in optimizer steps.
    pub total_steps: u64,
    /// Other settings to take: those of the best run. Empty if none are tuned.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, SettingValue>,
    /// Where the schedule came from.
    pub origin: PickOrigin,
    /// The metric it will reach, with its intervals; `None` if nothing could be learned from what was told.
    pub predicted: Option<FinalForecast>,
    /// Probability that it beats the schedule of the best measured run; 1/2 if it is that one.
    pub probability_better_than_best: f64,
    /// The best measured run.
    pub best_run: BestRun,
    /// What each of the models alone would take, and the schedule of the best run.
    #[serde(default)]
    pub choices: Vec<Alternative>,
    /// What shapes were considered; `None` if nothing could be learned from what was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shapes: Option<ShapeRange>,
    /// Two or three schedules that could still be better.
    pub alternatives: Vec<CouldBeBetter>,
    /// The next run that would tell most about this choice.
    pub next_run: Option<NextRun>,
    /// Runs it rests on.
    pub runs: usize,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// The best measured run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BestRun {
    /// Its name.
    pub run: String,
    /// Its final value, luck included.
    pub value: f64,
}

/// A schedule that could still be better than the recommended one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CouldBeBetter {
    /// The schedule.
    pub schedule: Schedule,
    /// Where it came from.
    pub origin: PickOrigin,
    /// The metric it will reach.
    pub predicted: FinalForecast,
    /// Probability that it is better than the recommended one, law and plain process averaged.
    pub probability: f64,
}

/// A run worth making.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NextRun {
    /// Its schedule.
    pub schedule: Schedule,
    /// Its length in steps.
    pub total_steps: u64,
    /// Why it would tell.
    pub reason: String,
}

impl Recommendation {
    /// The pick that it rests on; `None` if nothing could be learned, and the best measured run is recommended as it is.
    pub fn pick(&self) -> Option<Pick> {
        Some(Pick {
            schedule: self.schedule.clone(),
            origin: self.origin.clone(),
            predicted: self.predicted?,
            probability_better_than_best: self.probability_better_than_best,
            alternatives: self.choices.clone(),
            shapes: self.shapes.clone()?,
        })
    }
}

impl Tuner {
    /// The schedule to take, from everything told so far: the pick over the law and a plain process, measured schedules
    /// included, within what may be tried.
    ///
    /// If nothing can be learned from the runs, it is the schedule of the best of them, and a note says why.
    ///
    /// # Errors
    /// If no run has reported its end, or all of them diverged.
    pub fn recommend(&self) -> Result<Recommendation, TuneError> {
        let nothing = || match self.ended() {
            0 => TuneError::NothingTold,
            runs => TuneError::AllDiverged { runs },
        };
        let best = self.best_run().ok_or_else(nothing)?;
        let settings = self.settings_of(&best);
        let total_steps = self.settings().total_steps;
        let best_run = BestRun { run: best.name.clone(), value: best.value };
        let runs = self.ended();
        let law = match self.law() {
            Ok(law) => law,
            Err(reason) => {
                return Ok(Recommendation {
                    schedule: best.schedule,
                    total_steps,
                    settings,
                    origin: PickOrigin::Measured { run: best.name },
                    predicted: None,
                    probability_better_than_best: 0.5,
                    best_run,
                    choices: Vec::new(),
                    shapes: None,
                    alternatives: Vec::new(),
                    next_run: None,
                    runs,
                    notes: vec![format!("the best measured run, as it is: {reason}")],
                });
            }
        };
        let shapes = self.settings().space.confined(law.believed_shapes().ok_or(TuneError::NoRates)?);
        let wanted =
            PickSettings { shapes: Some(shapes.clone()), seed: self.settings().seed, ..PickSettings::default() };
        let picked = pick(law, total_steps, &wanted)?;
        let (alternatives, next_run) = self.what_is_open(law, &picked, &shapes, total_steps)?;
        Ok(Recommendation {
            schedule: self.exact(&picked.origin, picked.schedule),
            total_steps,
            settings,
            origin: picked.origin,
            predicted: Some(picked.predicted),
            probability_better_than_best: picked.probability_better_than_best,
            best_run,
            choices: picked.alternatives,
            shapes: Some(shapes),
            alternatives,
            next_run,
            runs,
            notes: law.notes().to_vec(),
        })
    }

    /// The law knows the rates of a measured run; the trial has the schedule itself.
    fn exact(&self, origin: &PickOrigin, schedule: Schedule) -> Schedule {
        let PickOrigin::Measured { run } = origin else { return schedule };
        let asked = self.trials().iter().find(|record| record.trial.name == *run);
        asked.map_or(schedule, |record| record.trial.schedule.clone())
    }

    /// Schedules that could be better than the picked one, and the run that would tell most.
    fn what_is_open(
        &self,
        law: &Law,
        picked: &Pick,
        shapes: &ShapeRange,
        total_steps: u64,
    ) -> Result<(Vec<CouldBeBetter>, Option<NextRun>), TuneError> {
        let appraiser = Appraiser::new(law, total_steps);
        let mut scratch = Vec::new();
        let named =
            picked.alternatives.iter().map(|Alternative { schedule, origin, .. }| (schedule.clone(), origin.clone()));
        let known =
            law.measured_schedules().into_iter().map(|(run, schedule)| (schedule, PickOrigin::Measured { run }));
        let new =
            shapes.sample(LOOKED_AT, self.settings().seed)?.into_iter().map(|schedule| (schedule, PickOrigin::New));
        let mut open: Vec<_> = named
            .chain(known)
            .chain(new)
            .map(|(schedule, origin)| {
                let worth = appraiser.appraise(&schedule, &mut scratch);
                (schedule, origin, worth)
            })
            .collect();
        open.sort_by(|a, b| a.2.expected.total_cmp(&b.2.expected));
        open.truncate(WEIGHED);
        let first = appraiser.appraise(&picked.schedule, &mut scratch);
        let questions: Vec<_> = std::iter::once(&first)
            .chain(open.iter().map(|(_, _, worth)| worth))
            .map(|worth| worth.question.clone())
            .collect();
        let draws = appraiser.sample(&questions, DRAWS, self.settings().seed);
        let sign = law.metric().direction.sign();
        // By how much each is better than the picked one, draw by draw.
        let gain = |index: usize| draws.iter().map(move |draw| sign * (draw[index + 1] - draw[0]));
        let chance = |index: usize| gain(index).filter(|gain| *gain > 0.0).count() as f64 / DRAWS as f64;
        let mut order: Vec<(usize, f64)> = (0..open.len()).map(|index| (index, chance(index))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut chosen: Vec<usize> = Vec::new();
        for &(index, chance) in &order {
            let schedule = &open[index].0;
            let is_new =
                !alike(schedule, &picked.schedule) && chosen.iter().all(|&other| !alike(schedule, &open[other].0));
            if chosen.len() < NAMED && chance >= LEAST_CHANCE && is_new {
                chosen.push(index);
            }
        }
        let alternatives: Vec<CouldBeBetter> = chosen
            .iter()
            .map(|&index| {
                let (schedule, origin, worth) = &open[index];
                CouldBeBetter {
                    schedule: self.exact(origin, schedule.clone()),
                    origin: origin.clone(),
                    predicted: law.natural(appraiser.answers(worth, &mut Vec::new()).averaged, worth.chance),
                    probability: chance(index),
                }
            })
            .collect();
        // What is gained on average by knowing one of them: it is taken where it is better. Knowing the picked one, the best of
        // the others is taken where the picked one is worse.
        let mean = |gains: &mut dyn Iterator<Item = f64>| gains.map(|gain| gain.max(0.0)).sum::<f64>() / DRAWS as f64;
        let by_known = chosen.iter().map(|&index| mean(&mut gain(index)));
        let (most, value) =
            by_known.enumerate().fold(
                (None, 0.0),
                |best: (Option<usize>, f64), (k, value)| {
                    if value > best.1 { (Some(k), value) } else { best }
                },
            );
        let measured_best = law.measured_schedules();
        let of_picked = chosen.first().map_or(0.0, |&index| mean(&mut gain(index)));
        let next = if picked.origin == PickOrigin::New && of_picked >= 0.5 * value {
            let beside =
                if measured_best.is_empty() { String::new() } else { " beside the best measured one".to_owned() };
            Some((
                picked.schedule.clone(),
                format!("nobody has run the recommended schedule: a run of it shows what it is worth{beside}"),
            ))
        } else {
            most.map(|k| {
                let reason = format!(
                    "it is better than the recommended one in {:.0} % of what the runs leave possible",
                    100.0 * alternatives[k].probability
                );
                (alternatives[k].schedule.clone(), reason)
            })
        };
        Ok((alternatives, next.map(|(schedule, reason)| NextRun { schedule, total_steps, reason })))
    }
}

/// Are two schedules the same to a reader?
fn alike(a: &Schedule, b: &Schedule) -> bool {
    const TIMES: usize = 20;
    let least = 1e-3 * a.highest_rate().max(b.highest_rate());
    let difference = |k: usize| {
        let at = (k as f64 + 0.5) / TIMES as f64;
        (a.learning_rate(at).max(least) / b.learning_rate(at).max(least)).ln().abs()
    };
    (0..TIMES).map(difference).sum::<f64>() / (TIMES as f64) < ALIKE
}
