//! What a recording says of its trial, whatever the storage: how it ended, and what its study is after.

use lodecast::Direction;

use crate::error::Result;
use crate::recording::recorder::Recorder;

/// Optuna keeps one series a trial and has no name for it.
pub(super) const SERIES: &str = "intermediate_value";

/// Why a trial may have no series.
pub(super) const NOTHING: &str = "it reported no intermediate values (trial.report)";

/// How far a trial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Complete,
    Pruned,
    Failed,
    Waiting,
}

impl State {
    pub(super) fn is_finished(self) -> bool {
        matches!(self, State::Complete | State::Pruned | State::Failed)
    }
}

/// Says in the recording of a trial how it ended and what its study is after.
pub(super) fn describe(recorder: &mut Recorder<'_>, state: State, study: &str, direction: Option<&str>) -> Result<()> {
    recorder.recording().is_unfinished = !matches!(state, State::Complete);
    match state {
        State::Complete => {}
        State::Running => recorder.note("the trial is running, or was stopped"),
        State::Pruned => recorder.note("the trial was pruned"),
        State::Failed => recorder.note("the trial failed"),
        State::Waiting => recorder.note("the trial has not begun"),
    }
    recorder.set("study", study.to_owned())?;
    let Some(direction) = direction else { return Ok(()) };
    let way = if direction == "maximize" { Direction::Max } else { Direction::Min };
    recorder.recording().directions.insert(SERIES.to_owned(), way);
    recorder.set("direction", direction.to_owned())
}
