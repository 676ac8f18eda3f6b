//! The planner of the controlled model (method section 6): what if I set this rate?

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Situation;
use super::explanation::{Candidate, Origin, Plan, Prediction, Score, Verdict};
use super::remaining::{KnownSchedules, Remaining};
use super::search::{CrossEntropy, SearchFamily, Shape};
use crate::data::Schedule;
use crate::error::{Error, Result, setting};
use crate::experience::RateRange;
use crate::model::{ControlledForecaster, Interval, Opening, Outlook};
use crate::random::{Purpose, stream};

/// What is taken off for a margin that lies wholly beyond the rates of the sweep, or for a run slower than all of them, in units of
/// the reward.
const UNKNOWN: f64 = 0.02;
/// How many of the best candidates keep their schedule in the plan.
const SHOWN: usize = 12;

/// What can be chosen about the planner of the controlled model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlledSettings {
    /// Which schedules are searched besides those of the sweep.
    pub family: SearchFamily,
    /// Knots of [`SearchFamily::FreeKnots`], and of the measure of roughness.
    pub knots: usize,
    /// Schedules tried in a round of the search.
    pub population: usize,
    /// Rounds.
    pub rounds: usize,
    /// The best so far, around which the next round looks.
    pub elite: usize,
    /// Standard deviations over the ensemble that are taken off the predicted reward.
    pub pessimism: f64,
    /// A schedule has to bear this many times its rates, since how high a rate wrecks a run differs from seed to seed; 1
    /// for no such margin.
    #[serde(default = "no_margin")]
    pub rate_margin: f64,
    /// What a schedule may lose at the margin, in units of the reward; more is taken off its score.
    #[serde(default)]
    pub tolerated_loss: f64,
    /// Weight of the squared distance to the nearest schedule of the sweep, in units of the sweep's spread of ln lr.
    pub trust_weight: f64,
    /// Weight of the squared second differences of ln lr beyond those of the nearest schedule of the sweep.
    pub roughness_weight: f64,
    /// Fraction of the run over which the rate in force passes into the planned one.
    pub ramp: f64,
    /// The schedule in force stays unless the score gains more than this many standard deviations (over the ensemble) of
    /// the predicted difference.
    pub required_gain: f64,
    /// A run this many standard deviations outside what the sweep showed is not planned for.
    pub surprise_limit: f64,
    /// Keep what was planned first to the end of a run, where the model picks whole schedules by a rule of its own, as the law does:
    /// what it planned anew under way ended worse (docs/results.md).
    #[serde(default = "keep")]
    pub keep_pick: bool,
}

fn keep() -> bool {
    true
}

/// Of settings that were saved before there was a margin.
fn no_margin() -> f64 {
    1.0
}

impl Default for ControlledSettings {
    fn default() -> Self {
        Self {
            family: SearchFamily::HoldAndAnneal,
            knots: 7,
            population: 32,
            rounds: 4,
            elite: 6,
            pessimism: 2.0,
            rate_margin: 1.2,
            tolerated_loss: 0.1,
            trust_weight: 0.3,
            roughness_weight: 0.02,
            ramp: 0.025,
            required_gain: 2.0,
            surprise_limit: 3.0,
            keep_pick: true,
        }
    }
}

impl ControlledSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one that is out of its range.
    pub fn check(&self) -> Result<()> {
        let count = |name, value: usize, range: std::ops::RangeInclusive<usize>, remedy| {
            setting(name, value, range.contains(&value), remedy)
        };
        count("knots", self.knots, 3..=64, "give between 3 and 64")?;
        count("population", self.population, 2..=100_000, "give between 2 and 100000")?;
        count("rounds", self.rounds, 0..=1000, "give at most 1000")?;
        count("elite", self.elite, 1..=self.population, "give at least 1 and at most the population")?;
        let weight = |name, value: f64| {
            setting(name, value, (0.0..f64::INFINITY).contains(&value), "give a finite number that is not negative")
        };
        weight("pessimism", self.pessimism)?;
        weight("tolerated_loss", self.tolerated_loss)?;
        weight("trust_weight", self.trust_weight)?;
        weight("roughness_weight", self.roughness_weight)?;
        weight("required_gain", self.required_gain)?;
        let margin = (1.0..=10.0).contains(&self.rate_margin);
        setting("rate_margin", self.rate_margin, margin, "give a factor between 1 and 10")?;
        setting("ramp", self.ramp, (0.0..=0.5).contains(&self.ramp), "give a fraction of the run between 0 and 0.5")?;
        setting("surprise_limit", self.surprise_limit, self.surprise_limit > 0.0, "give a positive number")
    }
}

