//! The paper's planner (method sections 3 and 4): imagine futures, align them with the present, follow the best.

use std::ops::RangeInclusive;

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::explanation::{Candidate, Origin, Plan, Prediction, Score, Verdict};
use super::remaining::Remaining;
use super::situation::Situation;
use crate::data::Point;
use crate::error::{Error, Result, setting};
use crate::model::{Curve, PaperForecaster};
use crate::random::{Purpose, stream};

/// How a decoded future is placed in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Alignment {
    /// Where its loss is the observed one.
    Loss,
    /// Where its loss and its validation metric are the observed ones.
    LossAndValidation,
    /// Not at all: its time is the run's.
    None,
}

/// The last points that the encoder reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Window {
    /// So many points.
    Points(usize),
    /// So much of the run.
    Fraction(f64),
}

impl Window {
    fn of(self, observed: &[Point], total_steps: u64) -> &[Point] {
        let Some(last) = observed.last() else { return observed };
        let first = match self {
            Self::Points(count) => observed.len().saturating_sub(count),
            Self::Fraction(fraction) => {
                let from = last.step as f64 - fraction * total_steps as f64;
                observed.partition_point(|point| (point.step as f64) < from)
            }
        };
        &observed[first..]
    }
}

/// What can be chosen about the paper's planner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PaperPlannerSettings {
    /// The last points that the encoder reads.
    pub window: Window,
    /// Futures a member imagines, that of the encoded vector itself included.
    pub candidates: usize,
    /// Standard deviation of the noise, as a fraction of each latent component.
    pub noise: f64,
    /// Times decoded over [0, 2).
    pub grid: usize,
    /// How a future is placed in time.
    pub alignment: Alignment,
    /// Standard deviations within which a decoded value is the observed one.
    pub tolerance: f64,
    /// The best of each member's futures whose rates are averaged.
    pub best: usize,
    /// Fraction of the run after which the metric is read; the end of the run if not given.
    pub horizon: Option<f64>,
    /// Fraction of the run over which the rate in force passes into the planned one; the paper jumps.
    pub ramp: f64,
    /// A run this many standard deviations outside what the sweep showed is not planned for.
    pub surprise_limit: f64,
}

impl Default for PaperPlannerSettings {
    fn default() -> Self {
        Self {
            window: Window::Points(30),
            candidates: 30,
            noise: 0.15,
            grid: 200,
            alignment: Alignment::None,
            tolerance: 2.0,
            best: 3,
            horizon: None,
            ramp: 0.0,
            surprise_limit: 3.0,
        }
    }
}

