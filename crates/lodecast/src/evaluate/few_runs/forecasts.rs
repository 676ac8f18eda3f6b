//! What each method has learned from some runs, and forecasts of others.

use rayon::prelude::*;

use super::FewRunsMethod;
use crate::data::{Direction, Metric, Run, Sweep};
use crate::evaluate::multi_power_law::{LossCurve, MultiPowerLaw, Rates};
use crate::fit::{BestFit, FitOptions, FitSettings, fit, fit_best};
use crate::model::law::{FinalForecast, Law, LawSettings, Recording};
use crate::model::{Expected, Model, ModelKind};

/// A forecast of a final metric, in its own units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// What to choose by.
    pub(super) expected: f64,
    /// What to expect.
    pub(super) median: f64,
    pub(super) within_68: (f64, f64),
    pub(super) within_95: (f64, f64),
}

impl Ends {
    /// A value with symmetric intervals.
    fn about(value: f64, deviation: f64) -> Self {
        Self::of(&Expected::about(value, deviation), |value| value)
    }

    /// What is expected in the units of a model, in those that `natural` gives, whichever way they go.
    fn of(expected: &Expected, natural: impl Fn(f64) -> f64) -> Self {
        let value = expected.mean;
        let Expected { within_68, within_95, .. } = *expected;
        Self { expected: value, median: value, within_68, within_95 }.map(natural)
    }

    pub(super) fn map(self, value: impl Fn(f64) -> f64) -> Self {
        let both = |(low, high): (f64, f64)| {
            let (a, b) = (value(low), value(high));
            (a.min(b), a.max(b))
        };
        Self {
            expected: value(self.expected),
            median: value(self.median),
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
pub(super) type Forecasts = Box<dyn Fn(&Sweep, f64) -> Vec<Option<Ends>>>;

/// What forecasts the runs of another sweep after a part of them, or nothing where nothing can be learned.
pub(super) fn learn(method: FewRunsMethod, learned: &Sweep, metric: usize, ends: &[(usize, f64)]) -> Option<Forecasts> {
    let Metric { name, direction } = &learned.metrics[metric];
    match method {
        FewRunsMethod::Law => {
            let law = Law::fit(learned, name, &LawSettings::default()).ok()?;
            Some(Box::new(move |others, observed| of_law(&law, others, metric, observed)))
        }
        FewRunsMethod::GaussianProcess => {
            let law = Law::fit(learned, name, &LawSettings::default()).ok()?;
            law.plain_process()?;
            Some(Box::new(move |others, observed| of_process(&law, others, observed)))
        }
        FewRunsMethod::MultiPowerLaw => {
            if *direction == Direction::Max {
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
        FewRunsMethod::LastValue => {
            let learned = learned.clone();
            Some(Box::new(move |others, observed| of_last_values(&learned, others, metric, observed)))
        }
        FewRunsMethod::Controlled => fitted(ModelKind::Controlled, learned, metric),
        FewRunsMethod::Paper => fitted(ModelKind::Paper, learned, metric),
        FewRunsMethod::Best => {
            let settings = BestFit { metric: Some(name.clone()), seed: 0 };
            let fitted = fit_best(learned, &settings, FitOptions::default()).ok()?;
            Some(of_model(fitted.model, metric))
        }
    }
}

/// What a model of one form forecasts.
fn fitted(kind: ModelKind, learned: &Sweep, metric: usize) -> Option<Forecasts> {
    let name = learned.metrics[metric].name.clone();
    let settings = FitSettings::new(kind).with_training(|training| training.metric = Some(name));
    let fitted = fit(learned, &settings, FitOptions::default()).ok()?;
    Some(of_model(fitted.model, metric))
}

fn of_law(law: &Law, others: &Sweep, metric: usize, observed: f64) -> Vec<Option<Ends>> {
    let watching = law.watching(observed);
    let forecast = |run: &Run| watching.final_value_of(run, metric).ok().map(Ends::from);
    others.runs.par_iter().map(forecast).collect()
}

fn of_process(law: &Law, others: &Sweep, observed: f64) -> Vec<Option<Ends>> {
    let forecast = |run: &Run| {
        let recording = Recording::rates_alone(run, None)?;
        let question = law.question_of(&recording.rates, recording.length, &recording.settings);
        let answer = law.plain_process()?.predict(&question.features, &mut Vec::new());
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

fn of_last_values(learned: &Sweep, others: &Sweep, metric: usize, observed: f64) -> Vec<Option<Ends>> {
    let changes = learned.runs.iter().filter_map(|run| {
        let change = run.final_validation(metric)? - value_after(run, metric, observed)?;
        change.is_finite().then_some(change * change)
    });
    let (count, squares) = changes.fold((0.0, 0.0), |(count, sum), square| (count + 1.0, sum + square));
    let deviation = (squares / f64::max(count, 1.0)).sqrt();
    others.runs.iter().map(|run| Some(Ends::about(value_after(run, metric, observed)?, deviation))).collect()
}

/// The last value measured in the first part of a run.
fn value_after(run: &Run, metric: usize, observed: f64) -> Option<f64> {
    let until = observed * run.total_steps() as f64 * (1.0 + 1e-9);
    let measured = run.steps().iter().zip(run.validation(metric)).take_while(|(step, _)| **step as f64 <= until);
    measured.filter_map(|(_, value)| *value).last()
}

/// A model of any form.
fn of_model(model: Model, metric: usize) -> Forecasts {
    if let Model::Law(law) = model {
        return Box::new(move |others, observed| of_law(law.law(), others, metric, observed));
    }
    Box::new(move |others, observed| {
        let form = model.form();
        let column = form.validation();
        let indices: Vec<usize> = (0..others.runs.len()).collect();
        let found = form.witness(others, metric).final_metrics(&indices, observed);
        let ends = |expected: Expected| Ends::of(&expected, |value| column.natural(value));
        found.into_iter().map(|found| found.map(ends)).collect()
    })
}
