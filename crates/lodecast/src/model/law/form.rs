//! The law as a form of model: its file, its forecasts, and what a planner asks of it.

use serde::{Deserialize, Serialize};

use super::curve::SEGMENTS;
use super::fitted_law::Law;
use super::forecast::FinalForecast;
use super::law_model::{LawModel, interval};
use super::pick::{Alternative, PickSettings, pick};
use super::settings::LawSettings;
use super::witness::LawWitness;
use crate::data::{Metric, Point, Run, Schedule, Sweep};
use crate::error::{Error, Result};
use crate::experience::Experience;
use crate::model::file::{self, Tensors};
use crate::model::{
    Column, ControlledForecaster, FitRecord, Forecast, Forecaster, Form, ModelKind, Opening, Spread, Witness,
};

/// Version of the model file.
const FORMAT: u32 = 2;
/// Draws from the posterior that stand for the members of an ensemble.
const DRAWS: usize = 8;
/// Tensors of the runs, which are most of a file.
const RATES: &str = "runs.rates";
const RESIDUALS: &str = "runs.residuals";

/// What stands in a model file besides the tensors.
#[derive(Serialize, Deserialize)]
struct Header<L, S, E, R> {
    format: u32,
    kind: ModelKind,
    law: L,
    settings: S,
    experience: E,
    record: R,
}

impl Form for LawModel {
    fn metric(&self) -> &Metric {
        self.law.metric()
    }

    fn experience(&self) -> &Experience {
        &self.experience
    }

    fn record(&self) -> &FitRecord {
        &self.record
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn members(&self) -> usize {
        1
    }

    fn validation(&self) -> Column {
        self.column()
    }

    fn forecast(
        &self,
        observed: &[Point],
        total_steps: u64,
        now: f64,
        schedule: Option<&Schedule>,
    ) -> Result<Forecast> {
        let Some(schedule) = schedule else {
            return Err(Error::Window {
                reason: "the law answers for a schedule: say which one to follow from here on".to_owned(),
            });
        };
        let curve = self.law.forecast(schedule, total_steps)?;
        let last = self.watched(observed, total_steps, now, std::slice::from_ref(schedule))?[0];
        let from = curve.progress.partition_point(|&progress| progress <= now);
        let validation = self.through_what_was_seen(&curve, observed, now, &last);
        let rest = |values: &[f64]| values[from..].to_vec();
        Ok(Forecast {
            progress: rest(&curve.progress),
            train_loss: Spread::default(),
            learning_rate: rest(&curve.learning_rate),
            validation: Spread {
                mean: rest(&validation.mean),
                low: rest(&validation.low),
                high: rest(&validation.high),
            },
            outside_experience: None,
            final_validation: interval(&last),
        })
    }

    fn objection(&self, seen: &Run, metric: usize, limit: f64) -> Option<String> {
        let progress = *seen.steps().last()? as f64 / seen.total_steps().max(1) as f64;
        if let Some(at) = seen.diverged_at(metric) {
            return Some(format!("it has diverged: what was measured at step {} is no number", seen.steps()[at]));
        }
        let innovation = self.law.innovation(seen, metric, progress.min(1.0))?;
        (innovation.deviations.abs() > limit).then(|| {
            format!(
                "its {} is {:.4}, {:.1} deviations from the {:.4} to {:.4} that its rates led to expect by now: something other than the rates differs",
                self.law.metric().name,
                innovation.seen,
                innovation.deviations.abs(),
                innovation.low,
                innovation.high
            )
        })
    }

    fn witness<'a>(&'a self, sweep: &'a Sweep, metric: usize) -> Box<dyn Witness + 'a> {
        Box::new(LawWitness::new(self, sweep, metric))
    }

    fn into_forecaster(self) -> Forecaster {
        Forecaster::controlled(self)
    }

    fn to_bytes(&self) -> std::result::Result<Vec<u8>, String> {
        let mut law = self.law.clone();
        let mut tensors = Tensors::default();
        let rows = law.runs.len();
        let rates: Vec<f64> = law.runs.iter_mut().flat_map(|run| std::mem::take(&mut run.rates)).collect();
        // Before any run there are none.
        tensors.push(RATES, &[rows, SEGMENTS], rates);
        // Runs that diverged have none.
        let width = law.runs.iter().map(|run| run.residuals.len()).max().unwrap_or(0);
        let row = |residuals: &mut Vec<Option<f64>>| {
            let mut row: Vec<f64> =
                std::mem::take(residuals).into_iter().map(|residual| residual.unwrap_or(f64::NAN)).collect();
            row.resize(width, f64::INFINITY);
            row
        };
        let residuals: Vec<f64> = law.runs.iter_mut().flat_map(|run| row(&mut run.residuals)).collect();
        tensors.push(RESIDUALS, &[rows, width], residuals);
        let (settings, experience, record) = (&self.settings, &self.experience, &self.record);
        let header = Header { format: FORMAT, kind: ModelKind::Law, law: &law, settings, experience, record };
        file::serialize(&header, &tensors)
    }

    fn read(header: &str, mut tensors: Tensors) -> std::result::Result<Self, String> {
        let Header { format, mut law, settings, experience, record, .. } =
            file::parse_header::<Header<Law, LawSettings, Experience, FitRecord>>(header)?;
        if format != FORMAT {
            return Err(format!("its format is {format}, this version of lodecast reads {FORMAT}; fit it again"));
        }
        experience.check()?;
        let rows = law.runs.len();
        let (rates, width) = tensors.take_rows(RATES, rows)?;
        if width != SEGMENTS || rates.iter().any(|rate| !(rate.is_finite() && *rate >= 0.0)) {
            return Err("the rates of its runs are not usable; fit it again".to_owned());
        }
        let (residuals, count) = tensors.take_rows(RESIDUALS, rows)?;
        for (index, run) in law.runs.iter_mut().enumerate() {
            run.rates = rates[index * width..(index + 1) * width].to_vec();
            let row = &residuals[index * count..(index + 1) * count];
            let known = row.iter().take_while(|residual| residual.is_nan() || residual.is_finite());
            run.residuals = known.map(|&residual| Some(residual).filter(|residual| !residual.is_nan())).collect();
        }
        law.check()?;
        if law.plain_process().is_none() {
            law.learn_plain_process();
        }
        Ok(Self::new(law, settings, experience, record))
    }
}

impl ControlledForecaster for LawModel {
    fn members(&self) -> usize {
        DRAWS
    }

