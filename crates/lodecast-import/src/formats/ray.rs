//! Ray Tune's trials: `result.json` (JSON lines) or else `progress.csv`, `params.json` beside them.

use std::path::Path;

use crate::decode::delimited;
use crate::decode::files;
use crate::decode::layout::of_one_run;
use crate::decode::settings;
use crate::decode::{json, json_rows};
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::source::{Source, file_name};

/// Folders of Ray Tune's trials: a run each.
pub(crate) struct Ray;

const RESULT: &str = "result.json";
const PROGRESS: &str = "progress.csv";

impl Format for Ray {
    fn name(&self) -> &'static str {
        "ray"
    }

    fn describes(&self) -> &'static str {
        "Ray Tune trials: folders with result.json or progress.csv (and params.json)"
    }

    fn steps(&self) -> &'static str {
        "`step` if it was reported, else `training_iteration`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["trial/result.json", "trial/params.json"]
    }

    fn recognises(&self, source: &Source) -> bool {
        let iteration = "training_iteration";
        let of_result = |path| json::begins_with(path, |object| object.contains_key(iteration));
        let of_progress = |path| delimited::has_columns(path, &[iteration]);
        source.files_named(RESULT).any(of_result) || source.files_named(PROGRESS).any(of_progress)
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let logs = source.files().iter().map(AsRef::as_ref).filter(|path: &&Path| match file_name(path) {
            RESULT => true,
            // The same rows, as a table.
            PROGRESS => !has_rows(&path.with_file_name(RESULT)),
            _ => false,
        });
        files::each(source, self.name(), "result.json, progress.csv", logs, visit, &mut |path, visit| {
            let base = settings::of_folder(source, path, &["params.json"], limits);
            if file_name(path) == RESULT {
                json_rows::read(path, base, Some("config"), &of_one_run(wanted), limits, visit)
            } else {
                delimited::read(path, base, &of_one_run(wanted), limits, visit)
            }
        })
    }
}

/// Trials that failed early leave an empty file.
fn has_rows(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}
