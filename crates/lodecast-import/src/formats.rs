//! One module a format, and the registry of them all.

mod algoperf;
mod burn;
pub(crate) mod collection;
mod csv;
mod dvclive;
mod hugging_face;
mod json_document;
mod json_lines;
mod keras;
mod lightning;
pub(crate) mod mlflow;
mod open_mmlab;
mod optuna;
mod parquet;
mod ray;
pub(crate) mod registry;
mod tensorboard;
mod tensorboard_csv;
mod text_log;
mod timm;
mod trackio;
mod ultralytics;
mod wandb;
