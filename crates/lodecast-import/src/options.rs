//! What a user says about an import.

use crate::attributes::AttributeNames;
use crate::columns::ValidationChoice;
use crate::format::Wanted;
use crate::limits::Limits;
use crate::rate::RateSchedule;
use crate::restarts::Restarts;
use crate::role::Role;

/// What a user says about an import. The default leaves everything to the usual names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// Series of the train loss.
    pub loss: Option<String>,
    /// Series of the learning rate.
    pub learning_rate: Option<String>,
    /// How the learning rate follows from the settings, where none was recorded.
    pub rate_schedule: Option<RateSchedule>,
    /// Validation metrics, in this order.
    pub validation: Vec<ValidationChoice>,
    /// Series of the epoch's number.
    pub epoch: Option<String>,
    /// Optimizer steps of an epoch, for series that count epochs where no series tells the epoch of a step.
    pub steps_per_epoch: Option<u64>,
    /// What becomes of restarted runs.
    pub restarts: Restarts,
    /// Settings that hold the attributes.
    pub attributes: AttributeNames,
    /// Columns and collection to read. Its series are chosen by the import.
    pub wanted: Wanted,
    /// Bounds on what is read.
    pub limits: Limits,
}

impl ImportOptions {
    /// Do the options say which series is for `role`, or that none is?
    pub(crate) fn decide(&self, role: Role) -> bool {
        match role {
            Role::Loss => self.loss.is_some(),
            Role::Rate => self.learning_rate.is_some() || self.rate_schedule.is_some(),
            Role::Validation | Role::Test => !self.validation.is_empty(),
            Role::Epoch => self.epoch.is_some(),
        }
    }
}
