//! The studies of a journal: which there are, and how many trials each has.

use std::collections::HashSet;

use super::operation::{Creation, Refusal};
use crate::limits::Limits;

pub(super) struct Study {
    pub(super) name: String,
    pub(super) direction: Option<&'static str>,
    pub(super) deleted: bool,
    pub(super) trials: usize,
}

/// The studies of a journal, as far as it has been read.
#[derive(Default)]
pub(super) struct Studies {
    pub(super) all: Vec<Study>,
    /// Names of the studies that have not been deleted.
    names: HashSet<String>,
    /// Trials of all of them.
    pub(super) trials: usize,
}

impl Studies {
    /// Carries out what concerns studies. Of a trial that is created, its study and its number there.
    pub(super) fn apply(&mut self, operation: &Creation, limits: &Limits) -> Result<Option<(usize, usize)>, Refusal> {
        match operation.op_code {
            0 => self.create(operation, limits)?,
            1 => {
                if let Some(study) = self.all.get_mut(operation.study_id).filter(|study| !study.deleted) {
                    study.deleted = true;
                    self.names.remove(&study.name);
                }
            }
            4 => {
                let study = self.all.get_mut(operation.study_id).filter(|study| !study.deleted);
                let Some(study) = study else { return Ok(None) };
                if self.trials >= limits.runs {
                    return Err(Refusal::TooMany("trials", limits.runs));
                }
                self.trials += 1;
                study.trials += 1;
                return Ok(Some((operation.study_id, study.trials - 1)));
            }
            // What happens to trials; attributes of studies, and those that samplers and pruners keep for themselves.
            2 | 3 | 5..=10 => {}
            code => return Err(Refusal::Unknown(format!("the operation {code} is not known"))),
        }
        Ok(None)
    }

    fn create(&mut self, operation: &Creation, limits: &Limits) -> Result<(), Refusal> {
        // Two workers may both have tried to create it.
        if !self.names.insert(operation.study_name.clone()) {
            return Ok(());
        }
        if self.all.len() >= limits.collections {
            return Err(Refusal::TooMany("studies", limits.collections));
        }
        let direction = match operation.directions.first() {
            Some(1) => Some("minimize"),
            Some(2) => Some("maximize"),
            _ => None,
        };
        let name = operation.study_name.clone();
        self.all.push(Study { name, direction, deleted: false, trials: 0 });
        Ok(())
    }
}
