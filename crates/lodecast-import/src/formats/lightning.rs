//! Lightning's CSV logs: `metrics.csv` with sparse rows, `hparams.yaml` beside it.

use crate::decode::delimited;
use crate::decode::files;
use crate::decode::layout::of_one_run;
use crate::decode::settings;
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::source::Source;

/// Folders that Lightning's `CSVLogger` wrote: a run each.
pub(crate) struct Lightning;

const METRICS: &str = "metrics.csv";

impl Format for Lightning {
    fn name(&self) -> &'static str {
        "lightning"
    }

    fn describes(&self) -> &'static str {
        "Lightning CSV logs: folders with metrics.csv (and hparams.yaml, config.yaml)"
    }

    fn steps(&self) -> &'static str {
        "`step`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["version_0/metrics.csv", "version_0/hparams.yaml"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files_named(METRICS).any(|path| delimited::has_columns(path, &["epoch", "step"]))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        files::each(source, self.name(), "metrics.csv", source.files_named(METRICS), visit, &mut |path, visit| {
            let base = settings::of_folder(source, path, &["hparams.yaml", "config.yaml"], limits);
            delimited::read(path, base, &of_one_run(wanted), limits, visit)
        })
    }
}
