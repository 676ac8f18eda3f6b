//! Runs that take up others, which a tracker has under names of their own.

use std::collections::BTreeSet;

use lodecast::Run;

use crate::assemble::settings::are_alike;
use crate::recording::Recording;

/// A run that waits to be handed over.
pub(super) struct Pending {
    pub(super) run: Run,
    pub(super) notes: Vec<String>,
    pub(super) recording: Outline,
    pub(super) used: BTreeSet<String>,
}

/// What is kept of a recording once its runs have been made.
pub(super) struct Outline {
    pub(super) source: String,
    pub(super) settings: Recording,
}

/// The usual distance between two points of a run.
pub(super) fn stride(run: &Run) -> u64 {
    run.steps().windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}

/// Does a run take up another, with the same settings, at a step at which no run begins: where that one ended, or, being called
/// the same but for its number, before it?
pub(super) fn goes_on(before: &Pending, after: &Pending) -> bool {
    let ends = |run: &Run| Some((*run.steps().first()?, *run.steps().last()?));
    let (Some((begun, last)), Some((first, end))) = (ends(&before.run), ends(&after.run)) else { return false };
    let longest = stride(&before.run).max(stride(&after.run)).max(1);
    let is_next = first > last && first - last <= longest.saturating_mul(2);
    let settings = [&before.recording.settings.settings, &after.recording.settings.settings];
    let is_numbered = || without_numbers(&before.run.id) == without_numbers(&after.run.id) && !settings[0].is_empty();
    let is_taken_up = (begun + 1..=last).contains(&first) && end > last && is_numbered();
    let begins_late = first > longest.saturating_mul(2) && before.run.len() > 1;
    begins_late && (is_next || is_taken_up) && are_alike(settings[0], settings[1])
}

fn without_numbers(id: &str) -> String {
    id.chars().filter(|character| !character.is_ascii_digit()).collect()
}

/// Appends a run to the one that it goes on with.
pub(super) fn join(known: &mut Pending, next: Pending) {
    let Pending { run, notes, recording, .. } = next;
    let first = run.steps().first().copied().unwrap_or(0);
    let kept = known.run.steps().partition_point(|&step| step < first);
    let how = if kept < known.run.len() { "takes it up at step" } else { "goes on where it ended, at step" };
    known.notes.push(format!(
        "'{}' {how} {first}, with the same settings: they were taken for one run (--restarts split keeps them apart)",
        run.id
    ));
    known.notes.extend(notes);
    known.recording.settings.measured.extend(recording.settings.measured);
    let into = &mut known.run;
    match up_to(into, kept).and_then(|mut whole| whole.append(&run).map(|()| whole)) {
        Ok(whole) => *into = whole,
        Err(error) => {
            known.notes.push(format!("its points were not joined: {error}"));
            return;
        }
    }
    into.attributes.total_steps = run.attributes.total_steps.or(into.attributes.total_steps);
    into.attributes.total_steps = into.planned_steps();
}

/// The first `points` points of a run.
fn up_to(run: &Run, points: usize) -> Result<Run, lodecast::Error> {
    let column = |column: &[Option<f64>]| column[..points].to_vec();
    let validation = run.validations().map(column).collect();
    let (loss, rate) = (column(run.train_loss()), column(run.learning_rate()));
    let kept = Run::from_columns(run.id.clone(), run.steps()[..points].to_vec(), loss, rate, validation)?;
    Ok(kept.with_attributes(run.attributes.clone()))
}
