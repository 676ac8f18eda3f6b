//! The readers of MLflow's and Optuna's databases take any bytes as an SQLite file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    lodecast_fuzz::import_file("optuna", "store.db", bytes);
    lodecast_fuzz::import_file("mlflow", "store.db", bytes);
});
