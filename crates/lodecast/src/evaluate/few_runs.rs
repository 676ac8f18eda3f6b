//! Forecasts from few runs: the first N runs of a random order are learned from, and the ends of all others forecast.
//!
//! What is scored is the procedure that a user has: the fit sees nothing of the runs it forecasts but their rates, settings and
//! lengths, and, where a part of them has been seen, that part.

mod forecasts;
mod settings;

use std::time::Instant;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use forecasts::{Ends, learn};
pub use settings::{FewRunsMethod, FewRunsSettings};

use self::settings::LEAST_OTHERS;
use super::rank_correlation;
use crate::data::{Direction, Run, Sweep};
use crate::error::{Error, Result};
use crate::random::{Purpose, stream};

/// Part of outcomes outside the interval of 68 %.
const OUTSIDE_68: f64 = 0.32;

/// How good one method was with one draw of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FewRunsScore {
    /// Runs learned from.
    pub size: usize,
    /// Number of the random order.
    pub draw: u64,
    /// Part of each run that was seen.
    pub observed: f64,
    /// Who forecast.
    pub method: FewRunsMethod,
    /// Runs forecast.
    pub runs: usize,
    /// Mean absolute error of the final metric, in its own units.
    pub error: f64,
    /// The same as a fraction of the mean absolute distance of all runs' final metrics from their median.
    pub relative_error: f64,
    /// Spearman's rank correlation of forecast and truth; `None` where undefined.
    pub rank_correlation: Option<f64>,
    /// By how much the run with the best forecast is worse than the best run, in the metric's units.
    pub regret: f64,
    /// Part of the runs within the interval of 68 %.
    pub coverage_68: f64,
    /// Part of the runs within the interval of 95 %.
    pub coverage_95: f64,
    /// Mean interval scores (Gneiting and Raftery 2007) of the interval of 68 %, as a fraction like `relative_error`: its width, and
    /// what outcomes outside it cost.
    pub interval_score: f64,
    /// Seconds that the fit took.
    pub seconds: f64,
}

/// A sweep ready to be drawn from.
struct Search<'a> {
    sweep: &'a Sweep,
    metric: usize,
    direction: Direction,
    /// Runs with a final value, and that value.
    ended: Vec<(usize, f64)>,
    cut: f64,
    spread: f64,
}

/// Draws runs, lets each method learn from them and forecast the others, and tells every score to `each` as it comes.
///
/// A draw from which a method learns nothing (no run of it trained, or there are too few) gives no score of that method.
///
/// # Errors
/// If a setting is out of its range, the sweep does not record the metric, or fewer than four runs have a final value.
pub fn evaluate_few_runs(
    sweep: &Sweep,
    metric: &str,
    settings: &FewRunsSettings,
    each: &mut dyn FnMut(FewRunsScore),
) -> Result<()> {
    settings.check()?;
    let (sweep, metric) = sweep.with_metric(Some(metric))?;
    let (sweep, _) = sweep.with_lengths();
    let search = Search::new(&sweep, metric, settings.cut)?;
    for draw in 0..settings.draws {
        let mut order = search.ended.clone();
        order.shuffle(&mut stream(settings.seed, Purpose::Draw, draw));
        for &size in settings.sizes.iter().filter(|&&size| size + LEAST_OTHERS <= order.len()) {
            let (learned, others) = order.split_at(size);
            let others = &others[..others.len().min(settings.at_most)];
            for &method in &settings.methods {
                search.score(method, learned, others, settings, |score| each(FewRunsScore { size, draw, ..score }));
            }
        }
    }
    Ok(())
}

