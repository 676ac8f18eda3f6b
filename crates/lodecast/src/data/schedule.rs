//! Learning-rate schedules: the learning rate as a function of a run's progress.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Run;
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;

/// The parametric families, after their warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Family {
    /// The peak rate throughout.
    Constant,
    /// Half a cosine from the peak to zero (Loshchilov & Hutter 2017).
    Cosine,
    /// Cosine rise from peak / 25 over 30 % of the run, then cosine fall to peak / 250,000 (Smith & Topin 2018).
    OneCycle,
    /// Exponential decay in equal stairs: multiplied by 0.5 at each tenth of the run.
    Staircase,
    /// Straight line from the peak to zero.
    Linear,
    /// Warm-up-stable-decay: the peak until 80 % of the run, then a straight line to zero (Hu et al. 2024).
    WarmupStableDecay,
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 6] = [
        Family::Constant,
        Family::Cosine,
        Family::OneCycle,
        Family::Staircase,
        Family::Linear,
        Family::WarmupStableDecay,
    ];

    /// Name as written in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Family::Constant => "constant",
            Family::Cosine => "cosine",
            Family::OneCycle => "one-cycle",
            Family::Staircase => "staircase",
            Family::Linear => "linear",
            Family::WarmupStableDecay => "warmup-stable-decay",
        }
    }

    /// Rate as a fraction of the peak at `progress` in [0, 1] of the run after its warm-up.
    fn shape(self, progress: f64) -> f64 {
        const RISE: f64 = 0.3;
        const INITIAL: f64 = 1.0 / 25.0;
        const FINAL: f64 = INITIAL / 1e4;
        const STAIRS: f64 = 10.0;
        const DECAY_FROM: f64 = 0.8;
        let cosine = |from: f64, to: f64, at: f64| to + (from - to) * 0.5 * (1.0 + (PI * at).cos());
        match self {
            Family::Constant => 1.0,
            Family::Cosine => cosine(1.0, 0.0, progress),
            Family::OneCycle if progress < RISE => cosine(INITIAL, 1.0, progress / RISE),
            Family::OneCycle => cosine(1.0, FINAL, (progress - RISE) / (1.0 - RISE)),
            // The last instant belongs to the last stair.
            Family::Staircase => 0.5f64.powf((progress * STAIRS + 1e-9).floor().min(STAIRS - 1.0)),
            Family::Linear => 1.0 - progress,
            Family::WarmupStableDecay if progress < DECAY_FROM => 1.0,
            Family::WarmupStableDecay => (1.0 - progress) / (1.0 - DECAY_FROM),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = || Family::ALL.map(Family::name).join(", ");
        Family::ALL
            .into_iter()
            .find(|family| family.name() == text)
            .ok_or_else(|| Error::UnknownFamily { family: text.to_owned(), known: known() })
    }
}

/// A learning-rate schedule over the progress of a run, `progress = step / total_steps` in [0, 1].
///
/// Either one of the parametric families or a piecewise-linear curve, which is what the planner writes.
///
/// ```
/// use lodecast::Schedule;
/// let schedule = Schedule::cosine(3e-3).with_warmup(0.1)?;
/// assert_eq!(schedule.learning_rate(0.05), 1.5e-3);
/// assert_eq!(schedule.learning_rate(0.1), 3e-3);
/// # Ok::<(), lodecast::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Schedule {
    /// A parametric family.
    Parametric {
        /// The family.
        family: Family,
        /// Its largest rate.
        peak_lr: f64,
        /// Fraction of the run spent rising linearly from zero before the family's own curve starts.
        warmup: f64,
    },
    /// Straight lines between knots; constant before the first and after the last.
    PiecewiseLinear {
        /// Progress and learning rate of each knot; progress does not decrease, equal progress is a jump.
        knots: Vec<Knot>,
    },
}

/// One knot of a piecewise-linear schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knot {
    /// Fraction of the planned run, in [0, 1].
    pub progress: f64,
    /// Learning rate.
    pub learning_rate: f64,
}

impl Knot {
    /// Learning rate at `progress` on the straight lines between `knots`, whose progress does not decrease; before the first and after
    /// the last one theirs. Of two at one place the second holds. NaN if there are none.
    ///
    /// ```
    /// use lodecast::Knot;
    /// let knots = [(0.0, 0.1), (0.5, 0.1), (1.0, 0.0)].map(|(progress, learning_rate)| Knot { progress, learning_rate });
    /// assert_eq!(Knot::learning_rate_at(&knots, 0.75), 0.05);
    /// ```
    pub fn learning_rate_at(knots: &[Self], progress: f64) -> f64 {
        interpolate(knots, knots.partition_point(|knot| knot.progress <= progress), progress)
    }
}

/// Rates agree that differ by less than this part of the peak, ...
const AGREEMENT: f64 = 0.02;
/// ... with all but one in so many recorded ones ...
const FEW: usize = 40;
/// ... wherever among so many places since the one before.
const WITHIN: usize = 8;

impl Schedule {
    /// A parametric schedule without warm-up.
    pub fn parametric(family: Family, peak_lr: f64) -> Self {
        Self::Parametric { family, peak_lr, warmup: 0.0 }
    }

