//! When to replan.

use serde::{Deserialize, Serialize};

use crate::error::{Result, setting};
use crate::model::Forecaster;

/// When the scheduler plans the rest of the run anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Replan {
    /// When the run first reaches each of these fractions of its length; 0 is before the first step for a model that can
    /// plan before anything was observed, else after the first point.
    At(Vec<f64>),
    /// After each such fraction of the run.
    EveryFraction(f64),
    /// After each so many points.
    EveryPoints(u64),
}

/// Finer fractions of a run are no list of moments.
const LEAST_FRACTION: f64 = 1e-6;

impl Replan {
    /// The measured defaults: few replans, and the paper's model not before it has seen some of the run.
    pub fn default_for(forecaster: &Forecaster) -> Self {
        Self::At(match forecaster {
            Forecaster::Controlled(_) => vec![0.0, 0.1, 0.3, 0.5, 0.7],
            Forecaster::Paper(_) => vec![0.3, 0.6, 0.9],
        })
    }

    /// After each such fraction of a run of which the rates are asked for from outside, and before its start where the model can
    /// plan then.
    pub fn every(fraction: f64, forecaster: &Forecaster) -> Self {
        if matches!(forecaster, Forecaster::Paper(_)) || fraction.is_nan() || fraction < LEAST_FRACTION {
            return Self::EveryFraction(fraction);
        }
        let marks = (0..).map(|k| f64::from(k) * fraction);
        Self::At(marks.take_while(|&mark| mark < 1.0 - 1e-9).collect())
    }

    /// Occasions to replan up to here: at this progress, after so many points.
    pub fn occasions(&self, progress: f64, points: u64) -> u64 {
        // 0.3 of a run may come out as 0.29999999999999999.
        let progress = progress + 1e-9;
        match self {
            Self::At(marks) => marks.iter().filter(|&&mark| mark <= progress).count() as u64,
            Self::EveryFraction(fraction) => (progress / fraction) as u64,
            Self::EveryPoints(count) => points / count,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::At(marks) => marks.iter().try_for_each(|&mark| {
                setting("replan_at", mark, (0.0..1.0).contains(&mark), "give fractions of the run in [0, 1)")
            }),
            &Self::EveryFraction(fraction) => {
                let sound = fraction > 0.0 && fraction <= 1.0;
                setting("replan every", fraction, sound, "give a fraction of the run in (0, 1]")
            }
            &Self::EveryPoints(count) => setting("replan every", count, count > 0, "give at least one point"),
        }
    }
}
