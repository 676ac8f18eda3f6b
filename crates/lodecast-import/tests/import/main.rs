//! The import as its users see it: one binary, for linking the databases' drivers takes longer than all of its tests.

mod apart;
mod bounds;
mod cases;
mod cut_off;
mod encrypted;
mod event_files;
mod follow;
mod formats;
mod fuzzed;
mod hostile_stores;
mod hostile_tables;
mod many_runs;
mod misbehaving_server;
mod nested_documents;
mod not_measured;
mod parquet_lists;
mod reading;
mod registry;
mod repetitions;
mod settings_rows;
mod stores;
mod variations;
mod wandb_exports;
mod what_is_counted;
