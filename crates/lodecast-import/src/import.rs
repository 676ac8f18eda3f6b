//! The import itself: every run of every source, made into runs of a sweep one at a time.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use lodecast::{Attributes, Run};
use serde::Serialize;

use crate::assemble::assemble;
use crate::attributes::Settings;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Skipped};
use crate::options::ImportOptions;
use crate::recording::Recording;
use crate::source::Source;

/// What was read of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// Its id in the sweep.
    pub run: String,
    /// Where it came from.
    pub source: String,
    /// Points: steps at which anything was measured.
    pub points: usize,
    /// First and last step.
    pub steps: (u64, u64),
    /// Points with a train loss.
    pub losses: usize,
    /// Points with a learning rate.
    pub learning_rates: usize,
    /// Points with each validation metric.
    pub validations: Vec<usize>,
    /// What was mended, joined or kept of it.
    pub notes: Vec<String>,
}

/// What an import read and what it left out.
#[derive(Debug, Default, Serialize)]
pub struct ImportReport {
    /// The runs, in the order in which they were handed over.
    pub runs: Vec<RunReport>,
    /// Runs that were left out, and why.
    pub skipped: Vec<Skipped>,
    /// What the walk through folders left out.
    pub notes: Vec<String>,
    /// Settings in which the runs differ: they tell configurations apart.
    pub settings: BTreeSet<String>,
    /// Settings that differ but are texts of each run's own, and so do not count.
    pub ignored_settings: BTreeSet<String>,
    /// Was the import broken off?
    pub interrupted: bool,
    #[serde(skip)]
    all_settings: Settings,
}

impl ImportReport {
    /// Completes the attributes of the run of this number by the settings in which the runs differ, which are known only when
    /// all have been read.
    pub fn complete(&self, run: usize, attributes: &mut Attributes) {
        for name in &self.settings {
            if let Some(value) = self.all_settings.value(run, name) {
                attributes.other.insert(name.clone(), value.to_owned());
            }
        }
    }
}

/// Reads every run of `sources` and hands it to `take`, which may break off.
///
/// # Errors
/// If a source cannot be read, `take` fails, or no run at all could be used.
pub fn import(
    sources: &[(Source, &dyn Format)],
    columns: &Columns,
    options: &ImportOptions,
    take: &mut dyn FnMut(Run, &RunReport) -> Result<ControlFlow<()>>,
) -> Result<ImportReport> {
    let wanted = columns.wanted(&options.wanted);

    let mut report = ImportReport::default();
    let mut ids = HashMap::new();
    let mut failure = None;
    for (source, format) in sources {
        report.notes.extend(source.notes().iter().cloned());
        format.read(source, &wanted, &options.limits, &mut |outcome| {
            // A run in the midst of which the reading was stopped comes as one that is left out.
            if options.limits.stop.is_asked() {
                report.interrupted = true;
                return ControlFlow::Break(());
            }
            let handed = match outcome {
                Outcome::Skipped(skipped) => {
                    report.skipped.push(skipped);
                    Ok(ControlFlow::Continue(()))
                }
                Outcome::Recording(recording) => hand_over(&recording, columns, options, &mut report, &mut ids, take),
            };
            handed.unwrap_or_else(|error| {
                failure = Some(error);
                ControlFlow::Break(())
            })
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        if report.interrupted {
            break;
        }
    }
    if report.runs.is_empty() && !report.interrupted {
        let place = sources.iter().map(|(source, _)| source.to_string()).collect::<Vec<_>>().join(", ");
        let reason = report.skipped.first().map_or_else(
            || "there is none".to_owned(),
            |skipped| format!("all {} were left out, {}: {}", report.skipped.len(), skipped.run, skipped.reason),
        );
        return Err(Error::Undecided {
            place,
            question: format!("no run can be used: {reason}"),
            remedy: "choose other columns, or see them all with --dry-run --json".to_owned(),
        });
    }
    (report.settings, report.ignored_settings) = report.all_settings.differing();
    Ok(report)
}

fn hand_over(
    recording: &Recording,
    columns: &Columns,
    options: &ImportOptions,
    report: &mut ImportReport,
    ids: &mut HashMap<String, usize>,
    take: &mut dyn FnMut(Run, &RunReport) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let assembled = match assemble(recording, columns, options) {
        Ok(assembled) => assembled,
        Err(reason) => {
            report.skipped.push(Skipped { run: recording.id.clone(), reason });
            return Ok(ControlFlow::Continue(()));
        }
    };
    let mut notes = assembled.notes;
    for mut run in assembled.runs {
        unique(&mut run, ids, &mut notes);
        report.all_settings.push(recording, &assembled.used);
        let measured = |column: &[Option<f64>]| column.iter().flatten().count();
        let of_run = RunReport {
            run: run.id.clone(),
            source: recording.source.clone(),
            points: run.len(),
            steps: (run.steps.first().copied().unwrap_or(0), run.steps.last().copied().unwrap_or(0)),
            losses: measured(&run.train_loss),
            learning_rates: measured(&run.learning_rate),
            validations: run.validation.iter().map(|column| measured(column)).collect(),
            // Said once, with the first of the runs that were one recording.
            notes: std::mem::take(&mut notes),
        };
        let flow = take(run, &of_run)?;
        report.runs.push(of_run);
        if flow.is_break() {
            report.interrupted = true;
            return Ok(flow);
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Gives a run whose id another has taken a number behind it. `ids` knows the last number given to each.
fn unique(run: &mut Run, ids: &mut HashMap<String, usize>, notes: &mut Vec<String>) {
    if run.id.is_empty() {
        "run".clone_into(&mut run.id);
    }
    let Some(&last) = ids.get(&run.id) else {
        ids.insert(run.id.clone(), 1);
        return;
    };
    let mut number = last + 1;
    while ids.contains_key(&format!("{} ({number})", run.id)) {
        number += 1;
    }
    ids.insert(run.id.clone(), number);
    ids.insert(format!("{} ({number})", run.id), 1);
    notes.push(format!("another run is called '{}' too: this one is ({number})", run.id));
    run.id = format!("{} ({number})", run.id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_name_are_numbered() {
        let (mut ids, mut notes) = (HashMap::new(), Vec::new());
        let mut named = |id: &str| {
            let mut run = Run::new(id, 0);
            unique(&mut run, &mut ids, &mut notes);
            run.id
        };
        let given = ["a", "a (2)", "a", "a", "a (2)", "", "", "run (2)"].map(&mut named);
        assert_eq!(given, ["a", "a (2)", "a (3)", "a (4)", "a (2) (2)", "run", "run (2)", "run (2) (2)"]);
        assert_eq!(notes.len(), 5);
        assert_eq!(notes[0], "another run is called 'a' too: this one is (3)");
    }

    #[test]
    fn many_runs_of_one_name_take_no_longer_each() {
        let (mut ids, mut notes) = (HashMap::new(), Vec::new());
        // Counting up to a free number for each would take minutes.
        for _ in 0..100_000 {
            unique(&mut Run::new("metrics", 0), &mut ids, &mut notes);
        }
        assert!(ids.contains_key("metrics (100000)"));
    }
}
