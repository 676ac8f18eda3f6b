//! The readers of model files, lodecast's own and the reference implementation's, take any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lodecast::{Model, Point, Schedule};

fuzz_target!(|bytes: &[u8]| {
    lodecast::instrument::is_reference_model(bytes);
    // A model that is taken for sound must also answer.
    if let Ok(model) = Model::from_bytes(bytes) {
        let observed = [Point::new(1).train_loss(1.0).learning_rate(0.1).validation(0.5)];
        let _ = model.forecast(&observed, 10, Some(&Schedule::constant(0.1)));
    }
});
