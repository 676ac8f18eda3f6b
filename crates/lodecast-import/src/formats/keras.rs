//! Keras' `CSVLogger`: an epoch a line, `NA` where nothing was measured.

use crate::decode::delimited;
use crate::decode::files;
use crate::decode::layout::of_one_run;
use crate::decode::settings;
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::source::{Source, has_ending};

/// Files that Keras' `CSVLogger` wrote: a run each.
pub(crate) struct Keras;

impl Format for Keras {
    fn name(&self) -> &'static str {
        "keras"
    }

    fn describes(&self) -> &'static str {
        "Keras CSVLogger files: an epoch a line"
    }

    fn steps(&self) -> &'static str {
        "epochs"
    }

    fn files(&self) -> &'static [&'static str] {
        &["training.csv"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| is_log(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let named = matches!(source, Source::File(_));
        let logs = source.files().iter().map(AsRef::as_ref).filter(|path| named || is_log(path));
        files::each(
            source,
            self.name(),
            "CSV files that begin with the columns epoch and loss",
            logs,
            visit,
            &mut |path, visit| {
                let base = settings::beside(source, path, limits);
                delimited::read(path, base, &of_one_run(wanted), limits, visit)
            },
        )
    }
}

/// `CSVLogger` puts the epoch first, and nothing counts steps.
fn is_log(path: &std::path::Path) -> bool {
    if !["csv", "log", "tsv"].iter().any(|ending| has_ending(path, ending)) {
        return false;
    }
    let header = delimited::header(path).unwrap_or_default();
    let has = |name: &str| header.iter().any(|column| column == name);
    header.first().is_some_and(|first| first == "epoch") && has("loss") && !has("step") && !has("iteration")
}
