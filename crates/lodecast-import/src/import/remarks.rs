//! What an import says of its runs as they are, of the files that it did not read, and of having found none.

use std::collections::{BTreeMap, BTreeSet};

use lodecast::Run;

use super::report::{ImportReport, RunReport};
use super::taken_up::stride;
use crate::error::Error;
use crate::format::{Format, Skipped};
use crate::formats::registry;
use crate::names::is_of_fold;
use crate::source::Source;

/// Names the files of a folder that another format would have read; the run that `waits` was read from that place.
pub(super) fn says_unread(
    source: &Source,
    format: &dyn Format,
    report: &ImportReport,
    waits: Option<&str>,
) -> Vec<String> {
    // More are not looked into.
    const LOOKED_AT: usize = 500;
    const SHOWN: usize = 3;
    let Source::Folder(_) = source else { return Vec::new() };
    let read: BTreeSet<&str> = report.runs.iter().map(|run| run.source.as_str()).chain(waits).collect();
    let skipped: BTreeSet<&str> = report.skipped.iter().map(|skipped| skipped.run.as_str()).collect();
    let mut unread: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for path in source.files().iter().take(LOOKED_AT) {
        let text = path.display().to_string();
        let known = path.ancestors().any(|above| read.contains(above.display().to_string().as_str()));
        if known || skipped.contains(source.run_id(path).as_str()) || skipped.contains(text.as_str()) {
            continue;
        }
        let file = Source::File(path.clone());
        // By name, for what recognises any file that it is given has no reason to think it a log.
        let by = registry::by_name(&file);
        if let Some(by) = by.filter(|by| by.name() != format.name()) {
            unread.entry(by.name()).or_default().push(text);
        }
    }
    let says = |(by, files): (&str, Vec<String>)| {
        let more = files.len().saturating_sub(SHOWN);
        let shown = files.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let name = format.name();
        format!("{shown}{more} not read, for they are not {name}'s: 'lodecast import {by} {source}' reads them")
    };
    unread.into_iter().map(says).collect()
}

/// The error of an import without a run, with the first few reasons.
pub(super) fn none_usable(place: String, skipped: &[Skipped]) -> Error {
    const SHOWN: usize = 3;
    let mut shown: Vec<&Skipped> = Vec::new();
    for one in skipped {
        if shown.len() < SHOWN && !shown.iter().any(|known| known.reason == one.reason) {
            shown.push(one);
        }
    }
    let reasons =
        shown.iter().map(|skipped| format!("{}: {}", skipped.run, skipped.reason)).collect::<Vec<_>>().join("; ");
    let reason = if shown.is_empty() {
        "there is none".to_owned()
    } else {
        format!("all {} were left out, {reasons}", skipped.len())
    };
    let lacks =
        |what: &str| skipped.iter().any(|skipped| skipped.reason.starts_with(&format!("it has no samples of {what}")));
    let is_apart = lacks("a validation metric") && (lacks("the train loss") || lacks("the learning rate"));
    let remedy = if is_apart {
        "if one has the training of a run and the other its evaluation, call them train and val (a/train.csv, a/val.csv) in one folder, or \
         put their rows into one file, each with its step or epoch"
    } else {
        "choose other columns, or see them all with --dry-run --json"
    };
    Error::Undecided { place, question: format!("no run can be used: {reason}"), remedy: remedy.to_owned() }
}

/// What is said of a run whose first point is not where runs begin.
pub(super) fn says_late(run: &Run) -> Option<String> {
    let first = *run.steps().first()?;
    // Seconds or thousandths of seconds since 1970, up to the year 2100.
    if (946_684_800..4_102_444_800).contains(&first) || (946_684_800_000..4_102_444_800_000).contains(&first) {
        return Some(format!(
            "its steps begin at {first}: if these are times, no length or schedule can be learned from them; name what counts \
             the steps with --step"
        ));
    }
    (run.len() > 2 && first > stride(run).saturating_mul(2)).then(|| {
        format!("its first point is at step {first}: if it goes on with another run, what came before is not in it")
    })
}

/// What is said of runs that are folds of a cross-validation, as their names say.
pub(super) fn says_folds(runs: &[RunReport]) -> Option<String> {
    let mut folds = runs.iter().filter(|run| is_of_fold(&run.run));
    let (first, others) = (folds.next()?, folds.count());
    (others > 0).then(|| {
        format!(
            "{} runs, '{}' for one, are folds of a cross-validation by their names: they count as repetitions of their \
             configuration, though each was validated on other data",
            others + 1,
            first.run
        )
    })
}
