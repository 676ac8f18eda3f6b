//! Ultralytics' `results.csv`, an epoch a line, with `args.yaml` beside it; `YOLOv5` writes `opt.yaml` and `hyp.yaml`.

use std::path::Path;

use crate::decode::layout::of_one_run;
use crate::decode::{delimited, files, settings};
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::source::Source;

/// Folders that Ultralytics' trainers wrote: a run each.
pub(crate) struct Ultralytics;

const RESULTS: &str = "results.csv";

impl Format for Ultralytics {
    fn name(&self) -> &'static str {
        "ultralytics"
    }

    fn describes(&self) -> &'static str {
        "Ultralytics and YOLOv5: folders with results.csv (and args.yaml, or opt.yaml and hyp.yaml)"
    }

    fn steps(&self) -> &'static str {
        "epochs; planned: `epochs`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["train/results.csv", "train/args.yaml"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files_named(RESULTS).any(is_results)
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let results = source.files_named(RESULTS).filter(|path| is_results(path));
        files::each(source, self.name(), RESULTS, results, visit, &mut |path, visit| {
            let base = settings::of_folder(source, path, &["hyp.yaml", "opt.yaml", "args.yaml"], limits);
            delimited::read(path, base, &of_one_run(wanted), limits, visit)
        })
    }
}

/// Epochs, and losses of training or rates of parameter groups.
fn is_results(path: &Path) -> bool {
    let header = delimited::header(path).unwrap_or_default();
    let has = |start: &str| header.iter().any(|name| name.starts_with(start));
    header.iter().any(|name| name == "epoch") && (has("lr/pg") || has("x/lr") || has("train/"))
}