    /// The same rate throughout.
    pub fn constant(learning_rate: f64) -> Self {
        Self::parametric(Family::Constant, learning_rate)
    }

    /// Half a cosine from `peak_lr` to zero.
    pub fn cosine(peak_lr: f64) -> Self {
        Self::parametric(Family::Cosine, peak_lr)
    }

    /// One cycle: up over 30 % of the run, then down.
    pub fn one_cycle(peak_lr: f64) -> Self {
        Self::parametric(Family::OneCycle, peak_lr)
    }

    /// Straight lines between `(progress, learning_rate)` knots.
    ///
    /// # Errors
    /// If there is no knot, progress decreases or leaves [0, 1], or a rate is negative or not finite.
    pub fn piecewise_linear(knots: impl IntoIterator<Item = (f64, f64)>) -> Result<Self> {
        let knots: Vec<Knot> =
            knots.into_iter().map(|(progress, learning_rate)| Knot { progress, learning_rate }).collect();
        let schedule = Self::PiecewiseLinear { knots };
        schedule.check()?;
        Ok(schedule)
    }

    /// The schedule a run follows: the family and peak that it names, if the learning rates that it recorded are of such a schedule or
    /// it recorded none; or else the rates that it recorded. `None` if it has neither.
    pub fn of_run(run: &Run) -> Option<Self> {
        let attributes = &run.attributes;
        let family = attributes.schedule.as_deref().and_then(|name| name.parse::<Family>().ok());
        if let (Some(family), Some(peak_lr)) = (family, attributes.peak_lr) {
            let warmup = attributes.other.get("warmup").and_then(|text| text.parse().ok()).unwrap_or(0.0);
            let schedule = Self::Parametric { family, peak_lr, warmup };
            if schedule.check().is_ok() && schedule.agrees_with(run, peak_lr) {
                return Some(schedule);
            }
        }
        let total = run.total_steps() as f64;
        // Rates of nothing but 0 were not recorded.
        run.learning_rate().iter().flatten().find(|rate| **rate > 0.0)?;
        let knots = run.steps().iter().zip(run.learning_rate());
        Self::piecewise_linear(knots.filter_map(|(&step, &rate)| Some((step as f64 / total, rate?)))).ok()
    }

