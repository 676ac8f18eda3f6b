//! timm's logs: `summary.csv` with `args.yaml` beside it, or the JSON lines of `log.txt`, an epoch a line.

use std::path::Path;

use crate::delimited;
use crate::error::Result;
use crate::files;
use crate::format::{Format, Visit, Wanted};
use crate::json_rows;
use crate::limits::Limits;
use crate::settings;
use crate::source::{Source, file_name};
use crate::table::of_one_run;

/// Folders that timm's training scripts, and those made after them, wrote: a run each.
pub(crate) struct Timm;

const SUMMARY: &str = "summary.csv";
const LOG: &str = "log.txt";

impl Format for Timm {
    fn name(&self) -> &'static str {
        "timm"
    }

    fn describes(&self) -> &'static str {
        "timm logs: folders with summary.csv (and args.yaml) or log.txt of JSON lines"
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| is_summary(path) || is_log(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let logs = source.files().iter().map(AsRef::as_ref).filter(|path| is_summary(path) || is_log(path));
        files::each(source, self.name(), "summary.csv, log.txt", logs, visit, &mut |path, visit| {
            let base = settings::of_folder(source, path, &["args.yaml", "args.json"], limits);
            if is_summary(path) {
                delimited::read(path, base, &of_one_run(wanted), limits, visit)
            } else {
                json_rows::read(path, base, None, &of_one_run(wanted), limits, visit)
            }
        })
    }
}

fn is_summary(path: &Path) -> bool {
    file_name(path) == SUMMARY && delimited::has_columns(path, &["epoch"])
}

/// Is it `log.txt` whose first line is an object with an epoch?
fn is_log(path: &Path) -> bool {
    file_name(path) == LOG && json_rows::first_object(path).is_some_and(|object| object.contains_key("epoch"))
}
