//! Candidates side by side: what the model says of each, and what is taken off its reward.

use rayon::prelude::*;

use super::settings::ControlledSettings;
use crate::data::Schedule;
use crate::error::{Error, Result};
use crate::experience::below;
use crate::model::{ControlledForecaster, Outlook};
use crate::plan::explanation::{Candidate, Origin, Prediction, Score, Verdict};
use crate::plan::known::KnownSchedules;
use crate::plan::remaining::Remaining;
use crate::plan::situation::Situation;

/// What is taken off for a margin that lies wholly beyond the rates of the sweep, or for a run slower than all of them, in units of
/// the reward.
const UNKNOWN: f64 = 0.02;

/// Candidates with what is needed to compare them.
pub(super) struct Board<'a> {
    pub(super) model: &'a dyn ControlledForecaster,
    pub(super) outlook: Outlook<'a>,
    pub(super) settings: &'a ControlledSettings,
    pub(super) situation: &'a Situation<'a>,
    pub(super) remaining: &'a Remaining,
    pub(super) known: KnownSchedules,
    pub(super) candidates: Vec<Candidate>,
    /// Of each candidate.
    pub(super) schedules: Vec<Schedule>,
    /// Of each candidate and member.
    pub(super) rewards: Vec<f64>,
}

impl Board<'_> {
    /// Has the model judge candidates: all at once as they are, then the better half of them at the margin.
    pub(super) fn judge(&mut self, entries: Vec<(Origin, Schedule)>) -> Result<()> {
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
        // Low rates in the rest of a run are what most schedules have.
        let slowest = self.remaining.log_rate_in_force().is_none().then(|| experience.slowest_peak());
        let loss = |(&index, higher): (&usize, &[f64])| {
            let known = match promises[index] - promise(higher) - settings.tolerated_loss {
                loss if loss <= 0.0 => 0.0,
                loss => loss,
            };
            // The model has seen no rate beyond the sweep's: it takes them for the highest, and so for harmless.
            let peak = self.remaining.highest_rate(&schedules[index]);
            let margin = settings.rate_margin.ln();
            let beyond = (settings.rate_margin * peak / highest).ln().clamp(0.0, margin) / margin;
            let below = slowest.map_or(0.0, |slowest| below(peak, slowest));
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
        let mut candidate = Candidate::new(origin);
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

    pub(super) fn total(&self, index: usize) -> Option<f64> {
        self.candidates[index].score.map(|score| score.total)
    }

    /// Standard deviation over the members of the difference between two candidates' rewards.
    pub(super) fn doubt(&self, a: usize, b: usize) -> f64 {
        let members = self.model.members();
        let rewards = |index: usize| &self.rewards[index * members..(index + 1) * members];
        let differences: Vec<f64> = rewards(a).iter().zip(rewards(b)).map(|(a, b)| a - b).collect();
        mean_and_deviation(&differences).1
    }
}

/// The final metric that the members' rewards of one schedule amount to.
pub(in crate::plan) fn prediction(model: &dyn ControlledForecaster, rewards: &[f64]) -> Prediction {
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