impl<'a> Search<'a> {
    fn new(sweep: &'a Sweep, metric: usize, cut: Option<f64>) -> Result<Self> {
        let direction = sweep.metrics[metric].direction;
        let measured = |run: &'a Run| run.validation(metric).iter().copied().flatten();
        let mut firsts: Vec<f64> =
            sweep.runs.iter().filter_map(|run| measured(run).next()).filter(|value| value.is_finite()).collect();
        firsts.sort_by(f64::total_cmp);
        let cut = cut.or_else(|| firsts.get(firsts.len() / 2).copied()).unwrap_or(f64::NAN);
        let ended: Vec<(usize, f64)> = sweep
            .runs
            .iter()
            .enumerate()
            .filter(|(_, run)| run.learning_rate().iter().flatten().any(|rate| *rate > 0.0))
            .filter_map(|(index, run)| Some((index, measured(run).last()?)))
            .map(|(index, value)| (index, worst_of(direction, cut, value)))
            .collect();
        if ended.len() <= LEAST_OTHERS {
            return Err(Error::Sweep {
                reason: format!(
                    "{} run(s) have rates and a final {}: four are the least to learn from one and forecast three",
                    ended.len(),
                    sweep.metrics[metric]
                ),
            });
        }
        let mut finals: Vec<f64> = ended.iter().map(|&(_, value)| value).collect();
        finals.sort_by(f64::total_cmp);
        let median = finals[finals.len() / 2];
        let spread = finals.iter().map(|value| (value - median).abs()).sum::<f64>() / finals.len() as f64;
        Ok(Self { sweep, metric, direction, ended, cut, spread: spread.max(f64::MIN_POSITIVE) })
    }

    fn part(&self, runs: &[(usize, f64)]) -> Sweep {
        let runs = runs.iter().map(|&(index, _)| self.sweep.runs[index].clone()).collect();
        Sweep { metrics: self.sweep.metrics.clone(), runs }
    }

    /// Scores `method`, fitted to the runs `learned`, on the runs `others`, for every part seen.
    fn score(
        &self,
        method: FewRunsMethod,
        learned: &[(usize, f64)],
        others: &[(usize, f64)],
        settings: &FewRunsSettings,
        mut each: impl FnMut(FewRunsScore),
    ) {
        let started = Instant::now();
        let learned_runs = self.part(learned);
        let Some(forecasts) = learn(method, &learned_runs, self.metric, learned) else { return };
        let seconds = started.elapsed().as_secs_f64();
        let apart = self.part(others);
        for &observed in &settings.observed {
            let pairs: Vec<(Ends, f64)> = forecasts(&apart, observed)
                .into_iter()
                .zip(others)
                .filter_map(|(ends, &(_, truth))| {
                    Some((ends?.map(|value| worst_of(self.direction, self.cut, value)), truth))
                })
                .collect();
            // One run that cannot be forecast takes the method out: a choice of runs is not for it to make.
            if pairs.len() == others.len() {
                each(FewRunsScore { seconds, ..self.summary(method, observed, &pairs) });
            }
        }
    }

    fn summary(&self, method: FewRunsMethod, observed: f64, pairs: &[(Ends, f64)]) -> FewRunsScore {
        let count = pairs.len() as f64;
        let mean = |of: &dyn Fn(&(Ends, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
        let within = |(low, high): (f64, f64), truth: f64| f64::from(u8::from((low..=high).contains(&truth)));
        let error = mean(&|(ends, truth)| (ends.median - truth).abs());
        let score = mean(&|(ends, truth)| {
            let (low, high) = ends.within_68;
            let outside = (low - truth).max(truth - high).max(0.0);
            high - low + 2.0 / OUTSIDE_68 * outside
        });
        let sign = self.direction.sign();
        let best = |of: &dyn Fn(&(Ends, f64)) -> f64| {
            pairs.iter().max_by(|a, b| (sign * of(a)).total_cmp(&(sign * of(b)))).map_or(f64::NAN, |pair| pair.1)
        };
        let ranks: Vec<(f64, f64)> = pairs.iter().map(|(ends, truth)| (ends.expected, *truth)).collect();
        FewRunsScore {
            size: 0,
            draw: 0,
            observed,
            method,
            runs: pairs.len(),
            error,
            relative_error: error / self.spread,
            rank_correlation: rank_correlation(&ranks),
            regret: sign * (best(&|pair| pair.1) - best(&|pair| pair.0.expected)),
            coverage_68: mean(&|(ends, truth)| within(ends.within_68, *truth)),
            coverage_95: mean(&|(ends, truth)| within(ends.within_95, *truth)),
            interval_score: score / self.spread,
            seconds: 0.0,
        }
    }
}

/// A value that is no number, or worse than `cut`, counts as `cut`.
fn worst_of(direction: Direction, cut: f64, value: f64) -> f64 {
    if !value.is_finite() || direction.is_better(cut, value) { cut } else { value }
}
