//! The trials of one study of a journal, as far as they can still change.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::operation::{self, Operation, Refusal};
use super::studies::Studies;
use crate::formats::optuna::distribution;
use crate::formats::optuna::trial::State;
use crate::limits::Limits;

pub(super) struct Trial {
    pub(super) number: usize,
    pub(super) state: State,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) attributes: Map<String, Value>,
    /// Reported values in the order of their first report; a step reported again has its value replaced.
    pub(super) reported: Vec<(i64, f64)>,
    /// Place of each step in `reported`.
    places: BTreeMap<i64, usize>,
}

/// The trials of one study that are not finished, and so can still change.
pub(super) struct Trials {
    studies: Studies,
    chosen: usize,
    pub(super) open: BTreeMap<usize, Trial>,
    /// Values reported of these, which are in memory.
    reported: usize,
}

impl Trials {
    /// No trials yet, of the study of this index.
    pub(super) fn of(chosen: usize) -> Self {
        Self { studies: Studies::default(), chosen, open: BTreeMap::new(), reported: 0 }
    }

    /// Carries out an operation, and gives the trial that ends by it: nothing changes a finished one.
    pub(super) fn apply(&mut self, operation: Operation, limits: &Limits) -> Result<Option<(usize, Trial)>, Refusal> {
        let trial = self.open.get_mut(&operation.trial_id);
        match operation.op_code {
            0 | 1 | 4 => {
                let created = self.studies.apply(&operation.creation(), limits)?;
                if let Some((_, number)) = created.filter(|&(study, _)| study == self.chosen) {
                    return self.create(number, operation, limits);
                }
            }
            5 => {
                if let Some(trial) = trial
                    && trial.parameters.len() <= limits.settings
                    && let Some(internal) = operation::number(&operation.param_value_internal)
                {
                    let value = distribution::spell(internal, &operation.distribution);
                    trial.parameters.insert(operation.param_name, value);
                }
            }
            6 => {
                let state = operation::state(operation.state.unwrap_or_default())?;
                if let Some(trial) = trial {
                    trial.state = state;
                    return Ok(self.take_if_finished(operation.trial_id));
                }
            }
            7 => {
                if let Some(trial) = trial
                    && let Some(value) = operation::number(&operation.intermediate_value)
                {
                    self.reported += usize::from(trial.report(operation.step, value));
                }
            }
            8 => {
                // One more than may be is kept, for the trial to be left out with that reason.
                if let Some(trial) = trial
                    && trial.attributes.len() <= limits.settings
                {
                    trial.attributes.extend(operation.user_attr);
                }
            }
            _ => {}
        }
        self.check(limits).map(|()| None)
    }

    fn create(
        &mut self,
        number: usize,
        operation: Operation,
        limits: &Limits,
    ) -> Result<Option<(usize, Trial)>, Refusal> {
        let id = self.studies.trials - 1;
        let mut trial = Trial {
            number,
            state: operation.state.map_or(Ok(State::Running), operation::state)?,
            parameters: BTreeMap::new(),
            attributes: operation.user_attrs,
            reported: Vec::new(),
            places: BTreeMap::new(),
        };
        for (name, internal) in operation.params {
            if let Some(internal) = operation::number(&internal) {
                let distribution = operation.distributions.get(&name).map_or("", String::as_str);
                trial.parameters.insert(name, distribution::spell(internal, distribution));
            }
        }
        for (step, value) in operation.intermediate_values {
            if let Some(value) = operation::number(&value) {
                self.reported += usize::from(trial.report(step, value));
            }
        }
        self.open.insert(id, trial);
        self.check(limits)?;
        Ok(self.take_if_finished(id))
    }

    fn take_if_finished(&mut self, id: usize) -> Option<(usize, Trial)> {
        self.open.get(&id).filter(|trial| trial.state.is_finished())?;
        let trial = self.open.remove(&id)?;
        self.reported -= trial.reported.len();
        Some((id, trial))
    }

    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        if self.reported <= limits.samples {
            return Ok(());
        }
        Err(Refusal::TooMany("values of trials that have not ended", limits.samples))
    }
}

impl Trial {
    /// Takes down a value, and says whether it is the first of its step.
    fn report(&mut self, step: i64, value: f64) -> bool {
        let place = *self.places.entry(step).or_insert(self.reported.len());
        if let Some(reported) = self.reported.get_mut(place) {
            reported.1 = value;
            return false;
        }
        self.reported.push((step, value));
        true
    }
}
