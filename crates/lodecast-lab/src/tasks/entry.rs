//! A task of the registry.

use crate::error::Result;
use crate::run::train::Trainable;
use crate::settings::TaskSettings;

/// A task as it is listed, and how it is opened. A new task is a file with such an entry, and a line in [`TASKS`](super::TASKS).
#[derive(Clone, Copy, Debug)]
pub struct TaskEntry {
    /// Name as written in configurations and on the command line.
    pub name: &'static str,
    /// Network and data, in a line.
    pub describes: &'static str,
    /// What has to be there first; `None` where the data is made.
    pub needs: Option<&'static str>,
    pub(super) open: fn(&TaskSettings) -> Result<Box<dyn Trainable>>,
}
