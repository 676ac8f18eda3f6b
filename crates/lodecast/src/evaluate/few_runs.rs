//! Forecasts from few runs: the first N runs of a random order are learned from, and the ends of all others forecast.
//!
//! What is scored is the procedure that a user has: the fit sees nothing of the runs it forecasts but their rates, settings and
//! lengths, and, where a part of them has been seen, that part.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::multi_power_law::{LossCurve, MultiPowerLaw, Rates};
use super::rank_correlation;
use crate::data::{Direction, Run, Sweep};
use crate::error::{Error, Result, setting};
use crate::fit::{FitOptions, FitSettings, fit};
use crate::model::ModelKind;
use crate::model::law::{Answer, FinalForecast, Law, LawSettings, PlainProcess, Recording};
use crate::random::{Purpose, stream};

/// Least number of runs left to forecast.
const LEAST_OTHERS: usize = 3;
/// Part of outcomes outside the interval of 68 %.
const OUTSIDE_68: f64 = 0.32;
/// Deviations of a normal distribution within which 95 % lie.
const NORMAL_95: f64 = 1.96;

/// Who forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FewRunsMethod {
    /// The law.
    Law,
    /// A Gaussian process on features of the schedule, without a law.
    GaussianProcess,
    /// The Multi-Power Law (arXiv 2503.12811); it knows losses only, and nothing of a run that has begun.
    MultiPowerLaw,
    /// The mean final metric of the runs, with their deviation.
    SweepMean,
    /// The controlled latent ODE.
    Controlled,
    /// The paper's latent ODE.
    Paper,
}

impl FewRunsMethod {
    /// All of them, the law first.
    pub const ALL: [Self; 6] =
        [Self::Law, Self::GaussianProcess, Self::MultiPowerLaw, Self::SweepMean, Self::Controlled, Self::Paper];

    /// Name for tables and the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Law => "law",
            Self::GaussianProcess => "gaussian-process",
            Self::MultiPowerLaw => "multi-power-law",
            Self::SweepMean => "sweep-mean",
            Self::Controlled => "controlled",
            Self::Paper => "paper",
        }
    }
}

impl std::str::FromStr for FewRunsMethod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|method| method.name() == text).ok_or_else(|| Error::Setting {
            name: "methods",
            value: text.to_owned(),
            remedy: "give law, gaussian-process, multi-power-law, sweep-mean, controlled or paper",
        })
    }
}

/// How to draw, and who forecasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FewRunsSettings {
    /// Numbers of runs learned from, each as far as at least three runs are left.
    pub sizes: Vec<usize>,
    /// Number of random orders; with a smaller size less of the same order is learned from.
    pub draws: u64,
    /// Seed of the orders.
    pub seed: u64,
    /// Parts of a run that are seen before its forecast.
    pub observed: Vec<f64>,
    /// Runs that are forecast at most.
    pub at_most: usize,
    /// Final values worse than this count as this; by default the median of first values.
    pub cut: Option<f64>,
    /// Who forecasts.
    pub methods: Vec<FewRunsMethod>,
}

impl Default for FewRunsSettings {
    fn default() -> Self {
        use FewRunsMethod::{GaussianProcess, Law, MultiPowerLaw, SweepMean};
        Self {
            sizes: vec![3, 6, 12, 24, 48],
            draws: 3,
            seed: 0,
            observed: vec![0.0, 0.1, 0.25],
            at_most: 200,
            cut: None,
            methods: vec![Law, GaussianProcess, MultiPowerLaw, SweepMean],
        }
    }
}

impl FewRunsSettings {
    fn check(&self) -> Result<()> {
        setting(
            "sizes",
            format!("{:?}", self.sizes),
            self.sizes.iter().all(|&size| size > 0),
            "give positive numbers",
        )?;
        setting("draws", self.draws, (1..=10_000).contains(&self.draws), "give between 1 and 10000")?;
        setting("at_most", self.at_most, self.at_most >= LEAST_OTHERS, "give at least 3")?;
        let fraction = |part: &f64| (0.0..1.0).contains(part);
        setting("observed", format!("{:?}", self.observed), self.observed.iter().all(fraction), "give parts in [0, 1)")
    }
}

