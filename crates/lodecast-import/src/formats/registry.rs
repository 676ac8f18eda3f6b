//! The formats there are, and which of them a source is.

use std::path::PathBuf;

use crate::decode::database::Database;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::formats::algoperf::AlgoPerf;
use crate::formats::burn::Burn;
use crate::formats::csv::Csv;
use crate::formats::dvclive::DvcLive;
use crate::formats::hugging_face::HuggingFace;
use crate::formats::json_document::JsonDocument;
use crate::formats::json_lines::JsonLines;
use crate::formats::keras::Keras;
use crate::formats::lightning::Lightning;
use crate::formats::mlflow::Mlflow;
use crate::formats::open_mmlab::OpenMmlab;
use crate::formats::optuna::Optuna;
use crate::formats::parquet::Parquet;
use crate::formats::ray::Ray;
use crate::formats::tensorboard::TensorBoard;
use crate::formats::tensorboard_csv::TensorBoardCsv;
use crate::formats::text_log::TextLog;
use crate::formats::timm::Timm;
use crate::formats::trackio::Trackio;
use crate::formats::ultralytics::Ultralytics;
use crate::formats::wandb::Wandb;
use crate::source::{Source, has_ending};

/// Every format, the particular before the general: the first that recognises a source is taken to be its format. What also
/// writes event files, perhaps of some runs only, comes before these.
pub static FORMATS: &[&dyn Format] = &[
    &AlgoPerf,
    &Ray,
    &HuggingFace,
    &TensorBoard,
    &TensorBoardCsv,
    &Wandb,
    &Mlflow,
    &Optuna,
    &Trackio,
    &Lightning,
    &Timm,
    &Ultralytics,
    &DvcLive,
    &OpenMmlab,
    &Burn,
    &Keras,
    &Parquet,
    &JsonLines,
    &Csv,
    &JsonDocument,
    &TextLog,
];

/// The format named `name`.
///
/// # Errors
/// If there is none; the message lists those there are.
pub fn format_named(name: &str) -> Result<&'static dyn Format> {
    let found = FORMATS.iter().copied().find(|format| format.name() == name);
    found.ok_or_else(|| Error::NoSuchFormat { name: name.to_owned(), known: names() })
}

/// The formats that recognise `source`, the likeliest first.
///
/// # Errors
/// If there is none, or the database at an address cannot be asked for its tables, which tell its format.
pub fn recognise(source: &Source) -> Result<Vec<&'static dyn Format>> {
    let database = Database::at_address(source)?;
    let found: Vec<_> = FORMATS.iter().copied().filter(|format| format.recognises(source)).collect();
    if found.is_empty() && database.is_some() {
        return Err(Error::Remote {
            address: source.to_string(),
            reason: "the database has neither MLflow's tables nor Optuna's".to_owned(),
            remedy: "check the database's name, and that its user may see the tables".to_owned(),
        });
    }
    if found.is_empty() {
        // What is packed by gzip is read as it is.
        const PACKED: [&str; 7] = ["zst", "xz", "bz2", "zip", "tar", "tgz", "7z"];
        let is_packed = |path: &&PathBuf| PACKED.iter().any(|ending| has_ending(path, ending));
        if let Some(path) = source.files().iter().find(is_packed) {
            let place = source.to_string();
            let question = format!("none of the known formats, and {} is packed", path.display());
            return Err(Error::Undecided { place, question, remedy: "unpack it first".to_owned() });
        }
        return Err(Error::UnknownFormat { place: source.to_string(), known: names() });
    }
    Ok(found)
}

/// What has to be said before `source` is looked at in any way: that a password is about to be sent where it may get lost.
pub fn warning(source: &Source) -> Option<String> {
    FORMATS.iter().find_map(|format| format.warning(source))
}

/// The format whose files the one file of `source` looks like, name and content; none if it is of no known kind.
pub(crate) fn by_name(source: &Source) -> Option<&'static dyn Format> {
    let path = source.files().first()?;
    // A file of its own folder: formats that take any file that is named look at its name then.
    let folder = Source::open_only(path);
    FORMATS.iter().copied().find(|format| format.recognises(&folder))
}

/// The names of all formats.
fn names() -> String {
    FORMATS.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn event_files_beside_a_frameworks_own_log_do_not_hide_it() {
        for (log, text, format) in [
            ("measurements.csv", "global_step,loss\n1,2.0\n", "algoperf"),
            ("result.json", "{\"training_iteration\": 1, \"loss\": 2.0}\n", "ray"),
            ("trainer_state.json", "{\"log_history\": [{\"step\": 1, \"loss\": 2.0}]}", "huggingface"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(log), text).unwrap();
            std::fs::create_dir(folder.path().join("one")).unwrap();
            std::fs::write(folder.path().join("one/events.out.tfevents.1700000000.host"), "").unwrap();
            let source = Source::open(folder.path().to_str().unwrap(), &Limits::default()).unwrap();
            let names: Vec<_> = recognise(&source).unwrap().iter().map(|format| format.name()).collect();
            assert_eq!(names[..2], [format, "tensorboard"]);
        }
    }
}
