//! [`Plan`]: what a planner decided, and everything it weighed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::Schedule;
use crate::model::Interval;

/// Where a candidate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum Origin {
    /// The schedule in force, carried on.
    InForce,
    /// A configuration of the sweep.
    Sweep {
        /// Name of the configuration.
        name: String,
    },
    /// A round of the search, counted from 1.
    Search {
        /// Round.
        round: usize,
    },
    /// A choice of the model's own, before the run has started.
    Opening {
        /// Whose choice it is.
        name: String,
    },
    /// A future decoded from a latent vector.
    Latent {
        /// Member of the ensemble.
        member: usize,
        /// Draw of that member; 0 is the encoded vector itself.
        draw: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce => write!(f, "the schedule in force"),
            Self::Sweep { name } => write!(f, "'{name}' of the sweep"),
            Self::Search { round } => write!(f, "search round {round}"),
            Self::Opening { name } => write!(f, "{name}"),
            Self::Latent { member, draw } => write!(f, "draw {draw} of member {member}"),
        }
    }
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Verdict {
    /// It is the schedule from here on, or part of its average.
    Chosen,
    /// It could have been.
    Accepted,
    /// It could not.
    Rejected {
        /// Why.
        reason: String,
    },
}

/// What is predicted for the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Prediction {
    /// Validation metric, in its own units.
    pub metric: f64,
    /// One standard deviation over the members of the ensemble, in the same units; 0 for a single member.
    pub spread: f64,
}

/// The score of a candidate and its terms: `total = reward - pessimism - edge - distrust - roughness`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Score {
    /// What candidates are ordered by.
    pub total: f64,
    /// Mean predicted reward over the members of the ensemble.
    pub reward: f64,
    /// Penalty for their disagreement.
    pub pessimism: f64,
    /// Penalty for rates so high that somewhat higher ones would wreck the run.
    #[serde(default)]
    pub edge: f64,
    /// Penalty for the distance to the nearest schedule of the sweep.
    pub distrust: f64,
    /// Penalty for being rougher than the nearest schedule of the sweep.
    pub roughness: f64,
}

/// One future that was weighed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Candidate {
    /// Where it comes from.
    pub origin: Origin,
    /// What became of it.
    pub verdict: Verdict,
    /// What is predicted for it, unless it was rejected before.
    pub prediction: Option<Prediction>,
    /// Its score; the paper's planner has no terms but the reward.
    pub score: Option<Score>,
    /// The progress at which the paper's planner takes the candidate to be now.
    pub aligned_at: Option<f64>,
    /// Its schedule from now on: kept for the schedule in force and the best few.
    pub schedule: Option<Schedule>,
    /// What a single run under a new seed will end at, two times out of three: said of schedules that open a run, by a model
    /// that picks them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interval: Option<Interval>,
    /// Probability that it is better than the schedule of the best measured run, said by the same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub probability_better_than_best: Option<f64>,
}

impl Candidate {
    /// One of which nothing is known yet, and which nothing speaks against.
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            verdict: Verdict::Accepted,
            prediction: None,
            score: None,
            aligned_at: None,
            schedule: None,
            interval: None,
            probability_better_than_best: None,
        }
    }
}

/// What a planner decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The schedule to follow; it says nothing about the part before `now`.
    pub schedule: Schedule,
    /// Is it another one than was in force?
    pub changed: bool,
    /// Why.
    pub reason: String,
    /// Progress from which the schedule applies, in [0, 1).
    pub now: f64,
    /// Counts the plans of a run, from 0; each has random numbers of its own.
    pub replan: u64,
    /// What is predicted for the schedule to follow, if anything.
    pub prediction: Option<Prediction>,
    /// Everything that was weighed.
    pub candidates: Vec<Candidate>,
}

impl Plan {
    /// The candidate that was chosen, where it is one and no average of several.
    pub fn chosen(&self) -> Option<&Candidate> {
        let mut chosen = self.candidates.iter().filter(|candidate| candidate.verdict == Verdict::Chosen);
        chosen.next().filter(|_| chosen.next().is_none())
    }

    /// Was anything weighed? Where something speaks against planning at all, nothing is, and the schedule in force stays.
    pub fn is_weighed(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// Number of candidates that were rejected.
    pub fn rejected(&self) -> usize {
        self.candidates.iter().filter(|candidate| matches!(candidate.verdict, Verdict::Rejected { .. })).count()
    }

    /// The rejection that most candidates share, and how many do.
    pub(super) fn commonest_rejection(candidates: &[Candidate]) -> Option<(String, usize)> {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for candidate in candidates {
            if let Verdict::Rejected { reason } = &candidate.verdict {
                *counts.entry(reason).or_default() += 1;
            }
        }
        let (reason, count) = counts.into_iter().max_by_key(|&(_, count)| count)?;
        Some((reason.to_owned(), count))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.changed { "new schedule" } else { "schedule kept" };
        writeln!(f, "{verb} at {:.0} % of the run: {}", self.now * 100.0, self.reason)?;
        write!(f, "learning rate {:.3e} now", self.schedule.learning_rate(self.now))?;
        for part in [0.25, 0.5, 0.75, 1.0] {
            let progress = self.now + part * (1.0 - self.now);
            write!(f, ", {:.3e} at {:.0} %", self.schedule.learning_rate(progress), progress * 100.0)?;
        }
        if let Some(Prediction { metric, spread }) = self.prediction {
            let of_runs = self.chosen().is_some_and(|chosen| chosen.interval.is_some());
            let what = if of_runs {
                "half of the range of two of three runs"
            } else {
                "how far the members of the model disagree"
            };
            write!(f, "\npredicted final metric {metric:.5}; +- {spread:.5}, {what}")?;
        }
        if !self.candidates.is_empty() {
            write!(f, "\n{} candidates weighed, {} rejected", self.candidates.len(), self.rejected())?;
        }
        Ok(())
    }
}
