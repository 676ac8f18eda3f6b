//! The readers of settings in YAML and JSON take any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

// A run of one row, with the bytes as its settings.
fuzz_target!(|bytes: &[u8]| {
    lodecast_fuzz::put("run/args.json", bytes);
    lodecast_fuzz::put("run/args.yaml", bytes);
    lodecast_fuzz::import_file("timm", "run/summary.csv", b"epoch,train_loss,lr,eval_top1\n0,1,0.1,2\n");
});
