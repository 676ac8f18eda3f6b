//! Bytes as model files, asked for a forecast.

use std::collections::HashMap;

use lodecast::{Model, Point, Schedule};
use serde_json::Value;

/// Files whose arrays serve headers that come without any.
const WHOLE: [&[u8]; 3] = [
    include_bytes!("../seeds/model_file/controlled.lode"),
    include_bytes!("../seeds/model_file/law.lode"),
    include_bytes!("../seeds/model_file/paper.lode"),
];

/// Reads `bytes` as a model file, or, where they begin with a digit, what follows as the header of one with the arrays of the file of
/// that number: changed bytes of a whole file hardly ever leave its lengths and its quoted header as they must be. It is an error or a
/// model that answers.
pub fn read_and_ask(bytes: &[u8]) {
    lodecast::instrument::is_reference_model(bytes);
    let whole = match bytes {
        [number @ b'0'..=b'2', header @ ..] => with_header(WHOLE[usize::from(number - b'0')], header),
        _ => bytes.to_vec(),
    };
    let Ok(model) = Model::from_bytes(&whole) else { return };
    let observed = [Point::new(1).train_loss(1.0).learning_rate(0.1).validation(0.5)];
    let schedule = Schedule::constant(0.1);
    for (observed, schedule) in [(&[][..], Some(&schedule)), (&observed, Some(&schedule)), (&observed, None)] {
        let _ = model.forecast(observed, 10, schedule);
    }
    let _ = model.experience().unknown(&schedule, 20);
    // What is written is read back there.
    let _ = model.to_bytes().expect("what was read can be written");
}

/// A file with another header.
fn with_header(file: &[u8], header: &[u8]) -> Vec<u8> {
    let (length, rest) = file.split_first_chunk::<8>().expect("a length");
    let (outer, arrays) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut outer: HashMap<String, Value> = serde_json::from_slice(outer).expect("a seed");
    let header = String::from_utf8_lossy(header);
    outer.insert("__metadata__".to_owned(), serde_json::json!({ "lodecast": header }));
    let outer = serde_json::to_vec(&outer).expect("JSON");
    [&(outer.len() as u64).to_le_bytes()[..], &outer, arrays].concat()
}