    /// Are the rates that a run recorded those of this schedule with a peak of `peak_lr`? A few may be off, and each may stand for any
    /// of the steps since the one before.
    fn agrees_with(&self, run: &Run, peak_lr: f64) -> bool {
        let total = run.total_steps().max(1) as f64;
        let (mut before, mut recorded, mut off) = (0.0, 0usize, 0usize);
        for (&step, rate) in run.steps().iter().zip(run.learning_rate()) {
            let Some(rate) = rate.filter(|rate| rate.is_finite()) else { continue };
            let until = (step as f64 + 1.0) / total;
            let within = (0..=WITHIN).map(|k| {
                let progress = before + (until - before) * k as f64 / WITHIN as f64;
                self.learning_rate(progress.min(1.0))
            });
            let (least, most) = within.fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), r| (a.min(r), b.max(r)));
            let slack = AGREEMENT * peak_lr;
            off += usize::from(rate < least - slack || rate > most + slack);
            recorded += 1;
            before = (step as f64 - 1.0).max(0.0) / total;
        }
        off <= recorded.div_ceil(FEW)
    }

    /// Puts a linear warm-up over the first `fraction` of the run before a parametric schedule.
    ///
    /// # Errors
    /// If `fraction` is outside [0, 1) or the schedule is not parametric.
    pub fn with_warmup(self, fraction: f64) -> Result<Self> {
        match self {
            Self::Parametric { family, peak_lr, .. } => {
                let schedule = Self::Parametric { family, peak_lr, warmup: fraction };
                schedule.check()?;
                Ok(schedule)
            }
            Self::PiecewiseLinear { .. } => Err(Error::Schedule {
                reason: "a piecewise-linear schedule has its own rise: add knots instead of a warm-up".to_owned(),
            }),
        }
    }

    /// The same curve with every rate `factor` times as high.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        match &mut scaled {
            Self::Parametric { peak_lr, .. } => *peak_lr *= factor,
            Self::PiecewiseLinear { knots } => knots.iter_mut().for_each(|knot| knot.learning_rate *= factor),
        }
        scaled
    }

    /// Checks that every rate the schedule can give is finite and not negative. Call it on schedules read from outside.
    ///
    /// # Errors
    /// Names what is wrong.
    pub fn check(&self) -> Result<()> {
        let fail = |reason: String| Err(Error::Schedule { reason });
        match self {
            Self::Parametric { peak_lr, .. } if !(peak_lr.is_finite() && *peak_lr > 0.0) => {
                fail(format!("the peak learning rate is {peak_lr}: give a positive, finite one"))
            }
            Self::Parametric { warmup, .. } if !(0.0..1.0).contains(warmup) => {
                fail(format!("the warm-up is {warmup}: give a fraction of the run in [0, 1)"))
            }
            Self::Parametric { .. } => Ok(()),
            Self::PiecewiseLinear { knots } => {
                if knots.is_empty() {
                    return fail("it has no knots: give at least one (progress, learning rate) pair".to_owned());
                }
                let mut last = 0.0;
                for (index, knot) in knots.iter().enumerate() {
                    if !(knot.progress >= last && knot.progress <= 1.0) {
                        return fail(format!(
                            "knot {index} is at progress {}: progress runs from 0 to 1 and never back",
                            knot.progress
                        ));
                    }
                    if !(knot.learning_rate.is_finite() && knot.learning_rate >= 0.0) {
                        return fail(format!("knot {index} has the learning rate {}", knot.learning_rate));
                    }
                    last = knot.progress;
                }
                Ok(())
            }
        }
    }

    /// Learning rate at `progress`, which is clamped to [0, 1].
    pub fn learning_rate(&self, progress: f64) -> f64 {
        let progress = if progress.is_nan() { 0.0 } else { progress.clamp(0.0, 1.0) };
        match self {
            Self::Parametric { peak_lr, warmup, .. } if progress < *warmup => peak_lr * progress / warmup,
            Self::Parametric { family, peak_lr, warmup } => {
                peak_lr * family.shape((progress - warmup) / (1.0 - warmup))
            }
            Self::PiecewiseLinear { knots } => Knot::learning_rate_at(knots, progress),
        }
    }

    /// [`Self::learning_rate`] at each of `progresses`, which must not decrease and lie in [0, 1].
    pub(crate) fn learning_rates(&self, progresses: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
        let mut after = 0;
        progresses.map(move |progress| match self {
            Self::Parametric { .. } => self.learning_rate(progress),
            Self::PiecewiseLinear { knots } => {
                while knots.get(after).is_some_and(|knot| knot.progress <= progress) {
                    after += 1;
                }
                interpolate(knots, after, progress)
            }
        })
    }

    /// Learning rate at an optimizer step of a run of `total_steps`.
    pub fn at_step(&self, step: u64, total_steps: u64) -> f64 {
        self.learning_rate(step as f64 / total_steps.max(1) as f64)
    }

    /// The highest rate that it gives.
    pub fn highest_rate(&self) -> f64 {
        match self {
            Self::Parametric { peak_lr, .. } => *peak_lr,
            Self::PiecewiseLinear { knots } => knots.iter().map(|knot| knot.learning_rate).fold(0.0, f64::max),
        }
    }

    /// Tells this schedule from others.
    pub fn fingerprint(&self) -> String {
        let mut fingerprint = Fingerprint::default();
        match self {
            Self::Parametric { family, peak_lr, warmup } => {
                fingerprint.add(family.name().as_bytes());
                fingerprint.add(&peak_lr.to_le_bytes());
                fingerprint.add(&warmup.to_le_bytes());
            }
            Self::PiecewiseLinear { knots } => {
                for knot in knots {
                    fingerprint.add(&knot.progress.to_le_bytes());
                    fingerprint.add(&knot.learning_rate.to_le_bytes());
                }
            }
        }
        fingerprint.finish()
    }

    /// Short name for tables: the family and peak, or the number of knots.
    pub fn describe(&self) -> String {
        match self {
            Self::Parametric { family, peak_lr, warmup } if *warmup > 0.0 => {
                format!("{family} {peak_lr:.3e}, warm-up {:.0} %", warmup * 100.0)
            }
            Self::Parametric { family, peak_lr, .. } => format!("{family} {peak_lr:.3e}"),
            Self::PiecewiseLinear { knots } => format!("{} knots", knots.len()),
        }
    }
}

/// Rate at `progress`; the knots before `after` lie at or before it.
fn interpolate(knots: &[Knot], after: usize, progress: f64) -> f64 {
    let Some(left) = after.checked_sub(1).map(|before| knots[before]) else {
        // A schedule without knots gives no rate.
        return knots.first().map_or(f64::NAN, |first| first.learning_rate);
    };
    let Some(right) = knots.get(after) else { return left.learning_rate };
    let weight = (progress - left.progress) / (right.progress - left.progress);
    left.learning_rate + weight * (right.learning_rate - left.learning_rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn many_rates_at_once_are_the_rates_one_by_one(
            mut at in prop::collection::vec(0.0..=1.0f64, 1..12), mut asked in prop::collection::vec(0.0..=1.0f64, 0..40),
        ) {
            at.sort_by(f64::total_cmp);
            // A jump, and rates asked for exactly at the knots.
            at.insert(0, at[0]);
            asked.extend(&at);
            asked.sort_by(f64::total_cmp);
            let knots = at.iter().enumerate().map(|(k, &progress)| (progress, 1.0 + k as f64));
            for schedule in [Schedule::piecewise_linear(knots).unwrap(), Schedule::cosine(0.3)] {
                let one_by_one: Vec<f64> = asked.iter().map(|&progress| schedule.learning_rate(progress)).collect();
                let at_once: Vec<f64> = schedule.learning_rates(asked.iter().copied()).collect();
                prop_assert_eq!(&at_once, &one_by_one);
            }
        }
    }
}
