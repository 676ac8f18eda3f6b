//! Any delimited text by its column names: a file a run, or a column that names the run.

use crate::decode::delimited;
use crate::decode::parts::grouped;
use crate::decode::{files, settings};
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::source::{Source, has_ending};

/// Any CSV file, and folders of them.
pub(crate) struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn describes(&self) -> &'static str {
        "CSV files by column names: one a run, or with a column that names the run"
    }

    fn steps(&self) -> &'static str {
        "`step`, `global_step`, `iteration`, ...; `--step NAME`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["runs.csv"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| is_table(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        // A file that was named is read whatever it is called.
        let named = matches!(source, Source::File(_));
        let tables = source.files().iter().map(AsRef::as_ref).filter(|path| named || is_table(path));
        let runs = grouped(source, tables, |path| delimited::header(path).unwrap_or_default());
        files::each_run(source, self.name(), "files *.csv, *.tsv", &runs, visit, &mut |files, visit| {
            let base = files.base(settings::beside(source, files.first(), limits));
            delimited::read_parts(&files.parts, base, wanted, limits, visit)
        })
    }
}

fn is_table(path: &std::path::Path) -> bool {
    has_ending(path, "csv") || has_ending(path, "tsv")
}