/// Candidates with what is needed to compare them.
struct Board<'a> {
    model: &'a dyn ControlledForecaster,
    outlook: Outlook<'a>,
    settings: &'a ControlledSettings,
    situation: &'a Situation<'a>,
    remaining: &'a Remaining,
    known: KnownSchedules,
    candidates: Vec<Candidate>,
    /// Of each candidate.
    schedules: Vec<Schedule>,
    /// Of each candidate and member.
    rewards: Vec<f64>,
}

impl Board<'_> {
    /// Has the model judge candidates: all at once as they are, then the better half of them at the margin.
    fn judge(&mut self, entries: Vec<(Origin, Schedule)>) -> Result<()> {
        let (origins, schedules): (Vec<Origin>, Vec<Schedule>) = entries.into_iter().unzip();
        let members = self.model.members();
        let rewards = self.predict(&schedules)?;
        let edges = self.edges(&schedules, &rewards)?;
        let judged: Vec<Candidate> = origins
            .into_par_iter()
            .zip(&schedules)
            .zip(rewards.par_chunks_exact(members).zip(&edges))
            .map(|((origin, schedule), (rewards, &edge))| self.candidate(origin, schedule, rewards, edge))
            .collect();
        self.candidates.extend(judged);
        self.schedules.extend(schedules);
        self.rewards.extend(rewards);
        Ok(())
    }

    /// The model's reward of each schedule and member.
    fn predict(&self, schedules: &[Schedule]) -> Result<Vec<f64>> {
        let rewards = (self.outlook)(schedules)?;
        let members = self.model.members();
        if members == 0 || rewards.len() != schedules.len() * members {
            let reason = format!(
                "the model gave {} predictions for {} schedules and {members} members",
                rewards.len(),
                schedules.len()
            );
            return Err(Error::Window { reason });
        }
        Ok(rewards)
    }

    /// What each schedule would lose at the margin, beyond what is tolerated. The model is asked about the better half of
    /// them; the others are taken to lose as much as any of these.
    fn edges(&self, schedules: &[Schedule], rewards: &[f64]) -> Result<Vec<f64>> {
        let (members, settings) = (self.model.members(), self.settings);
        if settings.rate_margin <= 1.0 {
            return Ok(vec![0.0; schedules.len()]);
        }
        let promise = |rewards: &[f64]| {
            let (reward, deviation) = mean_and_deviation(rewards);
            reward - settings.pessimism * deviation
        };
        let promises: Vec<f64> = rewards.chunks_exact(members).map(promise).collect();
        let mut order: Vec<usize> = (0..schedules.len()).collect();
        // The schedule in force, the first of all, is what the others are compared to.
        let in_force = usize::from(self.candidates.is_empty());
        // What is not a number promises nothing.
        let promised = |index: usize| if promises[index].is_nan() { f64::NEG_INFINITY } else { promises[index] };
        order[in_force..].sort_by(|&a, &b| promised(b).total_cmp(&promised(a)));
        order.truncate(schedules.len().div_ceil(2));
        let higher: Vec<Schedule> = order.iter().map(|&index| schedules[index].scaled(settings.rate_margin)).collect();
        let higher = self.predict(&higher)?;
        // What is not a number stays so, and rejects the candidate.
        let experience = self.model.experience();
        let highest = experience.learning_rates.highest;
        let is_whole = self.remaining.log_rate_in_force().is_none();
        let loss = |(&index, higher): (&usize, &[f64])| {
            let known = match promises[index] - promise(higher) - settings.tolerated_loss {
                loss if loss <= 0.0 => 0.0,
                loss => loss,
            };
            // The model has seen no rate beyond the sweep's: it takes them for the highest, and so for harmless.
            let peak = self.remaining.highest_rate(&schedules[index]);
            let margin = settings.rate_margin.ln();
            let beyond = (settings.rate_margin * peak / highest).ln().clamp(0.0, margin) / margin;
            let below = if is_whole { experience.below(peak) } else { 0.0 };
            known + UNKNOWN * beyond.max(below)
        };
        let losses: Vec<f64> = order.iter().zip(higher.chunks_exact(members)).map(loss).collect();
        let greatest = losses.iter().copied().filter(|loss| loss.is_finite()).fold(0.0, f64::max);
        let mut edges = vec![greatest; schedules.len()];
        for (index, loss) in order.into_iter().zip(losses) {
            edges[index] = loss;
        }
        Ok(edges)
    }

    fn candidate(&self, origin: Origin, schedule: &Schedule, rewards: &[f64], edge: f64) -> Candidate {
        let mut candidate = Candidate {
            origin,
            verdict: Verdict::Accepted,
            prediction: None,
            score: None,
            aligned_at: None,
            schedule: None,
            interval: None,
            probability_better_than_best: None,
        };
        let reject = |reason: String| Verdict::Rejected { reason };
        if let Some(member) = rewards.iter().position(|reward| !reward.is_finite()) {
            candidate.verdict = reject(format!("member {member} predicts a reward of {}", rewards[member]));
            return candidate;
        }
        if self.has_diverged(&candidate.origin) {
            candidate.verdict = reject("all of its runs in the sweep diverged".to_owned());
            return candidate;
        }
        let settings = self.settings;
        let (reward, deviation) = mean_and_deviation(rewards);
        let prediction = prediction(self.model, rewards);
        let pessimism = settings.pessimism * deviation;
        let strangeness = self.known.strangeness(self.remaining, schedule);
        let distrust = settings.trust_weight * strangeness.squared_distance;
        let roughness = settings.roughness_weight * strangeness.excess_roughness;
        let total = reward - pessimism - edge - distrust - roughness;
        if !(total.is_finite() && prediction.metric.is_finite() && prediction.spread.is_finite()) {
            candidate.verdict = reject("its predicted metric is not finite".to_owned());
            return candidate;
        }
        candidate.prediction = Some(prediction);
        candidate.score = Some(Score { total, reward, pessimism, edge, distrust, roughness });
        candidate
    }

    /// Is it a schedule of the sweep whose runs all diverged? What a model says of it is no reason to follow it.
    fn has_diverged(&self, origin: &Origin) -> bool {
        let Origin::Sweep { name } = origin else { return false };
        let configurations = &self.model.experience().configurations;
        configurations.iter().any(|configuration| configuration.name == *name && configuration.has_diverged())
    }

    fn total(&self, index: usize) -> Option<f64> {
        self.candidates[index].score.map(|score| score.total)
    }

    /// Standard deviation over the members of the difference between two candidates' rewards.
    fn doubt(&self, a: usize, b: usize) -> f64 {
        let members = self.model.members();
        let rewards = |index: usize| &self.rewards[index * members..(index + 1) * members];
        let differences: Vec<f64> = rewards(a).iter().zip(rewards(b)).map(|(a, b)| a - b).collect();
        mean_and_deviation(&differences).1
    }
}