impl PaperPlannerSettings {
    /// The planner as the paper has it: futures are aligned with the present by their loss (method section 3). It goes with
    /// one model and a replan every 30 points; the defaults are what did better.
    pub fn paper() -> Self {
        Self { alignment: Alignment::Loss, ..Self::default() }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one that is out of its range.
    pub fn check(&self) -> Result<()> {
        match self.window {
            Window::Points(count) => setting("window", count, count > 0, "give at least one point")?,
            Window::Fraction(part) => {
                setting("window", part, part > 0.0 && part <= 1.0, "give a fraction of the run between 0 and 1")?;
            }
        }
        let positive = "give a positive, finite number";
        setting("candidates", self.candidates, self.candidates > 0, "give at least one")?;
        setting("noise", self.noise, (0.0..f64::INFINITY).contains(&self.noise), "give 0 or more")?;
        setting("grid", self.grid, (20..=100_000).contains(&self.grid), "give between 20 and 100000 times")?;
        setting("tolerance", self.tolerance, self.tolerance > 0.0 && self.tolerance.is_finite(), positive)?;
        setting("best", self.best, self.best > 0, "give at least one")?;
        if let Some(horizon) = self.horizon {
            setting("horizon", horizon, horizon > 0.0 && horizon.is_finite(), positive)?;
        }
        setting("ramp", self.ramp, (0.0..=0.5).contains(&self.ramp), "give a fraction of the run between 0 and 0.5")?;
        setting("surprise_limit", self.surprise_limit, self.surprise_limit > 0.0, "give a positive number")
    }
}

/// What the run looks like now.
struct Present {
    losses: RangeInclusive<f64>,
    /// `None`: any.
    validations: Option<RangeInclusive<f64>>,
}

impl Present {
    /// Ranges around the mean of the last three losses and the last metric.
    fn new(model: &dyn PaperForecaster, settings: &PaperPlannerSettings, observed: &[Point]) -> Result<Self> {
        let last = |column: fn(&Point) -> Option<f64>, count: usize| {
            let values = observed.iter().rev().filter_map(column).filter(|value| value.is_finite()).take(count);
            let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            (count > 0.0).then_some(sum / count)
        };
        if settings.alignment == Alignment::None {
            return Ok(Self { losses: f64::NEG_INFINITY..=f64::INFINITY, validations: None });
        }
        let Some(loss) = last(|point| point.train_loss, 3) else {
            return Err(Error::Window { reason: "no finite train loss was observed yet".to_owned() });
        };
        let validation =
            last(|point| point.validation, 1).filter(|_| settings.alignment == Alignment::LossAndValidation);
        Ok(Self {
            losses: model.loss_range(loss, settings.tolerance),
            validations: validation.map(|value| model.validation_range(value, settings.tolerance)),
        })
    }

