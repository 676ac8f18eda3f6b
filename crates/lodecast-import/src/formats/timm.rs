//! timm's logs: `summary.csv` with `args.yaml` beside it, or the JSON lines of `log.txt`, an epoch a line.

use std::path::Path;

use crate::decode::layout::of_one_run;
use crate::decode::{delimited, files, json, json_rows, settings};
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::source::{Source, file_name};

/// Folders that timm's training scripts, and those made after them, wrote: a run each.
pub(crate) struct Timm;

const SUMMARY: (&str, &str) = ("summary", ".csv");
const LOG: (&str, &str) = ("log", ".txt");

impl Format for Timm {
    fn name(&self) -> &'static str {
        "timm"
    }

    fn describes(&self) -> &'static str {
        "timm logs: summary.csv (and args.yaml) or log.txt of JSON lines, also summary_NAME.csv with args_NAME.yaml"
    }

    fn steps(&self) -> &'static str {
        "epochs; planned: `epochs`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["run/summary.csv", "run/args.yaml"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| is_summary(path) || is_log(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        // A file that was named is read whatever it is called.
        let named = matches!(source, Source::File(_));
        let logs = source.files().iter().map(AsRef::as_ref).filter(|path| named || is_summary(path) || is_log(path));
        files::each(source, self.name(), "summary.csv, log.txt", logs, visit, &mut |path, visit| {
            let own = between(path, SUMMARY).or_else(|| between(path, LOG)).unwrap_or_default();
            let args = [format!("args{own}.yaml"), format!("args{own}.json")];
            let mut base = settings::of_folder(source, path, &[&args[0], &args[1]], limits);
            if !own.is_empty() || named {
                base.id = source.run_id(path);
            }
            if json::first_object(path).is_some() {
                json_rows::read(path, base, None, &of_one_run(wanted), limits, visit)
            } else {
                delimited::read(path, base, &of_one_run(wanted), limits, visit)
            }
        })
    }
}

/// What of a file's name is its own: `_a` of `summary_a.csv`.
fn between<'p>(path: &'p Path, (start, end): (&str, &str)) -> Option<&'p str> {
    let own = file_name(path).strip_prefix(start)?.strip_suffix(end)?;
    (own.is_empty() || own.starts_with(['_', '-', '.'])).then_some(own)
}

fn is_summary(path: &Path) -> bool {
    between(path, SUMMARY).is_some() && delimited::has_columns(path, &["epoch"])
}

/// Is it a log that begins with an object with an epoch?
fn is_log(path: &Path) -> bool {
    between(path, LOG).is_some() && json::begins_with(path, |object| object.contains_key("epoch"))
}
