//! Trials of the `AlgoPerf` benchmark: `measurements.csv` with training and evaluation rows, `hparams.json` and `meta_data_0.json` beside it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::decode::delimited;
use crate::decode::files;
use crate::decode::layout::of_one_run;
use crate::decode::settings;
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::source::{Source, file_name};

/// Folders of the trials of the `AlgoPerf` benchmark: a run each.
pub(crate) struct AlgoPerf;

const MEASUREMENTS: &str = "measurements.csv";
const STEP_HINT: &str = "workload.step_hint";

impl Format for AlgoPerf {
    fn name(&self) -> &'static str {
        "algoperf"
    }

    fn describes(&self) -> &'static str {
        "AlgoPerf trials: folders with measurements.csv (and hparams.json, meta_data_0.json)"
    }

    fn steps(&self) -> &'static str {
        "`global_step`; planned: `workload.step_hint`"
    }

    fn files(&self) -> &'static [&'static str] {
        &["trial_1/measurements.csv", "trial_1/hparams.json"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files_named(MEASUREMENTS).any(|path| delimited::has_columns(path, &["global_step"]))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        files::each(source, self.name(), MEASUREMENTS, source.files_named(MEASUREMENTS), visit, &mut |path, visit| {
            let mut base = settings::of_folder(source, path, &["hparams.json"], limits);
            let Recording { settings, notes, .. } = &mut base;
            // Most of the metadata are readings of the machine.
            let mut metadata = BTreeMap::new();
            settings::add(source, &path.with_file_name("meta_data_0.json"), limits, &mut metadata, notes);
            let is_setting = |name: &str| name.starts_with("workload.") || name == "rng_seed";
            settings.extend(metadata.into_iter().filter(|(name, _)| is_setting(name)));
            let workload = path.parent().and_then(Path::parent).map(file_name).unwrap_or_default();
            if !workload.is_empty() {
                settings.insert("workload".to_owned(), workload.to_owned());
            }
            base.planned_steps = base.settings.get(STEP_HINT).and_then(|steps| steps.parse().ok());
            delimited::read(path, base, &of_one_run(wanted), limits, visit)
        })
    }
}
