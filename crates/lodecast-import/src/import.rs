//! The import itself: every run of every source, made into runs of a sweep one at a time.

mod identity;
mod remarks;
mod report;
mod taken_up;

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use lodecast::Run;

use crate::assemble::assemble;
use crate::assemble::credentials::is_credential;
use crate::choose::columns::Columns;
use crate::choose::options::{ImportOptions, Restarts};
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Skipped};
use crate::recording::Recording;
use crate::scales::{Scales, says_units};
use crate::source::Source;

use identity::{digest, says_copy, unique};
use remarks::{none_usable, says_folds, says_late, says_unread};
pub use report::{ImportReport, RunReport};
use taken_up::{Outline, Pending, goes_on, join};

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
    let mut import = Import {
        columns,
        options,
        take,
        report: ImportReport::default(),
        ids: HashMap::new(),
        copies: HashMap::new(),
        pending: None,
        counts_epochs: false,
        scales: Scales::default(),
    };
    import.check_collection(sources)?;
    let mut failure = None;
    for (source, format) in sources {
        import.report.notes.extend(source.notes().iter().cloned());
        format.read(source, &wanted, &options.limits, &mut |outcome| {
            // A run in the midst of which the reading was stopped comes as one that is left out.
            if options.limits.stop.is_asked() {
                import.report.interrupted = true;
                return ControlFlow::Break(());
            }
            let handed = match outcome {
                Outcome::Skipped(skipped) => {
                    import.report.skipped.push(skipped);
                    Ok(ControlFlow::Continue(()))
                }
                Outcome::Recording(recording) => import.take_in(recording),
            };
            handed.unwrap_or_else(|error| {
                failure = Some(error);
                ControlFlow::Break(())
            })
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        if import.report.interrupted {
            break;
        }
        let waits = import.pending.as_ref().map(|pending| pending.recording.source.as_str());
        let unread = says_unread(source, *format, &import.report, waits);
        import.report.notes.extend(unread);
    }
    if !import.report.interrupted {
        let _last = import.hand_over()?;
    }
    import.finish(sources)
}

/// An import under way.
struct Import<'i> {
    columns: &'i Columns,
    options: &'i ImportOptions,
    take: &'i mut dyn FnMut(Run, &RunReport) -> Result<ControlFlow<()>>,
    report: ImportReport,
    ids: HashMap<String, usize>,
    /// A digest of the points and settings of each run handed over, and its id.
    copies: HashMap<u64, String>,
    /// The last run, which the next one may go on with.
    pending: Option<Pending>,
    /// Did it matter for any run how many steps an epoch has?
    counts_epochs: bool,
    scales: Scales,
}

