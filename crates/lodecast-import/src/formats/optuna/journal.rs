//! Optuna's journal files: one JSON object a line, each an operation on the studies and trials before it.
//!
//! Source: `optuna/storages/journal/_storage.py`. Studies and trials are numbered in the order of their creation.

mod lines;
mod operation;
mod studies;
mod trials;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use self::lines::{Loss, each_operation};
use self::operation::{Creation, Operation};
use self::studies::{Studies, Study};
use self::trials::{Trial, Trials};
use super::trial::{NOTHING, SERIES, describe};
use crate::decode::flatten::flatten;
use crate::error::Result;
use crate::format::{Outcome, Visit, Wanted};
use crate::formats::collection::{Collection, choose};
use crate::limits::Limits;
use crate::recording::recorder::Recorder;
use crate::source::{Source, has_ending};

/// How much of a file is looked at to tell a journal.
const GLANCE: usize = 4096;

/// The journal that the source is, or those in its folder.
pub(super) fn find(source: &Source) -> impl Iterator<Item = &Path> {
    let named = move |path: &&Path| {
        matches!(source, Source::File(_))
            || ["log", "journal", "jsonl", "json"].iter().any(|ending| has_ending(path, ending))
    };
    source.files().iter().map(PathBuf::as_path).filter(named).filter(|path| is_journal(path))
}

fn is_journal(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut file = BufReader::with_capacity(GLANCE, file);
    let start = file.fill_buf().unwrap_or_default();
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"{") && line.windows(9).any(|text| text == b"\"op_code\"")
}

/// Reads the trials of one study, in the order in which they ended; those that did not end come last.
///
/// The journal is gone through twice: only its end tells which studies there are, and no more is kept than the trials at work.
pub(super) fn read(path: &Path, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
    let place = path.display().to_string();
    let mut studies = Studies::default();
    let mut losses = Vec::new();
    let _all = each_operation(path, limits, &mut |loss| losses.push(loss), &mut |creation: Creation| {
        studies.apply(&creation, limits).map(|_| ControlFlow::Continue(()))
    })?;
    let alive = studies.all.iter().enumerate().filter(|(_, study)| !study.deleted);
    let collections: Vec<_> = alive
        .map(|(id, study)| Collection { id: id.to_string(), name: study.name.clone(), runs: study.trials as u64 })
        .collect();
    let id = choose(&collections, "study", &place, wanted)?.id;
    let Some((chosen, study)) = studies.all.into_iter().enumerate().find(|(at, _)| at.to_string() == id) else {
        return Ok(ControlFlow::Continue(()));
    };

    let mut hand_over = |key: usize, trial: &Trial, losses: &[Loss]| {
        let id = format!("{}/{}", study.name, trial.number);
        let mut recorder = Recorder::new(&id, &place, wanted, limits);
        for loss in losses.iter().filter(|loss| loss.trial.is_none_or(|trial| trial == key)) {
            recorder.note(loss.note());
        }
        visit(match record(trial, &study, &mut recorder) {
            Ok(()) => recorder.finish(NOTHING),
            Err(error) => Outcome::skipped(id, error.to_string()),
        })
    };
    let mut hand_over = |(id, trial): (usize, Trial)| hand_over(id, &trial, &losses);
    let mut trials = Trials::of(chosen);
    let read_on = each_operation(path, limits, &mut |_| {}, &mut |operation: Operation| {
        Ok(trials.apply(operation, limits)?.map_or(ControlFlow::Continue(()), &mut hand_over))
    })?;
    if read_on.is_break() {
        return Ok(read_on);
    }
    Ok(trials.open.into_iter().try_for_each(hand_over))
}

