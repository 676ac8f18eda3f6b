//! Any JSON lines by their keys: a file a run, or a key that names the run.

use std::path::Path;

use crate::error::Result;
use crate::files;
use crate::format::{Format, Visit, Wanted};
use crate::json_rows;
use crate::limits::Limits;
use crate::recording::Recording;
use crate::source::{Source, has_ending};

/// Any file of JSON lines, and folders of them.
pub(crate) struct JsonLines;

impl Format for JsonLines {
    fn name(&self) -> &'static str {
        "json-lines"
    }

    fn describes(&self) -> &'static str {
        "JSON lines by their keys: a file a run, or with a key that names the run"
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| is_json_lines(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let named = matches!(source, Source::File(_));
        let files = source.files().iter().map(AsRef::as_ref).filter(|path| named || is_json_lines(path));
        files::each(source, self.name(), "files *.jsonl, *.ndjson", files, visit, &mut |path, visit| {
            let base = Recording::new(source.run_id(path), path.display().to_string());
            json_rows::read(path, base, None, wanted, limits, visit)
        })
    }
}

fn is_json_lines(path: &Path) -> bool {
    has_ending(path, "jsonl") || has_ending(path, "ndjson")
}