/// The final metric that the members' rewards of one schedule amount to.
pub(super) fn prediction(model: &dyn ControlledForecaster, rewards: &[f64]) -> Prediction {
    let (reward, deviation) = mean_and_deviation(rewards);
    let metric = |reward| model.metric_from_reward(reward);
    Prediction { metric: metric(reward), spread: 0.5 * (metric(reward + deviation) - metric(reward - deviation)).abs() }
}

/// Mean and standard deviation of a sample; the deviation of one value is 0.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

pub(super) fn plan(
    model: &dyn ControlledForecaster,
    settings: &ControlledSettings,
    situation: &Situation<'_>,
) -> Result<Plan> {
    let experience = model.experience();
    if let Some(objection) = model.objection(situation.observed, situation.total_steps, settings.surprise_limit) {
        return Ok(situation.keep(objection, Vec::new()));
    }
    if situation.observed.is_empty()
        && let Some(plan) = opening(model, situation)?
    {
        return Ok(plan);
    }
    // Too high a rate wrecks a run, so the good configurations bound it; too low a one only wastes time, so every run does.
    let range = RateRange {
        lowest: experience.learning_rates.lowest.min(experience.good_learning_rates.lowest),
        highest: experience.good_learning_rates.highest,
    };
    let remaining = &Remaining::new(situation, experience, range, settings.ramp);
    let mut board = Board {
        model,
        outlook: model.outlook(situation.observed, situation.total_steps, situation.now)?,
        settings,
        situation,
        remaining,
        known: KnownSchedules::new(experience, remaining, settings.knots),
        candidates: Vec::new(),
        schedules: Vec::new(),
        rewards: Vec::new(),
    };
    let mut entries = vec![(Origin::InForce, situation.in_force.clone())];
    entries.extend(experience.configurations.iter().map(|configuration| {
        (Origin::Sweep { name: configuration.name.clone() }, remaining.rest_of(&configuration.schedule))
    }));
    board.judge(entries)?;
    // What a run followed before its first plan was nobody's pick, and a plan that an objection forestalled picked nothing.
    if settings.keep_pick && model.picks_whole_schedules() && situation.picked {
        return Ok(keep_pick(board));
    }
    let shape = match settings.family {
        SearchFamily::FreeKnots => Some(Shape::FreeKnots { knots: settings.knots }),
        SearchFamily::HoldAndAnneal => Some(Shape::HoldAndAnneal),
        SearchFamily::SweepOnly => None,
    };
    if let Some(shape) = shape {
        search(&mut board, shape)?;
    }
    Ok(decide(board))
}

