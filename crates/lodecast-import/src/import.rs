//! The import itself: every run of every source, made into runs of a sweep one at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use lodecast::{Attributes, Run};
use serde::Serialize;

use crate::assemble::assemble;
use crate::assemble::settings::{Settings, are_alike, is_credential};
use crate::choose::columns::Columns;
use crate::choose::options::{ImportOptions, Restarts};
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Skipped};
use crate::names::is_of_fold;
use crate::recording::Recording;
use crate::scales::{Scales, says_units};
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
    /// Settings that differ but say who, where and when, or which of several seeds or folds, and so do not count.
    pub circumstances: BTreeSet<String>,
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
        import.speak_of_unread(source, *format);
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

/// A run that waits to be handed over.
struct Pending {
    run: Run,
    notes: Vec<String>,
    recording: Outline,
    used: BTreeSet<String>,
}

/// What is kept of a recording once its runs have been made.
struct Outline {
    source: String,
    settings: Recording,
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

    /// Names the files of a folder that another format would have read.
    fn speak_of_unread(&mut self, source: &Source, format: &dyn Format) {
        // More are not looked into.
        const LOOKED_AT: usize = 500;
        const SHOWN: usize = 3;
        let Source::Folder(_) = source else { return };
        let of_runs = self.report.runs.iter().map(|run| run.source.as_str());
        let pending = self.pending.iter().map(|pending| pending.recording.source.as_str());
        let read: BTreeSet<&str> = of_runs.chain(pending).collect();
        let skipped: BTreeSet<&str> = self.report.skipped.iter().map(|skipped| skipped.run.as_str()).collect();
        let mut unread: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for path in source.files().iter().take(LOOKED_AT) {
            let text = path.display().to_string();
            let known = path.ancestors().any(|above| read.contains(above.display().to_string().as_str()));
            if known || skipped.contains(source.run_id(path).as_str()) || skipped.contains(text.as_str()) {
                continue;
            }
            let file = Source::File(path.clone());
            // By name, for what recognises any file that it is given has no reason to think it a log.
            let by = crate::formats::registry::by_name(&file);
            if let Some(by) = by.filter(|by| by.name() != format.name()) {
                unread.entry(by.name()).or_default().push(text);
            }
        }
        for (by, files) in unread {
            let more = files.len().saturating_sub(SHOWN);
            let shown = files.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.report.notes.push(format!(
                "{shown}{more} not read, for they are not {}'s: 'lodecast import {by} {source}' reads them",
                format.name()
            ));
        }
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

/// The error of an import without a run, with the first few reasons.
fn none_usable(place: String, skipped: &[Skipped]) -> Error {
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

/// The usual distance between two points of a run.
fn stride(run: &Run) -> u64 {
    run.steps().windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}

/// Does a run take up another, with the same settings, at a step at which no run begins: where that one ended, or, being called
/// the same but for its number, before it?
fn goes_on(before: &Pending, after: &Pending) -> bool {
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
fn join(known: &mut Pending, next: Pending) {
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

/// What is said of a run whose first point is not where runs begin.
fn says_late(run: &Run) -> Option<String> {
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
fn says_folds(runs: &[RunReport]) -> Option<String> {
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

/// Does the name of a run say that it is a copy of another, as file managers call them?
fn says_copy(id: &str) -> bool {
    let lower = id.to_lowercase();
    let last = lower.rsplit('/').next().unwrap_or(&lower);
    last.contains("copy") || last.ends_with(')') && last.rsplit_once(" (").is_some_and(|(_, n)| n.len() == 2)
}

/// A number that two runs share only if they are the same in every point and setting.
fn digest(run: &Run, settings: &BTreeMap<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.steps().hash(&mut hasher);
    for column in [run.train_loss(), run.learning_rate()].into_iter().chain(run.validations()) {
        column.len().hash(&mut hasher);
        for value in column {
            value.map(f64::to_bits).hash(&mut hasher);
        }
    }
    settings.hash(&mut hasher);
    hasher.finish()
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
