//! Lightning's CSV logs: `metrics.csv` with sparse rows, `hparams.yaml` beside it.

use crate::delimited;
use crate::error::Result;
use crate::files;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::settings;
use crate::source::Source;
use crate::table::of_one_run;

/// Folders that Lightning's `CSVLogger` wrote: a run each.
pub(crate) struct Lightning;

const METRICS: &str = "metrics.csv";

impl Format for Lightning {
    fn name(&self) -> &'static str {
        "lightning"
    }

    fn describes(&self) -> &'static str {
        "Lightning CSV logs: folders with metrics.csv (and hparams.yaml)"
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files_named(METRICS).any(|path| delimited::has_columns(path, &["epoch", "step"]))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        files::each(source, self.name(), "metrics.csv", source.files_named(METRICS), visit, &mut |path, visit| {
            let base = settings::of_folder(source, path, &["hparams.yaml"], limits);
            delimited::read(path, base, &of_one_run(wanted), limits, visit)
        })
    }
}
