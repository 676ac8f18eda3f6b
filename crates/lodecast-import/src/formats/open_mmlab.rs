//! JSON lines of `OpenMMLab` and Detectron2: rows of training and of evaluation in one file.
//!
//! ```text
//! vis_data/scalars.json   MMEngine: evaluation rows have metrics and a step, which counts epochs where training goes by them
//! 20240101_000000.log.json   MMCV: "mode": "train" or "val"; iterations are counted anew each epoch
//! metrics.json            Detectron2 and fvcore: "iteration", with the metrics of an evaluation in rows of their own
//! ```

use std::path::Path;

use serde_json::{Map, Value};

use crate::decode::json::{Objects, begins_with, damaged, each_object};
use crate::decode::json_rows::Rows;
use crate::decode::json_value::BoundedObject;
use crate::decode::layout::of_one_run;
use crate::decode::{files, settings};
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::names::{EPOCH, STEP, holds_settings, loss_rank, tells_of_settings};
use crate::source::{Source, file_name};

/// Logs of `OpenMMLab`'s and Detectron2's trainers: a run each.
pub(crate) struct OpenMmlab;

impl Format for OpenMmlab {
    fn name(&self) -> &'static str {
        "openmmlab"
    }

    fn describes(&self) -> &'static str {
        "OpenMMLab's scalars.json and *.log.json, Detectron2's metrics.json"
    }

    fn steps(&self) -> &'static str {
        "`step`, `iteration` or `iter`, counted on over epochs; evaluations perhaps epochs"
    }

    fn files(&self) -> &'static [&'static str] {
        &["run/vis_data/scalars.json"]
    }

    fn recognises(&self, source: &Source) -> bool {
        source.files().iter().any(|path| is_log(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let named = matches!(source, Source::File(_));
        let logs = source.files().iter().map(AsRef::as_ref).filter(|path| named || is_log(path));
        files::each(source, self.name(), "scalars.json, *.log.json, metrics.json", logs, visit, &mut |path, visit| {
            let wanted = of_one_run(wanted);
            let mut base = settings::of_folder(source, path, &["config.json"], limits);
            base.id = source.run_id(path);
            let place = path.display().to_string();
            let mut rows = Rows::new(&place, base, None, &wanted, limits);
            let mut read = |objects: Objects<BoundedObject>| {
                let here = || format!("{place}, line {}", objects.line);
                for BoundedObject(object) in objects.whole {
                    let tells = |(key, value): (&String, &Value)| {
                        value.as_str().is_some_and(|says| tells_of_settings(key, says))
                    };
                    let is_row = object.keys().any(|key| is_count(key)) && !object.iter().any(tells);
                    let row = if is_row { renamed(object) } else { without_documents(object, &mut rows) };
                    if rows.add(&row, &here, visit)?.is_break() {
                        return Ok(std::ops::ControlFlow::Break(()));
                    }
                }
                match objects.broken {
                    Some((_, reason)) if objects.ended => Err(damaged(here(), reason)),
                    _ => Ok(std::ops::ControlFlow::Continue(())),
                }
            };
            if each_object(path, limits, &mut read)?.is_break() {
                return Ok(std::ops::ControlFlow::Break(()));
            }
            rows.finish(visit)
        })
    }
}

fn is_count(key: &str) -> bool {
    STEP.contains(&key) || EPOCH.contains(&key)
}

fn is_log(path: &Path) -> bool {
    let name = file_name(path);
    let is_called = matches!(name, "scalars.json" | "metrics.json") || name.ends_with(".log.json");
    is_called && begins_with(path, |object| name.ends_with(".log.json") || object.keys().any(|key| is_count(key)))
}

/// What a row without a step says of its run: MMCV's first line has the seed there, beside whole files of text, which are no settings.
fn without_documents(object: Map<String, Value>, rows: &mut Rows<'_>) -> Map<String, Value> {
    let is_document = |value: &Value| value.as_str().is_some_and(|text| text.contains('\n'));
    let (documents, settings): (Map<_, _>, Map<_, _>) = object.into_iter().partition(|(_, value)| is_document(value));
    if !documents.is_empty() {
        let names = documents.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        rows.table.note(format!("texts of several lines among its settings were passed over: {names}"));
    }
    settings
}

/// The row with the metrics of an evaluation under names that say so.
fn renamed(object: Map<String, Value>) -> Map<String, Value> {
    let mode = object.get("mode").and_then(Value::as_str);
    let trains = match mode {
        Some(mode) => mode == "train",
        None => object.keys().any(|key| loss_rank(key).is_some() || key.contains("loss")),
    };
    if trains {
        return object;
    }
    let own = |key: String| {
        let said = key.to_lowercase();
        let is_plain = is_count(&key) || said.starts_with("val") || said.starts_with("test") || key == "mode";
        let is_plain = is_plain || holds_settings(&key);
        if is_plain { key } else { format!("val/{key}") }
    };
    // The iteration of an evaluation is how many it took, where training counts them anew each epoch.
    let counts = mode.is_none();
    let rest = object.into_iter().filter(|(key, _)| counts || !STEP.contains(&key.as_str()));
    rest.map(|(key, value)| (own(key), value)).collect()
}