/// How good one method was with one draw of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A forecast of a final metric, in its own units.
#[derive(Clone, Copy, Debug)]
struct Ends {
    /// What to choose by.
    expected: f64,
    /// What to expect.
    median: f64,
    within_68: (f64, f64),
    within_95: (f64, f64),
}

impl Ends {
    /// A value with symmetric intervals.
    fn about(value: f64, deviation: f64) -> Self {
        let within = |factor: f64| (value - factor * deviation, value + factor * deviation);
        Self { expected: value, median: value, within_68: within(1.0), within_95: within(NORMAL_95) }
    }

    fn cut(self, cut: impl Fn(f64) -> f64) -> Self {
        let both = |(low, high): (f64, f64)| {
            let (a, b) = (cut(low), cut(high));
            (a.min(b), a.max(b))
        };
        Self {
            expected: cut(self.expected),
            median: cut(self.median),
            within_68: both(self.within_68),
            within_95: both(self.within_95),
        }
    }
}

impl From<FinalForecast> for Ends {
    fn from(last: FinalForecast) -> Self {
        Self {
            expected: last.expected,
            median: last.median,
            within_68: (last.low_68, last.high_68),
            within_95: (last.low_95, last.high_95),
        }
    }
}

/// What was learned: forecasts the runs of another sweep after a part of them; `None` of a run of which it can say nothing.
type Forecasts = Box<dyn Fn(&Sweep, f64) -> Vec<Option<Ends>>>;

