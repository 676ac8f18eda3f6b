//! What a tuner has been told, as a search sees it: what was measured, what is taken, what the law makes of it.

use std::collections::BTreeMap;

use super::error::TuneError;
use super::measured::MeasuredRun;
use super::settings::TunerSettings;
use super::space::SettingRange;
use super::state::TunerState;
use super::strategy::Study;
use super::trial::{SettingValue, Trial, TrialStatus};
use super::tuner::Tuner;
use crate::{Law, Point, Run, Schedule, ShapeRange, Sweep};

impl Tuner {
    /// Where new schedules may come from.
    pub(super) fn shapes(&self) -> Result<ShapeRange, TuneError> {
        let space = &self.settings().space;
        let believed = if let Some((low, high)) = space.peaks {
            Some(ShapeRange::of_peaks(low, high))
        } else if let Ok(law) = self.law() {
            law.believed_shapes()
        } else {
            let schedules = self.taken();
            ShapeRange::of(schedules.iter().map(|(schedule, _)| schedule.highest_rate()), None)
        };
        Ok(space.confined(believed.ok_or(TuneError::NoRates)?))
    }

    /// Are there runs that were not asked for, enough to begin with?
    pub(super) fn knows_runs(&self) -> bool {
        const ENOUGH: usize = 3;
        self.state.known.len() >= ENOUGH
    }

    /// The best of them: of those of the full length, if there is one.
    pub(super) fn best_run(&self) -> Option<MeasuredRun> {
        let Self { state: TunerState { settings: TunerSettings { metric, total_steps, .. }, .. }, .. } = self;
        let mut measured = self.measured();
        if measured.iter().any(|run| run.total_steps == *total_steps) {
            measured.retain(|run| run.total_steps == *total_steps);
        }
        let better = |best: MeasuredRun, next: MeasuredRun| {
            if metric.direction.is_better(next.value, best.value) { next } else { best }
        };
        measured.into_iter().reduce(better)
    }

    /// The runs that were told and those it knew, as a sweep: to fit a model to, or to look at.
    ///
    /// # Errors
    /// Never of runs that were told to a tuner.
    pub fn sweep(&self) -> Result<Sweep, TuneError> {
        let mut sweep = Sweep::new(vec![self.settings().metric.clone()]);
        for known in &self.state.known {
            sweep.runs.push(known.run()?);
        }
        for record in &self.state.trials {
            sweep.runs.extend(record.run()?);
        }
        Ok(sweep)
    }

    /// The law of everything told, or why there is none.
    pub(super) fn law(&self) -> Result<&Law, &str> {
        let fitted = self.law.get_or_init(|| {
            let sweep = self.sweep().map_err(|error| error.to_string())?;
            let TunerSettings { metric, law, .. } = self.settings();
            Law::fit(&sweep.with_lengths().0, &metric.name, law).map_err(|error| error.to_string())
        });
        fitted.as_ref().map_err(String::as_str)
    }

    /// What the settings tuned beside the rate were in a run, as far as they may be tried; the middle of each range if there is no run.
    fn chosen_settings(&self, run: Option<&MeasuredRun>) -> BTreeMap<String, SettingValue> {
        let ranges = &self.settings().space.settings;
        let value = |(name, range): (&String, &SettingRange)| {
            let recorded = run.and_then(|run| range.recorded(run.settings.get(name)?));
            (name.clone(), recorded.unwrap_or_else(|| range.at(0.5)))
        };
        ranges.iter().map(value).collect()
    }
}

impl Study for Tuner {
    fn measured(&self) -> Vec<MeasuredRun> {
        let asked = self.state.trials.iter().filter_map(|record| {
            let run = record.run().ok()??;
            let value = run.final_metric(0)?;
            let Trial { name, schedule, total_steps, .. } = record.trial.clone();
            Some(MeasuredRun { name, schedule, total_steps, settings: run.attributes.other, value })
        });
        let known = self.state.known.iter().filter_map(|known| {
            let run = known.run().ok()?;
            let (value, total_steps) = (run.final_metric(0)?, run.total_steps());
            let schedule = Schedule::of_run(&run)?;
            Some(MeasuredRun { name: run.id, schedule, total_steps, settings: run.attributes.other, value })
        });
        asked.chain(known).collect()
    }

    fn taken(&self) -> Vec<(Schedule, BTreeMap<String, String>)> {
        let asked = self.state.trials.iter().map(|record| {
            let trial = &record.trial;
            let settings = trial.settings.iter().map(|(name, value)| (name.clone(), value.to_string()));
            (trial.schedule.clone(), settings.collect())
        });
        let known = self.state.known.iter().filter_map(|known| {
            let run = known.run().ok()?;
            Some((Schedule::of_run(&run)?, run.attributes.other))
        });
        asked.chain(known).collect()
    }

    fn ended(&self) -> usize {
        let asked = self
            .state
            .trials
            .iter()
            .filter(|record| matches!(record.status, TrialStatus::Finished | TrialStatus::Diverged));
        let known = self.state.known.iter().filter_map(|known| known.run().ok());
        asked.count() + known.filter(|run| run.reached_end() || run.diverged_at(0).is_some()).count()
    }

    fn settings_of(&self, run: &MeasuredRun) -> BTreeMap<String, SettingValue> {
        self.chosen_settings(Some(run))
    }

    fn settings_of_the_best(&self) -> BTreeMap<String, SettingValue> {
        self.chosen_settings(self.best_run().as_ref())
    }

    fn imagined_law(&self) -> Option<Law> {
        let law = self.law().ok()?;
        let mut sweep = self.sweep().ok()?;
        let before = sweep.runs.len();
        for record in self.state.trials.iter().filter(|record| !record.is_over()) {
            sweep.runs.retain(|run| run.id != record.trial.name);
            sweep.runs.push(imagined(law, &record.trial)?);
        }
        if sweep.runs.len() == before && self.running().next().is_none() {
            return Some(law.clone());
        }
        Law::fit(&sweep.with_lengths().0, &self.settings().metric.name, &self.settings().law).ok()
    }
}

/// The run of a trial as the law expects it.
fn imagined(law: &Law, trial: &Trial) -> Option<Run> {
    let curve = law.forecast(&trial.schedule, trial.total_steps).ok()?;
    let points = curve.progress.iter().zip(&curve.median).map(|(progress, value)| {
        let step = (progress * trial.total_steps as f64).round() as u64;
        Point::new(step).learning_rate(trial.schedule.learning_rate(*progress)).validation(*value)
    });
    let mut points: Vec<Point> = points.collect();
    points.dedup_by_key(|point| point.step);
    Some(Run::from_points(&trial.name, points).ok()?.with_attributes(trial.attributes()))
}
