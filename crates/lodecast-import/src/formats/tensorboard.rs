//! TensorBoard: event files, one run a folder.

mod event;
mod hparams;
mod records;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::decode::framing::{Losses, Next};
use crate::decode::settings;
use crate::error::{Error, Result};
use crate::format::{Format, Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::recording::recorder::Recorder;
use crate::source::{Source, file_name, in_counting_order};

use event::{Entry, Event};
use records::Records;

/// Event files, as TensorFlow, PyTorch, Lightning, Keras, tensorboardX and others write them.
///
/// All event files of a folder belong to one run: a restarted training writes another one. Three kinds of folders belong to the
/// run of the folder above: those of a split, as Keras makes them (`train`, `validation`), whose series are named
/// `train/...` and `validation/...` then; those in which PyTorch keeps hyper-parameters, which are named after a time; and those
/// that `add_scalars` makes, one a key of the tag they are named after.
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

    fn steps(&self) -> &'static str {
        "those of the loss"
    }

    fn files(&self) -> &'static [&'static str] {
        &["run/events.out.tfevents.0"]
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
        for folder in in_counting_order(runs.keys()) {
            let id = source.run_id(folder);
            let base = settings::within(source, folder, limits);
            let outcome = read_run(base, &runs[folder], wanted, limits);
            if visit(outcome.unwrap_or_else(|error| Outcome::skipped(id, error.to_string()))).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The event files of one folder of a run.
struct Part {
    names: Names,
    files: Vec<PathBuf>,
}

/// What the series of a part are called.
enum Names {
    /// As their tags.
    Own,
    /// As their tags, behind this.
    Behind(String),
    /// As their tag, with this key behind it.
    Key(String),
}

impl Names {
    fn of(&self, tag: &str) -> String {
        match self {
            Self::Own => tag.to_owned(),
            Self::Behind(prefix) => format!("{prefix}{tag}"),
            Self::Key(key) => format!("{tag}/{key}"),
        }
    }
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
        let beside = above.filter(|above| folders.contains_key(above));
        let (run, names) = if let Some(above) = above.filter(|_| SPLITS.contains(&name)) {
            (above, Names::Behind(format!("{name}/")))
        } else if let Some(above) =
            beside.filter(|_| is_time(name) && files.iter().all(|file| glance(file).is_results()))
        {
            (above, Names::Own)
        } else if let Some((above, key)) = beside.and_then(|above| Some((above, key_of_scalars(name, files)?))) {
            (above, Names::Key(key))
        } else {
            (*folder, Names::Own)
        };
        runs.entry(run.to_owned()).or_default().push(Part { names, files: files.clone() });
    }
    runs
}

/// Is it a number of seconds since 1970, as the hyper-parameters' folders of PyTorch are named?
fn is_time(name: &str) -> bool {
    name.parse().is_ok_and(|time: f64| (1e9..1e10).contains(&time))
}

/// The key of the folder `name` if it is one of those that `SummaryWriter.add_scalars` makes, one a key: it is called after the
/// only tag in its files, with the key behind it.
fn key_of_scalars(name: &str, files: &[PathBuf]) -> Option<String> {
    let mut key = None;
    for file in files {
        let Glance { tags, .. } = glance(file);
        let [(tag, _)] = tags.as_slice() else { return None };
        let tag = std::str::from_utf8(tag).ok()?.replace(['/', ' '], "_");
        key = Some(name.strip_prefix(&tag)?.strip_prefix('_').filter(|key| !key.is_empty())?.to_owned());
    }
    key
}

/// What the first records of an event file hold.
#[derive(Default)]
struct Glance {
    /// Tags, each with how often it was met.
    tags: Vec<(Vec<u8>, usize)>,
    has_settings: bool,
    only_at_nought: bool,
    whole: bool,
}

impl Glance {
    /// Are these the results that `add_hparams` keeps beside the hyper-parameters: each once, at step 0?
    fn is_results(&self) -> bool {
        self.whole && self.has_settings && self.only_at_nought && self.tags.iter().all(|&(_, count)| count == 1)
    }
}

fn glance(path: &Path) -> Glance {
    const RECORDS: usize = 256;
    let mut glance = Glance { only_at_nought: true, ..Glance::default() };
    let Ok(file) = File::open(path) else { return glance };
    let mut records = Records::new(file);
    for _ in 0..RECORDS {
        let record = match records.next() {
            Ok(Next::Record(record)) => record,
            Ok(Next::End) => {
                glance.whole = true;
                break;
            }
            Ok(Next::Damaged(_) | Next::Passed(_)) => continue,
            _ => break,
        };
        let Ok(event) = Event::read(record) else { continue };
        for entry in event.values().flatten() {
            match entry {
                Entry::Scalar(scalar) => {
                    glance.only_at_nought &= event.step == 0;
                    match glance.tags.iter_mut().find(|(tag, _)| tag == scalar.tag) {
                        Some((_, count)) => *count += 1,
                        None => glance.tags.push((scalar.tag.to_owned(), 1)),
                    }
                }
                Entry::HyperParameters(_) => glance.has_settings = true,
                Entry::Other => {}
            }
        }
    }
    glance
}

fn read_run(base: Recording, parts: &[Part], wanted: &Wanted, limits: &Limits) -> Result<Outcome> {
    let mut recorder = Recorder::of(base, wanted, limits);
    // The places of tags, under the bytes they have in the files of each part.
    let mut places: Vec<_> = parts.iter().map(|_| HashMap::new()).collect();
    let files = in_time(parts);
    for &(part, path) in &files {
        recorder.begin_session(None);
        let is_results = files.len() > 1 && glance(path).is_results();
        let failed = |source| Error::File { path: path.clone(), source };
        let mut file = File::open(path).map_err(failed)?;
        let known = limits.since.of_file(path, &mut file).map_err(failed)?;
        file.seek(SeekFrom::Start(known.offset)).map_err(failed)?;
        let mut records = Records::from(file, known.offset);
        let reading =
            Reading { names: &parts[part].names, is_results, places: &mut places[part], left_out: Vec::new() };
        let (losses, end) = reading.read(&mut records, &mut recorder).map_err(|failure| failure.of(path))?;
        limits.since.read_file_to(path, end, None, None).map_err(failed)?;
        for note in losses.notes(file_name(path), limits.since.is_asked()) {
            recorder.note(note);
        }
    }
    Ok(recorder.finish("its event files hold no scalars"))
}

/// The files of all parts in the order in which they were begun: the first record of each tells when. Those that tell nothing
/// come last.
fn in_time(parts: &[Part]) -> Vec<(usize, &PathBuf)> {
    let all = parts.iter().enumerate().flat_map(|(part, of)| of.files.iter().map(move |file| (part, file)));
    let mut files: Vec<(usize, &PathBuf)> = all.collect();
    if files.len() > 1 {
        let begun = |path: &Path| {
            let mut records = Records::new(File::open(path).ok()?);
            let Ok(Next::Record(record)) = records.next() else { return None };
            Event::read(record).ok().map(|event| event.wall_time)
        };
        files.sort_by_cached_key(|&(_, path)| {
            let time = begun(path).filter(|time| *time > 0.0).unwrap_or(f64::INFINITY);
            // Positive numbers are ordered like their bits.
            (time.to_bits(), path.clone())
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

/// An event file being read.
struct Reading<'r> {
    names: &'r Names,
    /// Are its scalars results, kept beside the hyper-parameters, and no samples?
    is_results: bool,
    places: &'r mut HashMap<Vec<u8>, Option<usize>>,
    /// Results that were left out.
    left_out: Vec<String>,
}

impl Reading<'_> {
    /// Reads the records, and tells what was lost of them and where those begin that are still being written.
    fn read(mut self, records: &mut Records<File>, recorder: &mut Recorder<'_>) -> Result<(Losses, u64), Failure> {
        let mut losses = Losses::default();
        let mut index = 0;
        let mut end = None;
        loop {
            recorder.stop_at(index).map_err(Failure::Import)?;
            let next = records.next().map_err(Failure::Io)?;
            let record = match next {
                Next::Record(record) => record,
                Next::End => break,
                lost => {
                    if let Next::CutOff(offset) | Next::Lost(offset) = lost {
                        end = Some(offset);
                    }
                    losses.add(&lost);
                    continue;
                }
            };
            let event = Event::read(record);
            let mut sound = event.is_ok();
            let event = event.unwrap_or_default();
            match event.begins_from() {
                Some(step) => recorder.begin_session(Some(step)),
                None => recorder.next_moment(),
            }
            for entry in event.values() {
                match entry {
                    Ok(Entry::Scalar(scalar)) if self.is_results => {
                        self.left_out.push(String::from_utf8_lossy(scalar.tag).into_owned());
                    }
                    Ok(Entry::Scalar(scalar)) => {
                        if let Some(place) = self.place(scalar.tag, recorder).map_err(Failure::Import)? {
                            recorder.push(place, event.step, scalar.value).map_err(Failure::Import)?;
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
        if !self.left_out.is_empty() {
            let names = self.left_out.join(", ");
            recorder.note(format!("results kept beside its hyper-parameters, at step 0, are no samples: {names}"));
        }
        Ok((losses, end.unwrap_or(records.offset())))
    }

    fn place(&mut self, tag: &[u8], recorder: &mut Recorder<'_>) -> Result<Option<usize>> {
        if let Some(&place) = self.places.get(tag) {
            return Ok(place);
        }
        let place = recorder.place(&self.names.of(&String::from_utf8_lossy(tag)))?;
        self.places.insert(tag.to_owned(), place);
        Ok(place)
    }
}
