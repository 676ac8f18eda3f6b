//! TensorBoard: event files, one run a folder.

mod event;
mod hparams;
mod records;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::framing::{Losses, Next};
use crate::limits::Limits;
use crate::recorder::Recorder;
use crate::source::{Source, file_name};

use event::{Entry, Event};
use records::Records;

/// Event files, as TensorFlow, PyTorch, Lightning, Keras, tensorboardX and others write them.
///
/// All event files of a folder belong to one run: a restarted training writes another one. Two kinds of folders belong to the
/// run of the folder above: those of a split, as Keras makes them (`train`, `validation`), whose series are named
/// `train/...` and `validation/...` then; and those in which PyTorch keeps hyper-parameters, which are named after a time.
pub(crate) struct TensorBoard;

/// Folders that hold one split of a run.
const SPLITS: [&str; 5] = ["train", "validation", "val", "eval", "test"];

impl Format for TensorBoard {
    fn name(&self) -> &'static str {
        "tensorboard"
    }

    fn describes(&self) -> &'static str {
        "event files (events.out.tfevents.*), one run a folder"
    }

    fn recognises(&self, source: &Source) -> bool {
        event_files(source).next().is_some()
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let runs = runs(source);
        if runs.is_empty() {
            return Err(Error::NoRuns {
                place: source.to_string(),
                format: self.name(),
                remedy: "an event file has 'tfevents' in its name".to_owned(),
            });
        }
        for (folder, parts) in runs {
            let id = source.run_id(&folder);
            let outcome = read_run(&id, &folder, &parts, wanted, limits);
            if visit(outcome.unwrap_or_else(|error| Outcome::skipped(id, error.to_string()))).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The event files of one folder of a run.
struct Part {
    /// What the names of its series begin with.
    prefix: String,
    files: Vec<PathBuf>,
}

fn event_files(source: &Source) -> impl Iterator<Item = &Path> {
    source.files().iter().map(PathBuf::as_path).filter(|path| file_name(path).contains("tfevents"))
}

/// The folders that are runs, in the order of their paths, with their parts.
fn runs(source: &Source) -> BTreeMap<PathBuf, Vec<Part>> {
    let mut folders: BTreeMap<&Path, Vec<PathBuf>> = BTreeMap::new();
    for path in event_files(source) {
        folders.entry(path.parent().unwrap_or(Path::new(""))).or_default().push(path.to_owned());
    }
    let root = match source {
        Source::Folder(tree) => Some(tree.root()),
        _ => None,
    };
    let mut runs: BTreeMap<PathBuf, Vec<Part>> = BTreeMap::new();
    for (folder, files) in &folders {
        let (name, above) = (file_name(folder), folder.parent().filter(|_| root.is_some_and(|root| root != *folder)));
        let (run, prefix) = match above {
            Some(above) if SPLITS.contains(&name) => (above, format!("{name}/")),
            Some(above) if is_time(name) && folders.contains_key(above) => (above, String::new()),
            _ => (*folder, String::new()),
        };
        runs.entry(run.to_owned()).or_default().push(Part { prefix, files: files.clone() });
    }
    runs
}

/// Is it a number of seconds since 1970, as the hyper-parameters' folders of PyTorch are named?
fn is_time(name: &str) -> bool {
    name.parse().is_ok_and(|time: f64| (1e9..1e10).contains(&time))
}

fn read_run(id: &str, folder: &Path, parts: &[Part], wanted: &Wanted, limits: &Limits) -> Result<Outcome> {
    let mut recorder = Recorder::new(id, folder.display().to_string(), wanted, limits);
    for part in parts {
        // The places of tags, under the bytes they have in the file.
        let mut places = HashMap::new();
        for path in in_time(&part.files) {
            let file = File::open(path).map_err(|source| Error::File { path: path.clone(), source })?;
            let losses =
                read_file(file, &part.prefix, &mut places, &mut recorder).map_err(|failure| failure.of(path))?;
            for note in losses.notes(file_name(path)) {
                recorder.note(note);
            }
        }
    }
    Ok(recorder.finish("its event files hold no scalars"))
}

/// The files in the order in which they were begun: the first record of each tells when. Those that tell nothing come last.
fn in_time(files: &[PathBuf]) -> Vec<&PathBuf> {
    let mut files: Vec<&PathBuf> = files.iter().collect();
    if files.len() > 1 {
        let begun = |path: &&PathBuf| {
            let mut records = Records::new(File::open(path).ok()?);
            let Ok(Next::Record(record)) = records.next() else { return None };
            Event::read(record).ok().map(|event| event.wall_time)
        };
        files.sort_by_cached_key(|path| {
            let time = begun(path).filter(|time| *time > 0.0).unwrap_or(f64::INFINITY);
            // Positive numbers are ordered like their bits.
            (time.to_bits(), (*path).clone())
        });
    }
    files
}

/// Why a file could not be read on.
enum Failure {
    Io(std::io::Error),
    Import(Error),
}

impl Failure {
    fn of(self, path: &Path) -> Error {
        match self {
            Failure::Io(source) => Error::File { path: path.to_owned(), source },
            Failure::Import(error) => error,
        }
    }
}

/// Reads one event file into `recorder`. `places` remembers where the series of a tag is.
fn read_file(
    source: impl std::io::Read,
    prefix: &str,
    places: &mut HashMap<Vec<u8>, Option<usize>>,
    recorder: &mut Recorder<'_>,
) -> Result<Losses, Failure> {
    let mut records = Records::new(source);
    let mut losses = Losses::default();
    let mut index = 0;
    loop {
        recorder.stop_at(index).map_err(Failure::Import)?;
        let next = records.next().map_err(Failure::Io)?;
        let record = match next {
            Next::Record(record) => record,
            Next::End => return Ok(losses),
            lost => {
                losses.add(&lost);
                continue;
            }
        };
        let event = Event::read(record);
        let mut sound = event.is_ok();
        let event = event.unwrap_or_default();
        for entry in event.values() {
            match entry {
                Ok(Entry::Scalar(scalar)) => {
                    let place = if let Some(&place) = places.get(scalar.tag) {
                        place
                    } else {
                        let name = format!("{prefix}{}", String::from_utf8_lossy(scalar.tag));
                        let place = recorder.place(&name).map_err(Failure::Import)?;
                        places.insert(scalar.tag.to_owned(), place);
                        place
                    };
                    if let Some(place) = place {
                        recorder.push(place, event.step, scalar.value, event.wall_time).map_err(Failure::Import)?;
                    }
                }
                Ok(Entry::HyperParameters(content)) => match hparams::settings(content) {
                    Ok(settings) => {
                        for (key, value) in settings {
                            recorder.set(&key, value).map_err(Failure::Import)?;
                        }
                    }
                    Err(_) => sound = false,
                },
                Ok(Entry::Other) => {}
                Err(_) => sound = false,
            }
        }
        if !sound {
            losses.add_malformed(index);
        }
        index += 1;
    }
}
