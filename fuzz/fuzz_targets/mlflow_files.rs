//! The reader of MLflow's file store takes any bytes, as a run's meta.yaml and as its metric.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (meta, metric) = bytes.split_at(bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len()));
    lodecast_fuzz::put("mlruns/1/aa/metrics/train/loss", metric.get(1..).unwrap_or_default());
    lodecast_fuzz::import_file("mlflow", "mlruns/1/aa/meta.yaml", meta);
});