/// A sweep ready to be drawn from.
struct Search<'a> {
    sweep: &'a Sweep,
    metric: usize,
    name: String,
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
        let name = sweep.metrics[metric].name.clone();
        Ok(Self { sweep, metric, name, direction, ended, cut, spread: spread.max(f64::MIN_POSITIVE) })
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
        let Some(forecasts) = self.learn(method, &learned_runs, learned) else { return };
        let seconds = started.elapsed().as_secs_f64();
        let apart = self.part(others);
        for &observed in &settings.observed {
            let pairs: Vec<(Ends, f64)> = forecasts(&apart, observed)
                .into_iter()
                .zip(others)
                .filter_map(|(ends, &(_, truth))| {
                    Some((ends?.cut(|value| worst_of(self.direction, self.cut, value)), truth))
                })
                .collect();
            // One run that cannot be forecast takes the method out: a choice of runs is not for it to make.
            if pairs.len() == others.len() {
                each(FewRunsScore { seconds, ..self.summary(method, observed, &pairs) });
            }
        }
    }

    /// What forecasts the runs of another sweep after a part of them, or nothing where nothing can be learned.
    fn learn(&self, method: FewRunsMethod, learned: &Sweep, ends: &[(usize, f64)]) -> Option<Forecasts> {
        let metric = self.metric;
        match method {
            FewRunsMethod::Law => {
                let law = Law::fit(learned, &self.name, &LawSettings::default()).ok()?;
                Some(Box::new(move |others, observed| of_law(&law, others, metric, observed)))
            }
            FewRunsMethod::GaussianProcess => {
                let law = Law::fit(learned, &self.name, &LawSettings::default()).ok()?;
                let (features, ln_gaps) = law.ended_runs();
                let process = PlainProcess::fit(&features, &ln_gaps)?;
                Some(Box::new(move |others, observed| of_process(&law, &process, others, observed)))
            }
            FewRunsMethod::MultiPowerLaw => {
                if self.direction == Direction::Max {
                    return None;
                }
                let curves: Vec<LossCurve> = learned.runs.iter().filter_map(|run| loss_curve(run, metric)).collect();
                let law = MultiPowerLaw::fit(&curves)?;
                // What it leaves of its own runs is all that it says about its error.
                let left = curves.iter().filter_map(|curve| {
                    let (step, loss) = curve.measured.last()?;
                    Some((law.loss(&curve.rates, *step) - loss).powi(2))
                });
                let deviation = (left.sum::<f64>() / curves.len() as f64).sqrt();
                Some(Box::new(move |others, observed| of_multi_power_law(&law, deviation, others, observed)))
            }
            FewRunsMethod::SweepMean => {
                let count = ends.len() as f64;
                let mean = ends.iter().map(|(_, value)| value).sum::<f64>() / count;
                let squares = ends.iter().map(|(_, value)| (value - mean).powi(2)).sum::<f64>();
                // The next value scatters about a mean that is not known exactly.
                let deviation = (squares / (count - 1.0).max(1.0) * (1.0 + 1.0 / count)).sqrt();
                Some(Box::new(move |others, _| vec![Some(Ends::about(mean, deviation)); others.runs.len()]))
            }
            FewRunsMethod::Controlled => of_network(ModelKind::Controlled, learned, &self.name, metric),
            FewRunsMethod::Paper => of_network(ModelKind::Paper, learned, &self.name, metric),
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

fn of_law(law: &Law, others: &Sweep, metric: usize, observed: f64) -> Vec<Option<Ends>> {
    let watching = law.watching(observed);
    let forecast = |run: &Run| watching.final_value_of(run, metric).ok().map(Ends::from);
    others.runs.par_iter().map(forecast).collect()
}

fn of_process(law: &Law, process: &PlainProcess, others: &Sweep, observed: f64) -> Vec<Option<Ends>> {
    let forecast = |run: &Run| {
        let recording = Recording::rates_alone(run, None)?;
        let question = law.question_of(&recording.rates, recording.length, &recording.settings);
        let found = process.predict(&question.features, &mut Vec::new());
        let answer = Answer { ln_gap: found.ln_gap, doubt: found.doubt, noise: found.noise };
        Some(Ends::from(law.natural(answer, 0.0)))
    };
    others.runs.par_iter().map(|run| if observed > 0.0 { None } else { forecast(run) }).collect()
}

/// The schedule of a run in the Multi-Power Law's terms.
fn rates_of(run: &Run) -> Option<Rates> {
    let recorded = run.steps().iter().zip(run.learning_rate());
    let points: Vec<(f64, f64)> = recorded.filter_map(|(&step, rate)| Some((step as f64, (*rate)?))).collect();
    Rates::of(&points)
}

fn loss_curve(run: &Run, metric: usize) -> Option<LossCurve> {
    let recorded = run.steps().iter().zip(run.validation(metric));
    let measured = recorded.filter_map(|(&step, value)| Some((step as f64, (*value)?)));
    let measured: Vec<(f64, f64)> = measured.filter(|(_, loss)| loss.is_finite() && *loss > 0.0).collect();
    if measured.is_empty() { None } else { Some(LossCurve { rates: rates_of(run)?, measured }) }
}

fn of_multi_power_law(law: &MultiPowerLaw, deviation: f64, others: &Sweep, observed: f64) -> Vec<Option<Ends>> {
    let forecast = |run: &Run| Some(Ends::about(law.loss(&rates_of(run)?, run.total_steps() as f64), deviation));
    others.runs.par_iter().map(|run| if observed > 0.0 { None } else { forecast(run) }).collect()
}

fn of_network(kind: ModelKind, learned: &Sweep, name: &str, metric: usize) -> Option<Forecasts> {
    let settings = FitSettings::new(kind).with_training(|training| training.metric = Some(name.to_owned()));
    let model = fit(
        learned,
        &settings,
        FitOptions { progress: &mut |_| {}, interrupt: &AtomicBool::new(false), checkpoint: None, resume: false },
    )
    .ok()?
    .model;
    Some(Box::new(move |others, observed| {
        let form = model.form();
        let column = form.validation();
        let indices: Vec<usize> = (0..others.runs.len()).collect();
        let found = form.witness(others, metric).final_metrics(&indices, observed);
        let ends = |(mean, deviation): (f64, f64)| {
            let within = |factor: f64| {
                let (a, b) = (column.natural(mean - factor * deviation), column.natural(mean + factor * deviation));
                (a.min(b), a.max(b))
            };
            let value = column.natural(mean);
            Ends { expected: value, median: value, within_68: within(1.0), within_95: within(NORMAL_95) }
        };
        found.into_iter().map(|found| found.map(ends)).collect()
    }))
}
