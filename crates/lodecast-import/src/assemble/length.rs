//! The planned length of a run: who says it, and what becomes of it where the run went another way.

/// A planned length in optimizer steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) steps: u64,
    /// Does the format itself or the user say so? Otherwise it is a setting that is called so.
    pub(crate) is_certain: bool,
}

/// The planned length of a run that reached `last_step`, if it has one. This is the place where the engine's rule for
/// lengths that are 0, unknown, or shorter than the run goes in.
pub(crate) fn of_run(planned: Option<Planned>, last_step: u64, notes: &mut Vec<String>) -> Option<u64> {
    let planned = planned?.steps;
    if last_step > planned {
        notes.push(format!("it went on to step {last_step}, past the {planned} planned: the plan is left out"));
        return None;
    }
    Some(planned)
}
