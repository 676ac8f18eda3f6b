//! [`ControlledSettings`]: what can be chosen about the planner of the controlled model.

use serde::{Deserialize, Serialize};

use crate::error::{Result, setting};
use crate::plan::search::SearchFamily;

/// What can be chosen about the planner of the controlled model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
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
