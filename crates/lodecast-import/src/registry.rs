//! The formats there are, and which of them a source is.

use crate::database::Database;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::formats::algoperf::AlgoPerf;
use crate::formats::burn::Burn;
use crate::formats::csv::Csv;
use crate::formats::hugging_face::HuggingFace;
use crate::formats::json_lines::JsonLines;
use crate::formats::keras::Keras;
use crate::formats::lightning::Lightning;
use crate::formats::parquet::Parquet;
use crate::formats::ray::Ray;
use crate::formats::timm::Timm;
use crate::mlflow::Mlflow;
use crate::optuna::Optuna;
use crate::source::Source;
use crate::tensorboard::TensorBoard;
use crate::wandb::Wandb;

/// Every format, the particular before the general: the first that recognises a source is taken to be its format.
pub static FORMATS: &[&dyn Format] = &[
    &TensorBoard,
    &Wandb,
    &Mlflow,
    &Optuna,
    &AlgoPerf,
    &Ray,
    &HuggingFace,
    &Lightning,
    &Timm,
    &Burn,
    &Keras,
    &Parquet,
    &JsonLines,
    &Csv,
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
        return Err(Error::UnknownFormat { place: source.to_string(), known: names() });
    }
    Ok(found)
}

/// The names of all formats.
fn names() -> String {
    FORMATS.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
}
