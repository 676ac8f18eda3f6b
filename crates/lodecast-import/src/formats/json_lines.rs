//! Any JSON lines by their keys: a file a run, or a key that names the run.

use std::path::Path;

use serde_json::{Map, Value};

use crate::decode::files;
use crate::decode::json::parse;
use crate::decode::json_rows;
use crate::decode::parts::grouped;
use crate::decode::settings;
use crate::decode::text::first_line;
use crate::error::{Error, Result};
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::source::{Source, has_ending};

/// How a sweep file in JSON lines begins.
const SWEEP_FILE: &str = "{\"lodecast_sweep\"";

/// Any file of JSON lines, and folders of them.
pub(crate) struct JsonLines;

impl Format for JsonLines {
    fn name(&self) -> &'static str {
        "json-lines"
    }

    fn describes(&self) -> &'static str {
        "JSON lines by their keys: a file a run, or with a key that names the run"
    }

    fn steps(&self) -> &'static str {
        "`step`, `global_step`, `iteration`, ...; `--step NAME`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["runs.jsonl"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| is_json_lines(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let named = matches!(source, Source::File(_));
        let files = source.files().iter().map(AsRef::as_ref).filter(|path| named || is_json_lines(path));
        let runs = grouped(source, files, keys);
        files::each_run(source, self.name(), "files *.jsonl, *.ndjson", &runs, visit, &mut |files, visit| {
            refuse_sweep(files.first())?;
            let base = files.base(settings::beside(source, files.first(), limits));
            json_rows::read_parts(&files.parts, base, None, wanted, limits, visit)
        })
    }
}

/// The keys of the first object of a file.
fn keys(path: &Path) -> Vec<String> {
    let first: Option<Map<String, Value>> = first_line(path).and_then(|line| parse(&line).ok());
    first.map(|object| object.keys().cloned().collect()).unwrap_or_default()
}

/// Refuses a sweep file: read as any JSON lines, it would lose what its first line says of its runs.
fn refuse_sweep(path: &Path) -> Result<()> {
    if !first_line(path).is_some_and(|line| line.starts_with(SWEEP_FILE.as_bytes())) {
        return Ok(());
    }
    Err(Error::Undecided {
        place: path.display().to_string(),
        question: "it is a sweep file of lodecast already".to_owned(),
        remedy: "use it, or its folder, as it is: 'lodecast runs FOLDER' shows what is in it".to_owned(),
    })
}

fn is_json_lines(path: &Path) -> bool {
    has_ending(path, "jsonl") || has_ending(path, "ndjson")
}