    fn final_rewards(
        &self,
        observed: &[Point],
        total_steps: u64,
        now: f64,
        schedules: &[Schedule],
    ) -> Result<Vec<f64>> {
        let (column, sign) = (self.column(), self.law.metric().direction.sign());
        let draws = self.law.samples(schedules, total_steps, DRAWS, 0)?;
        let mut rewards = vec![0.0; schedules.len() * DRAWS];
        for (draw, values) in draws.iter().enumerate() {
            for (schedule, &value) in values.iter().enumerate() {
                rewards[schedule * DRAWS + draw] = sign * column.standardise(value);
            }
        }
        if observed.is_empty() {
            return Ok(rewards);
        }
        // What was seen of the run moves the draws of each schedule, and narrows them.
        let before = self.law.final_values(schedules, total_steps)?;
        let after = self.watched(observed, total_steps, now, schedules)?;
        for ((rewards, before), after) in rewards.chunks_exact_mut(DRAWS).zip(&before).zip(&after) {
            let narrowed = (after.deviation / before.deviation).min(1.0);
            let (from, to) = (self.ln_gap(before.expected), self.ln_gap(after.expected));
            for reward in rewards {
                let drawn = self.ln_gap(column.natural(sign * *reward));
                let gap = (to + narrowed * (drawn - from)).min(self.ln_gap(self.law.start())).exp();
                *reward = sign * column.standardise(self.law.scale().value(gap));
            }
        }
        Ok(rewards)
    }

    fn picks_whole_schedules(&self) -> bool {
        true
    }

    fn metric_from_reward(&self, reward: f64) -> f64 {
        self.column().natural(reward * self.law.metric().direction.sign())
    }

    fn experience(&self) -> &Experience {
        &self.experience
    }

    fn objection(&self, observed: &[Point], total_steps: u64, limit: f64) -> Option<String> {
        Form::objection(self, &Run::observed(observed, total_steps).ok()?, 0, limit)
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn openings(&self, total_steps: u64, seed: u64) -> Result<Vec<Opening>> {
        let picked = pick(&self.law, total_steps, &PickSettings { seed, ..PickSettings::default() })?;
        let opening = |name: String, schedule: Schedule, predicted: &FinalForecast, chance: f64| Opening {
            name,
            schedule,
            predicted: interval(predicted),
            probability_better_than_best: chance,
        };
        let first = opening("pick".to_owned(), picked.schedule, &picked.predicted, picked.probability_better_than_best);
        let others = picked.alternatives.into_iter().map(|alternative| {
            let Alternative { name, schedule, predicted, probability_better_than_best, .. } = alternative;
            opening(name, schedule, &predicted, probability_better_than_best)
        });
        Ok(std::iter::once(first).chain(others).collect())
    }
}
