//! What comes in: reports of trials, whole or in part, failures, and runs that were not asked for.

use super::curve::{Curve, Report};
use super::error::TuneError;
use super::state::KnownRun;
use super::trial::{TrialRecord, TrialStatus};
use super::tuner::Tuner;
use crate::{Run, Sweep};

/// What became of the runs of a sweep that was added.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Added {
    /// Runs that were not known, or went on since.
    pub new: usize,
    /// Reports of trials.
    pub told: usize,
    /// Runs of which everything was known.
    pub known: usize,
    /// Runs that could not be added, and why. The others were.
    pub refused: Vec<RefusedRun>,
}

/// A run that could not be added.
#[derive(Debug)]
#[non_exhaustive]
pub struct RefusedRun {
    /// The run.
    pub run: String,
    /// Why not.
    pub error: TuneError,
}

/// Does a report end the trial?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Yes,
    No,
}

impl Tuner {
    /// Takes the report of a trial: all its points, its run, or its final value. One that ends before its planned length counts
    /// as stopped, one with a value that is not finite as diverged: results, both. The same report again changes nothing.
    ///
    /// # Errors
    /// If there is no such trial, it was never measured, goes beyond its planned length, or has reported something else before.
    /// Nothing changes then.
    pub fn tell(&mut self, trial: &str, report: impl Into<Report>) -> Result<(), TuneError> {
        self.take(trial, report.into(), Ends::Yes)
    }

    /// Takes what a trial under way has reported so far. It may come again, longer.
    ///
    /// # Errors
    /// As [`Self::tell`].
    pub fn observe(&mut self, trial: &str, report: impl Into<Report>) -> Result<(), TuneError> {
        self.take(trial, report.into(), Ends::No)
    }

    fn take(&mut self, trial: &str, report: Report, ends: Ends) -> Result<(), TuneError> {
        let index = self.index_of(trial)?;
        let record = &self.state.trials[index];
        let asked = record.trial.total_steps;
        let curve = report.curve(trial, asked)?;
        let reported = curve.last_step();
        if reported > asked {
            return Err(TuneError::Length { trial: trial.to_owned(), asked, reported });
        }
        if !curve.says_something() && ends == Ends::Yes {
            return Err(TuneError::NothingMeasured { trial: trial.to_owned() });
        }
        let grows = match &record.curve {
            None => true,
            Some(known) => {
                if let Some(difference) = known.difference(&curve) {
                    return Err(TuneError::ReportedTwice { trial: trial.to_owned(), difference });
                }
                curve.len() > known.len()
            }
        };
        if matches!(record.status, TrialStatus::Finished | TrialStatus::Diverged) && grows {
            let difference = format!("it goes on to step {reported}");
            return Err(TuneError::ReportedTwice { trial: trial.to_owned(), difference });
        }
        let record = &mut self.state.trials[index];
        let mut news = false;
        if grows {
            record.curve = Some(curve);
            news = true;
        }
        if ends == Ends::Yes || (grows && record.status != TrialStatus::Running) {
            let status = status_of(record);
            news |= status != record.status;
            record.status = status;
        }
        if news {
            self.changed(Some(index));
        }
        Ok(())
    }

    /// A trial could not be trained. What it reported before stays, and its schedule counts as taken.
    ///
    /// # Errors
    /// If there is no such trial, or it has reported its end.
    pub fn fail(&mut self, trial: &str, reason: impl Into<String>) -> Result<(), TuneError> {
        let status = TrialStatus::Failed { reason: reason.into() };
        self.close(trial, status)
    }

    /// Nobody waits for a trial any more. If it reports after all, that counts.
    ///
    /// # Errors
    /// If there is no such trial, or it has reported its end.
    pub fn abandon(&mut self, trial: &str) -> Result<(), TuneError> {
        self.close(trial, TrialStatus::Abandoned)
    }

    /// Abandons running trials since which at least `reports` later ones have come in; gives their names.
    pub fn abandon_overdue(&mut self, reports: u64) -> Vec<String> {
        let overdue =
            self.state.trials.iter_mut().filter(|record| !record.is_over() && record.later_reports >= reports);
        overdue
            .map(|record| {
                record.status = TrialStatus::Abandoned;
                record.trial.name.clone()
            })
            .collect()
    }