impl Import<'_> {
    /// Refuses a collection that nothing has.
    fn check_collection(&self, sources: &[(Source, &dyn Format)]) -> Result<()> {
        let Some(asked) = &self.options.wanted.collection else { return Ok(()) };
        let Some((source, format)) = sources.iter().find(|(_, format)| format.collection().is_none()) else {
            return Ok(());
        };
        Err(Error::Undecided {
            place: source.to_string(),
            question: format!("{} has no experiments or studies to choose '{asked}' from", format.name()),
            remedy: "leave --collection out".to_owned(),
        })
    }

    /// Makes runs of a recording, and hands over the one that waited for them.
    fn take_in(&mut self, mut recording: Recording) -> Result<ControlFlow<()>> {
        let secrets: Vec<String> = recording
            .settings
            .iter()
            .filter(|(name, value)| is_credential(name, value))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &secrets {
            recording.settings.remove(name);
        }
        if !secrets.is_empty() {
            recording.notes.push(format!("settings that look like credentials were left out: {}", secrets.join(", ")));
        }
        let assembled = match assemble(&recording, self.columns, self.options) {
            Ok(assembled) => assembled,
            Err(reason) => {
                let reason = std::iter::once(reason.as_str()).chain(recording.notes.iter().map(String::as_str));
                let reason = reason.collect::<Vec<_>>().join("; ");
                self.report.skipped.push(Skipped { run: recording.id.clone(), reason, nothing: false });
                return Ok(ControlFlow::Continue(()));
            }
        };
        self.counts_epochs |= assembled.counts_epochs;
        let used: BTreeSet<String> = assembled.used.iter().map(|&name| name.to_owned()).collect();
        let (mut notes, runs) = (assembled.notes, assembled.runs);
        // Its samples are in the runs now.
        let settings = Recording {
            settings: std::mem::take(&mut recording.settings),
            only_row: std::mem::take(&mut recording.only_row),
            measured: std::mem::take(&mut recording.measured),
            ..Recording::default()
        };
        let source = std::mem::take(&mut recording.source);
        drop(recording);
        let whole = runs.len() == 1;
        for run in runs {
            let outline = Outline { source: source.clone(), settings: settings.clone() };
            // Said once, with the first of the runs that were one recording.
            let next = Pending { run, notes: std::mem::take(&mut notes), recording: outline, used: used.clone() };
            let may_go_on = whole && self.options.restarts != Some(Restarts::Split);
            if let Some(known) = self.pending.as_mut().filter(|known| may_go_on && goes_on(known, &next)) {
                join(known, next);
                continue;
            }
            if self.hand_over()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.pending = Some(next);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Hands over the run that waits, unless it is a copy of an earlier one.
    fn hand_over(&mut self) -> Result<ControlFlow<()>> {
        let Some(Pending { mut run, mut notes, recording, used }) = self.pending.take() else {
            return Ok(ControlFlow::Continue(()));
        };
        let digest = digest(&run, &recording.settings.settings);
        if let Some(first) = self.copies.get(&digest) {
            let same = format!("it has the same points and settings as '{first}'");
            // Two runs of one seed or name are the same; without a seed two may have been made so.
            if run.attributes.seed.is_some() || run.id == *first || says_copy(&run.id) || says_copy(first) {
                let reason = format!("{same}: a copy, in {}", recording.source);
                self.report.skipped.push(Skipped { run: run.id, reason, nothing: false });
                return Ok(ControlFlow::Continue(()));
            }
            notes.push(format!("{same}: if it is a copy, leave it out"));
        }
        notes.extend(says_late(&run));
        unique(&mut run, &mut self.ids, &mut notes);
        self.copies.insert(digest, run.id.clone());
        let used = used.iter().map(String::as_str).collect();
        self.report.all_settings.push(&recording.settings, &used);
        let measured = |column: &[Option<f64>]| column.iter().flatten().count();
        let of_run = RunReport {
            run: run.id.clone(),
            source: recording.source,
            points: run.len(),
            steps: (run.steps().first().copied().unwrap_or(0), run.steps().last().copied().unwrap_or(0)),
            losses: measured(run.train_loss()),
            learning_rates: measured(run.learning_rate()),
            validations: run.validations().map(measured).collect(),
            notes,
        };
        self.scales.look_at(&run);
        let flow = (self.take)(run, &of_run)?;
        self.report.runs.push(of_run);
        self.report.interrupted |= flow.is_break();
        Ok(flow)
    }

    fn finish(self, sources: &[(Source, &dyn Format)]) -> Result<ImportReport> {
        let mut report = self.report;
        if report.runs.is_empty() && !report.interrupted {
            let place = sources.iter().map(|(source, _)| source.to_string()).collect::<Vec<_>>().join(", ");
            return Err(none_usable(place, &report.skipped));
        }
        if self.options.steps_per_epoch.is_some() && !self.counts_epochs {
            report.notes.push("--steps-per-epoch has no effect: no series counts epochs".to_owned());
        }
        report.notes.extend(says_folds(&report.runs));
        report.notes.extend(self.scales.says(&self.columns.metrics()));
        report.notes.extend(says_units(&report.runs));
        let differing = report.all_settings.differing();
        (report.settings, report.ignored_settings) = (differing.telling, differing.names);
        report.circumstances = differing.circumstances;
        Ok(report)
    }
}
