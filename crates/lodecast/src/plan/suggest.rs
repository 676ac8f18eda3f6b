//! Which schedules to try next: runs that would teach a model most about where the best schedules are.

use serde::{Deserialize, Serialize};

use super::controlled::{self, ControlledSettings};
use super::explanation::Prediction;
use super::known::COMPARED;
use super::remaining::Remaining;
use super::situation::Situation;
use crate::data::Point;
use crate::data::Schedule;
use crate::error::{Error, Result, setting};
use crate::experience::Experience;
use crate::model::ControlledForecaster;

/// A schedule is a matter of progress: any length will do where nothing was observed.
const TOTAL_STEPS: u64 = 1000;

/// How to look for the schedules of a next round of runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct SuggestionSettings {
    /// Number of schedules.
    pub count: usize,
    /// Seed of the candidates.
    pub seed: u64,
    /// How far above the highest rate of the good configurations may be tried, as a factor.
    pub range_factor: f64,
    /// Weight of a candidate's distance from the schedules of the sweep, as in [`ControlledSettings::trust_weight`]: small,
    /// because a run that turns out badly costs no more than a run.
    pub trust_weight: f64,
    /// What is taken off the reward of a schedule that is known already; it falls off with the distance.
    pub repulsion: f64,
    /// The distance (root mean square over the run, in ln lr) at which it has fallen to 61 %.
    pub repulsion_distance: f64,
}

impl Default for SuggestionSettings {
    fn default() -> Self {
        Self { count: 12, seed: 0, range_factor: 1.5, trust_weight: 0.1, repulsion: 0.3, repulsion_distance: 0.25 }
    }
}

impl SuggestionSettings {
    fn check(&self) -> Result<()> {
        setting("count", self.count, (1..=1000).contains(&self.count), "give between 1 and 1000")?;
        let factor = self.range_factor;
        setting("range_factor", factor, (1.0..=100.0).contains(&factor), "give a factor between 1 and 100")?;
        let weight = |name, value: f64| {
            setting(name, value, (0.0..f64::INFINITY).contains(&value), "give a finite number that is not negative")
        };
        weight("trust_weight", self.trust_weight)?;
        weight("repulsion", self.repulsion)?;
        let distance = self.repulsion_distance;
        setting("repulsion_distance", distance, distance > 0.0 && distance.is_finite(), "give a positive number")
    }
}

/// A schedule worth a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Suggestion {
    /// The schedule.
    pub schedule: Schedule,
    /// The member of the ensemble that thinks most of it.
    pub member: usize,
    /// Final metric as the whole ensemble predicts it.
    pub prediction: Prediction,
}

/// Schedules for a next round of runs: what each member of the ensemble in turn thinks best, away from what is known.
///
/// The members agree where the sweep has been and differ where it has not. To follow one member at a time is Thompson
/// sampling (Thompson 1933) from the ensemble: it tries what may well be best, and learns where the members err. Schedules
/// near a configuration of the sweep or an earlier suggestion are penalised (local penalisation, González et al. 2016).
///
/// # Errors
/// If a setting is out of its range, or the model can say nothing or nothing that is a number.
pub fn suggest(model: &dyn ControlledForecaster, settings: &SuggestionSettings) -> Result<Vec<Suggestion>> {
    settings.check()?;
    let mut experience = model.experience().clone();
    let range = &mut experience.good_learning_rates;
    range.highest *= settings.range_factor;
    let planner = ControlledSettings {
        pessimism: 0.0,
        // Where the edge is, is what a suggestion may find out.
        rate_margin: 1.0,
        required_gain: 0.0,
        trust_weight: settings.trust_weight,
        // Nothing trains meanwhile: there is time for a wider search than a replan's.
        population: 64,
        rounds: 6,
        elite: 10,
        ..ControlledSettings::default()
    };
    let in_force = experience.best_configuration().schedule.clone();
    let whole_run = Remaining::new(
        &Situation::after(&[], TOTAL_STEPS, &in_force),
        &experience,
        experience.good_learning_rates,
        planner.ramp,
    );
    let curve = |schedule: &Schedule| whole_run.log_rates(schedule, COMPARED);
    let mut known: Vec<Vec<f64>> =
        experience.configurations.iter().map(|configuration| curve(&configuration.schedule)).collect();
    let mut suggestions = Vec::with_capacity(settings.count);
    for index in 0..settings.count {
        let member = index % model.members().max(1);
        let opinion =
            Opinion { model, member, experience: &experience, whole_run: &whole_run, known: &known, settings };
        let situation =
            Situation { seed: settings.seed, replan: index as u64, ..Situation::after(&[], TOTAL_STEPS, &in_force) };
        let schedule = controlled::plan(&opinion, &planner, &situation)?.schedule;
        let rewards = model.final_rewards(&[], TOTAL_STEPS, 0.0, std::slice::from_ref(&schedule))?;
        let prediction = controlled::prediction(model, &rewards);
        if !(prediction.metric.is_finite() && prediction.spread.is_finite()) {
            return Err(Error::NotFinite { what: "a final metric" });
        }
        known.push(curve(&schedule));
        suggestions.push(Suggestion { schedule, member, prediction });
    }
    Ok(suggestions)
}

/// One member's opinion, less what is known already.
struct Opinion<'a> {
    model: &'a dyn ControlledForecaster,
    member: usize,
    experience: &'a Experience,
    whole_run: &'a Remaining,
    /// ln lr over the run of each schedule that is known.
    known: &'a [Vec<f64>],
    settings: &'a SuggestionSettings,
}

impl Opinion<'_> {
    /// What is taken off for being near a known schedule.
    fn penalty(&self, schedule: &Schedule) -> f64 {
        let own = self.whole_run.log_rates(schedule, COMPARED);
        let squared_distance =
            |known: &Vec<f64>| known.iter().zip(&own).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / COMPARED as f64;
        let nearest = self.known.iter().map(squared_distance).fold(f64::INFINITY, f64::min);
        self.settings.repulsion * (-0.5 * nearest / self.settings.repulsion_distance.powi(2)).exp()
    }
}

impl ControlledForecaster for Opinion<'_> {
    fn members(&self) -> usize {
        1
    }

    fn final_rewards(
        &self,
        observed: &[Point],
        total_steps: u64,
        now: f64,
        schedules: &[Schedule],
    ) -> Result<Vec<f64>> {
        let rewards = self.model.final_rewards(observed, total_steps, now, schedules)?;
        let own = rewards.chunks_exact(self.model.members().max(1)).map(|members| members[self.member]);
        Ok(own.zip(schedules).map(|(reward, schedule)| reward - self.penalty(schedule)).collect())
    }

    fn metric_from_reward(&self, reward: f64) -> f64 {
        self.model.metric_from_reward(reward)
    }

    fn experience(&self) -> &Experience {
        self.experience
    }

    fn fingerprint(&self) -> String {
        self.model.fingerprint()
    }
}