/// The plan of a model that picks the schedule of a whole run by a rule of its own; `None` if it has none.
fn opening(model: &dyn ControlledForecaster, situation: &Situation<'_>) -> Result<Option<Plan>> {
    let openings = model.openings(situation.total_steps, situation.seed)?;
    let Some(picked) = openings.first() else { return Ok(None) };
    let predicted = |opening: &Opening| {
        let Interval { mean, low, high } = opening.predicted;
        Prediction { metric: mean, spread: 0.5 * (high - low) }
    };
    let candidate = |opening: &Opening| Candidate {
        origin: Origin::Opening { name: opening.name.clone() },
        verdict: Verdict::Accepted,
        prediction: Some(predicted(opening)),
        score: None,
        aligned_at: None,
        schedule: Some(opening.schedule.clone()),
        interval: Some(opening.predicted),
        probability_better_than_best: Some(opening.probability_better_than_best),
    };
    let mut candidates: Vec<Candidate> = openings.iter().map(candidate).collect();
    candidates[0].verdict = Verdict::Chosen;
    let Interval { mean, low, high } = picked.predicted;
    // A few hundred draws of an assumed posterior are no certainty.
    let chance = match picked.probability_better_than_best {
        chance if chance > 0.99 => "more than 99 %".to_owned(),
        chance if chance < 0.01 => "less than 1 %".to_owned(),
        chance => format!("{:.0} %", 100.0 * chance),
    };
    let reason = format!(
        "picked by law and process: ends at {mean:.4} ({low:.4} to {high:.4} in two of three runs); better than the best measured schedule with {chance} probability"
    );
    Ok(Some(Plan {
        schedule: picked.schedule.clone(),
        changed: picked.schedule != *situation.in_force,
        reason,
        now: situation.now,
        replan: situation.replan,
        prediction: Some(predicted(picked)),
        candidates,
    }))
}

fn search(board: &mut Board<'_>, shape: Shape) -> Result<()> {
    let remaining = board.remaining;
    let mut search = CrossEntropy::new(shape, remaining, board.settings.elite);
    let scored = |board: &Board<'_>, index: usize| board.total(index).unwrap_or(f64::NEG_INFINITY);
    search.tell(
        (0..board.schedules.len())
            .map(|index| (scored(board, index), shape.project(remaining, &board.schedules[index]))),
    );
    let mut random = stream(board.situation.seed, Purpose::Candidate, board.situation.replan);
    for round in 1..=board.settings.rounds {
        let samples = search.ask(&mut random, board.settings.population);
        let first = board.schedules.len();
        let entries = samples
            .par_iter()
            .map(|parameters| (Origin::Search { round }, shape.schedule(remaining, parameters)))
            .collect();
        board.judge(entries)?;
        search.tell(samples.into_iter().enumerate().map(|(k, parameters)| (scored(board, first + k), parameters)));
    }
    Ok(())
}

/// Keeps the schedule in force, and says what it and those of the sweep will reach.
fn keep_pick(mut board: Board<'_>) -> Plan {
    let in_force = &mut board.candidates[0];
    in_force.schedule = Some(board.schedules[0].clone());
    in_force.verdict = Verdict::Chosen;
    let prediction = in_force.prediction;
    let reason = "the schedule is kept to its end: this form of model picks a whole schedule once, and its pick stands"
        .to_owned();
    Plan { prediction, ..board.situation.keep(reason, board.candidates) }
}

/// Takes the best candidate, unless the schedule in force (the first candidate) is as good as far as the model can tell.
fn decide(mut board: Board<'_>) -> Plan {
    let in_force = 0;
    let mut order: Vec<(f64, usize)> =
        (0..board.schedules.len()).filter_map(|index| Some((board.total(index)?, index))).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    for &(_, index) in order.iter().take(SHOWN).chain([&(0.0, in_force)]) {
        board.candidates[index].schedule = Some(board.schedules[index].clone());
    }
    let Some(&(total, best)) = order.first() else {
        let reason = Plan::commonest_rejection(&board.candidates).map_or_else(String::new, |(reason, _)| reason);
        return board.situation.keep(format!("no prediction can be used: {reason}"), board.candidates);
    };
    let (chosen, reason) = match board.total(in_force) {
        Some(_) if best == in_force => (in_force, "no candidate is predicted to do better".to_owned()),
        Some(current) => {
            let (gain, doubt) = (total - current, board.settings.required_gain * board.doubt(best, in_force));
            let origin = &board.candidates[best].origin;
            if gain > doubt {
                (best, format!("{origin} gains {gain:.3} in score, more than the doubt of {doubt:.3}"))
            } else {
                (in_force, format!("{origin} gains {gain:.3} in score, within the doubt of {doubt:.3}"))
            }
        }
        None => (best, format!("{} is the best with a usable prediction", board.candidates[best].origin)),
    };
    board.candidates[chosen].verdict = Verdict::Chosen;
    Plan {
        schedule: board.schedules[chosen].clone(),
        changed: chosen != in_force,
        reason,
        now: board.remaining.now(),
        replan: board.situation.replan,
        prediction: board.candidates[chosen].prediction,
        candidates: board.candidates,
    }
}