    fn close(&mut self, trial: &str, status: TrialStatus) -> Result<(), TuneError> {
        let index = self.index_of(trial)?;
        let record = &mut self.state.trials[index];
        match &record.status {
            TrialStatus::Finished | TrialStatus::Diverged | TrialStatus::Stopped => {
                return Err(TuneError::Finished { trial: trial.to_owned() });
            }
            known if *known == status => return Ok(()),
            TrialStatus::Running | TrialStatus::Failed { .. } | TrialStatus::Abandoned => record.status = status,
        }
        // That nothing came in is no report.
        let reported = self.state.trials[index].status != TrialStatus::Abandoned;
        self.changed(Some(index).filter(|_| reported));
        Ok(())
    }

    /// Adds the runs of a sweep by the tuner's metric. A run with the name of a trial, or whose attribute `trial` names one, is
    /// its report; any other is one that was not asked for. Runs may be added again, and may have gone on since.
    ///
    /// # Errors
    /// If the sweep has no such metric, or one that is better the other way. A run that cannot be added keeps no other from
    /// being.
    pub fn add(&mut self, sweep: &Sweep) -> Result<Added, TuneError> {
        let metric = &self.settings().metric;
        let (sweep, column) = sweep.with_metric(Some(&metric.name))?;
        if sweep.metrics[column].direction != metric.direction {
            return Err(TuneError::OtherStudy {
                what: "the better direction of the metric",
                kept: metric.to_string(),
                given: sweep.metrics[column].to_string(),
                remedy: "say which way is better when the runs are read",
            });
        }
        let mut added = Added::default();
        let (sweep, _) = sweep.with_lengths();
        for run in &sweep.runs {
            match self.add_run(run, column, &mut added) {
                Ok(()) => {}
                Err(error) => added.refused.push(RefusedRun { run: run.id.clone(), error }),
            }
        }
        Ok(added)
    }

    fn add_run(&mut self, run: &Run, column: usize, added: &mut Added) -> Result<(), TuneError> {
        let is_trial = |name: &str| self.state.trials.iter().any(|record| record.trial.name == name);
        let named = run.attributes.other.get("trial").filter(|name| is_trial(name));
        if let Some(trial) = named.or(Some(&run.id).filter(|id| is_trial(id))).cloned() {
            let ends = if run.reached_end() || run.diverged_at(column).is_some() { Ends::Yes } else { Ends::No };
            self.take(&trial, Report::Points(run.points(column).collect()), ends)?;
            added.told += 1;
            return Ok(());
        }
        let curve = Curve::of(run, column);
        let Some(index) = self.state.known.iter().position(|known| known.id == run.id) else {
            self.state.known.push(KnownRun { id: run.id.clone(), attributes: run.attributes.clone(), curve });
            added.new += 1;
            self.changed(None);
            return Ok(());
        };
        let known = &mut self.state.known[index];
        if let Some(difference) = known.curve.difference(&curve) {
            return Err(TuneError::ChangedRun { run: run.id.clone(), difference });
        }
        if curve.len() > known.curve.len() {
            (known.curve, known.attributes) = (curve, run.attributes.clone());
            added.new += 1;
            self.changed(None);
        } else {
            added.known += 1;
        }
        Ok(())
    }

    /// Something was told: by the trial number `index`, if by one.
    fn changed(&mut self, index: Option<usize>) {
        self.law = std::sync::OnceLock::new();
        if let Some(index) = index.filter(|&index| self.state.trials[index].is_over()) {
            let others =
                self.state.trials.iter_mut().enumerate().filter(|(other, record)| *other != index && !record.is_over());
            others.for_each(|(_, record)| record.later_reports += 1);
        }
    }

    fn index_of(&self, trial: &str) -> Result<usize, TuneError> {
        self.state.trials.iter().position(|record| record.trial.name == trial).ok_or_else(|| {
            let running: Vec<&str> = self.running().map(|trial| trial.name.as_str()).collect();
            let running = if running.is_empty() { "none".to_owned() } else { running.join(", ") };
            TuneError::UnknownTrial { trial: trial.to_owned(), running }
        })
    }
}

/// What a trial that has reported its end came to.
fn status_of(record: &TrialRecord) -> TrialStatus {
    let Ok(Some(run)) = record.run() else { return TrialStatus::Stopped };
    if run.diverged_at(0).is_some() {
        TrialStatus::Diverged
    } else if run.reached_end() {
        TrialStatus::Finished
    } else {
        TrialStatus::Stopped
    }
}