    fn is_plausible(&self, loss: f64, validation: f64) -> bool {
        self.losses.contains(&loss) && self.validations.as_ref().is_none_or(|range| range.contains(&validation))
    }
}

/// Values on the decoded times, read off in between.
fn read(values: &[f64], step: f64, at: f64) -> f64 {
    let place = (at / step).clamp(0.0, (values.len() - 1) as f64);
    let left = (place as usize).min(values.len() - 2);
    values[left] + (place - left as f64) * (values[left + 1] - values[left])
}

/// A future that can be followed.
struct Future {
    candidate: usize,
    reward: f64,
    curve: Curve,
    aligned_at: f64,
}

pub(super) fn plan(
    model: &dyn PaperForecaster,
    settings: &PaperPlannerSettings,
    situation: &Situation<'_>,
) -> Result<Plan> {
    let Situation { observed, total_steps, now, .. } = *situation;
    let experience = model.experience();
    if let Some(objection) = experience.objection(observed, total_steps, settings.surprise_limit) {
        return Ok(situation.keep(objection, Vec::new()));
    }
    let window = settings.window.of(observed, total_steps);
    let present = Present::new(model, settings, window)?;
    let step = 2.0 / settings.grid as f64;
    let times: Vec<f64> = (0..settings.grid).map(|k| k as f64 * step).collect();
    let left = 1.0 - now;
    let horizon = settings.horizon.unwrap_or(left).min(left);

    let mut random = stream(situation.seed, Purpose::Candidate, situation.replan);
    let mut candidates = Vec::new();
    let mut followed: Vec<Future> = Vec::new();
    let mut member_metrics = Vec::new();
    for member in 0..model.members() {
        let encoded = model.encode(member, window, total_steps)?;
        let mut perturbed = || {
            let disturb = |&z: &f64| {
                let epsilon: f64 = StandardNormal.sample(&mut random);
                z + settings.noise * z.abs() * epsilon
            };
            encoded.iter().map(disturb).collect::<Vec<f64>>()
        };
        let mut latents: Vec<Vec<f64>> = (1..settings.candidates).map(|_| perturbed()).collect();
        latents.insert(0, encoded.clone());
        let curves = model.decode(member, &latents, &times)?;
        let mut futures = Vec::new();
        for (draw, curve) in curves.into_iter().enumerate() {
            let mut candidate = Candidate::new(Origin::Latent { member, draw });
            match place(&curve, &present, settings, now) {
                Ok(aligned_at) => {
                    let metric = read(&curve.validation, step, aligned_at + horizon);
                    let reward = model.direction().sign() * metric;
                    candidate.aligned_at = Some(aligned_at);
                    candidate.prediction = Some(Prediction { metric, spread: 0.0 });
                    candidate.score =
                        Some(Score { total: reward, reward, pessimism: 0.0, edge: 0.0, distrust: 0.0, roughness: 0.0 });
                    futures.push(Future { candidate: candidates.len(), reward, curve, aligned_at });
                }
                Err(reason) => candidate.verdict = Verdict::Rejected { reason },
            }
            candidates.push(candidate);
        }
        // Each member's own best: pooled, the member with the rosiest view would decide alone.
        futures.sort_by(|a, b| b.reward.total_cmp(&a.reward));
        futures.truncate(settings.best);
        if !futures.is_empty() {
            let mean = futures.iter().map(|future| future.reward).sum::<f64>() / futures.len() as f64;
            member_metrics.push(model.direction().sign() * mean);
        }
        followed.extend(futures);
    }
    if followed.is_empty() {
        let total = candidates.len();
        let reason = Plan::commonest_rejection(&candidates).map_or_else(String::new, |(reason, count)| {
            format!("all {total} futures were rejected, {count} of them because {reason}")
        });
        return Ok(situation.keep(reason, candidates));
    }
    for future in &followed {
        candidates[future.candidate].verdict = Verdict::Chosen;
    }
    let remaining = Remaining::new(situation, experience, experience.learning_rates, settings.ramp);
    let mean_log_rate = |progress: f64| {
        let rate = |future: &Future| read(&future.curve.learning_rate, step, future.aligned_at + progress - now);
        followed.iter().map(|future| rate(future).ln()).sum::<f64>() / followed.len() as f64
    };
    let marks = times.iter().map(|&time| now + time);
    let count = member_metrics.len() as f64;
    let metric = member_metrics.iter().sum::<f64>() / count;
    let squares = member_metrics.iter().map(|value| (value - metric).powi(2)).sum::<f64>();
    Ok(Plan {
        schedule: remaining.schedule(marks, mean_log_rate),
        changed: true,
        reason: format!(
            "mean of the {} best of {} futures ({} rejected)",
            followed.len(),
            candidates.len(),
            candidates.iter().filter(|candidate| matches!(candidate.verdict, Verdict::Rejected { .. })).count()
        ),
        now,
        replan: situation.replan,
        prediction: Some(Prediction { metric, spread: (squares / (count - 1.0).max(1.0)).sqrt() }),
        candidates,
    })
}

/// The time at which a future is the present: of the plausible ones that with the largest rate. Says why if there is none.
fn place(curve: &Curve, present: &Present, settings: &PaperPlannerSettings, now: f64) -> Result<f64, String> {
    let step = 2.0 / settings.grid as f64;
    let Curve { train_loss, learning_rate, validation } = curve;
    if [train_loss, learning_rate, validation].iter().any(|column| column.len() != settings.grid) {
        return Err("it was not decoded at all times".to_owned());
    }
    if learning_rate.iter().any(|&rate| !(rate > 0.0 && rate.is_finite())) {
        return Err("its learning rate is not positive and finite everywhere".to_owned());
    }
    if validation.iter().any(|value| !value.is_finite()) {
        return Err("its metric is not finite everywhere".to_owned());
    }
    if settings.alignment == Alignment::None {
        return Ok(now);
    }
    (0..settings.grid)
        .filter(|&k| k as f64 * step < 1.0 && present.is_plausible(train_loss[k], validation[k]))
        // Of equal rates the earliest time: `max_by` would take the latest.
        .reduce(|a, b| if learning_rate[b] > learning_rate[a] { b } else { a })
        .map(|k| k as f64 * step)
        .ok_or_else(|| match settings.alignment {
            Alignment::LossAndValidation => "it nowhere has the observed loss and metric".to_owned(),
            _ => "it nowhere has the observed loss".to_owned(),
        })
}