fn record(trial: &Trial, study: &Study, recorder: &mut Recorder<'_>) -> Result<()> {
    describe(recorder, trial.state, &study.name, study.direction)?;
    for (key, value) in &trial.attributes {
        flatten(key, value, &mut |key, value| recorder.set(key, value))?;
    }
    for (name, value) in &trial.parameters {
        recorder.set(name, value.clone())?;
    }
    let Some(place) = recorder.place(SERIES)? else { return Ok(()) };
    for &(step, value) in &trial.reported {
        recorder.push(place, step, value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids of the trials that a journal of these lines has, in the order in which they are handed over, with their values.
    fn read_lines(lines: &[&str], samples: usize) -> Result<Vec<(String, Vec<f64>)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.log");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let limits = Limits { samples, ..Limits::default() };
        let mut trials = Vec::new();
        let read = read(&path, &Wanted::default(), &limits, &mut |outcome| {
            if let Outcome::Recording(mut recording) = outcome {
                trials.push((recording.id, recording.series.remove(SERIES).unwrap().values().collect::<Vec<_>>()));
            }
            ControlFlow::Continue(())
        });
        read.map(|_| trials).map_err(|error| error.to_string())
    }

    const STUDY: &str = r#"{"op_code": 0, "study_name": "s", "directions": [1]}"#;
    const TRIAL: &str = r#"{"op_code": 4, "study_id": 0}"#;

    fn report(trial: usize, step: i64, value: f64) -> String {
        format!(r#"{{"op_code": 7, "trial_id": {trial}, "step": {step}, "intermediate_value": {value}}}"#)
    }

    fn end(trial: usize) -> String {
        format!(r#"{{"op_code": 6, "trial_id": {trial}, "state": 1}}"#)
    }

    #[test]
    fn no_more_is_in_memory_than_the_trials_at_work() {
        let (a, b, c) = (report(0, 0, 1.0), report(0, 1, 2.0), report(1, 0, 3.0));
        let (end_0, end_1) = (end(0), end(1));
        // Never more than two values at a time, though there are three; a step reported again is no further value.
        let again = report(0, 1, 2.5);
        let one_by_one = [STUDY, TRIAL, &a, &b, &again, &end_0, TRIAL, &c, &end_1];
        let expected = vec![("s/0".to_owned(), vec![1.0, 2.5]), ("s/1".to_owned(), vec![3.0])];
        assert_eq!(read_lines(&one_by_one, 2), Ok(expected));

        let side_by_side = [STUDY, TRIAL, TRIAL, &a, &b, &c, &end_0, &end_1];
        let refused = read_lines(&side_by_side, 2).unwrap_err();
        assert!(refused.contains("the number of its values of trials that have not ended is beyond 2"), "{refused}");
        assert_eq!(read_lines(&side_by_side, 3).unwrap().len(), 2);
    }

    #[test]
    fn trials_come_in_the_order_of_their_ends_and_those_without_one_last() {
        let (a, b, c) = (report(0, 0, 1.0), report(1, 0, 2.0), report(2, 0, 3.0));
        // What comes after the end changes nothing.
        let late = report(2, 1, 9.0);
        let lines = [STUDY, TRIAL, TRIAL, TRIAL, &a, &b, &c, &end(2), &late, &end(1)];
        let ids: Vec<_> = read_lines(&lines, 9).unwrap();
        let expected = [("s/2", 3.0), ("s/1", 2.0), ("s/0", 1.0)].map(|(id, value)| (id.to_owned(), vec![value]));
        assert_eq!(ids, expected);
    }

    #[test]
    fn only_the_end_tells_which_studies_there_are() {
        let other = r#"{"op_code": 0, "study_name": "other", "directions": [1]}"#;
        let of_other = r#"{"op_code": 4, "study_id": 1}"#;
        let deleted = r#"{"op_code": 1, "study_id": 0}"#;
        let (a, b) = (report(0, 0, 1.0), report(1, 0, 2.0));
        let lines = [STUDY, other, TRIAL, of_other, &a, &b, &end(0), &end(1)];
        let undecided = read_lines(&lines, 9).unwrap_err();
        assert!(undecided.contains("which study is meant? It has: 's' (1 runs), 'other' (1 runs)"), "{undecided}");
        let lines = [&lines[..], &[deleted]].concat();
        assert_eq!(read_lines(&lines, 9), Ok(vec![("other/0".to_owned(), vec![2.0])]));
    }
}
