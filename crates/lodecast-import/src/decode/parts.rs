//! Runs whose training and evaluations were written to files of their own: `train.csv` beside `val.csv`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::names::{held_out, is_training, rate_rank};
use crate::recording::Recording;
use crate::source::{Source, in_counting_order};

/// A file with a part of the runs, or with all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'p> {
    pub(crate) path: &'p Path,
    /// The data that it is about, if it holds evaluations only.
    pub(crate) held_out: Option<&'static str>,
}

impl<'p> Part<'p> {
    /// A file with all there is of its runs.
    pub(crate) fn whole(path: &'p Path) -> Self {
        Self { path, held_out: None }
    }
}

/// Files that belong together: one by itself, or that of a run's training and those of its evaluations.
#[derive(Debug)]
pub(crate) struct Files<'p> {
    /// The training first.
    pub(crate) parts: Vec<Part<'p>>,
    /// The run, if they are several: `a/run3` of `a/run3_train.csv` and `a/run3_val.csv`.
    run: Option<String>,
}

impl<'p> Files<'p> {
    /// One by itself.
    pub(crate) fn of(part: Part<'p>) -> Self {
        Self { parts: vec![part], run: None }
    }

    /// The first of them.
    pub(crate) fn first(&self) -> &'p Path {
        self.parts[0].path
    }

    /// What is known of the run before it is read, `known` being what is known by the first file.
    pub(crate) fn base(&self, mut known: Recording) -> Recording {
        let Some(run) = &self.run else { return known };
        run.clone_into(&mut known.id);
        // The rows of different files are not in one order.
        known.is_out_of_time = true;
        let name = |part: &Part<'_>| part.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names: Vec<String> = self.parts.iter().map(name).collect();
        known.notes.push(format!("{} were taken for the training and evaluations of one run", names.join(", ")));
        known
    }
}

/// Puts together the `files` of each run, `names` being the columns or keys of one. A file that has rates has all of its run.
pub(crate) fn grouped<'p>(
    source: &Source,
    files: impl Iterator<Item = &'p Path>,
    names: impl Fn(&Path) -> Vec<String>,
) -> Vec<Files<'p>> {
    let files = in_counting_order(files);
    let mut evaluations: BTreeMap<String, Vec<Part<'p>>> = BTreeMap::new();
    let mut trainings: BTreeMap<String, usize> = BTreeMap::new();
    let kinds: Vec<Option<(String, Phase)>> = files.iter().map(|path| phase(source, path)).collect();
    for (path, kind) in files.iter().zip(&kinds) {
        match kind {
            Some((run, Phase::Training)) => *trainings.entry(run.clone()).or_default() += 1,
            Some((run, Phase::Evaluation(data))) if !names(path).iter().any(|name| rate_rank(name).is_some()) => {
                evaluations.entry(run.clone()).or_default().push(Part { path, held_out: Some(data) });
            }
            _ => {}
        }
    }
    // Two of one kind may be anything.
    trainings.retain(|_, count| *count == 1);
    evaluations.retain(|run, found| trainings.contains_key(run) && all_differ(found));
    let mut together = Vec::new();
    for (path, kind) in files.iter().zip(kinds) {
        match kind {
            Some((run, Phase::Training)) if evaluations.contains_key(&run) => {
                let parts = std::iter::once(Part::whole(path)).chain(evaluations[&run].iter().copied()).collect();
                together.push(Files { parts, run: Some(run) });
            }
            Some((run, Phase::Evaluation(_)))
                if evaluations.get(&run).is_some_and(|found| found.iter().any(|part| part.path == *path)) => {}
            _ => together.push(Files::of(Part::whole(path))),
        }
    }
    together
}

fn all_differ(parts: &[Part<'_>]) -> bool {
    let mut data: Vec<_> = parts.iter().map(|part| part.held_out).collect();
    data.sort_unstable();
    data.windows(2).all(|pair| pair[0] != pair[1])
}

enum Phase {
    Training,
    Evaluation(&'static str),
}

/// The run and the phase of it that a file is called after, if it is called after one phase.
fn phase(source: &Source, path: &Path) -> Option<(String, Phase)> {
    // What says no more than that it is a log.
    const LOG: [&str; 12] = [
        "log", "logs", "metrics", "metric", "history", "stats", "results", "losses", "loss", "curve", "curves",
        "scalars",
    ];
    let id = source.run_id(path);
    let (folder, name) = id.rsplit_once('/').unwrap_or(("", &id));
    let mut found = None;
    let mut rest = Vec::new();
    for word in name.split(|character: char| !character.is_alphanumeric()) {
        let phase = if is_training(word) { Some(Phase::Training) } else { held_out(word).map(Phase::Evaluation) };
        match phase {
            Some(_) if found.is_some() => return None,
            Some(_) => found = phase,
            None if LOG.contains(&word.to_lowercase().as_str()) => {}
            None => rest.push(word),
        }
    }
    let run = [folder, &rest.join("-")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    // Of files in the folder that is imported the run is called after it.
    let run = if run.is_empty() { source.run_id(path.parent()?) } else { run };
    Some((run, found?))
}
