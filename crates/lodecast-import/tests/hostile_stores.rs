//! Damaged and hostile files, each with what is to be said about it.

use std::ops::ControlFlow;
use std::path::Path;

use lodecast_import::{Limits, Outcome, Source, Wanted, format_named};

/// File in `hostile/`, its format, and what the error, the reason for leaving the run out, or a note has to contain.
const CASES: [(&str, &str, &str); 12] = [
    ("cut_off.tfevents", "tensorboard", "is cut off: still being written, or its writer was stopped"),
    ("flipped_bit.tfevents", "tensorboard", "1 records with a wrong checksum left out, the first at byte"),
    ("wrong_length.tfevents", "tensorboard", "the length there does not fit its checksum"),
    ("endless_record.tfevents", "tensorboard", "is cut off"),
    ("endless_message.tfevents", "tensorboard", "1 records that cannot be understood left out"),
    ("no_event_file.tfevents", "tensorboard", "its event files hold no scalars"),
    ("cut_off.wandb", "wandb", "is cut off"),
    ("flipped_bit.wandb", "wandb", "records with a wrong checksum left out"),
    ("no_header.wandb", "wandb", "it does not begin like a .wandb file"),
    ("half_a_line.journal", "optuna", "'intermediate_value' is fine"),
    ("unknown_operation.journal", "optuna", "line 2: the operation 77 is not known; what follows depends on it"),
    ("no_database.db", "optuna", "file is not a database"),
];

/// Everything that is said when a file is read.
fn said(format: &str, path: &Path) -> String {
    let limits = Limits::default();
    let mut said = Vec::new();
    let source = Source::open(path.to_str().expect("Unicode"), &limits).expect("there");
    let result = format_named(format).expect("a format").read(&source, &Wanted::default(), &limits, &mut |outcome| {
        match outcome {
            Outcome::Skipped(run) => said.push(run.reason),
            Outcome::Recording(run) => {
                said.extend(run.notes);
                said.extend(run.series.keys().map(|name| format!("'{name}' is fine")));
            }
        }
        ControlFlow::Continue(())
    });
    said.extend(result.err().map(|error| error.to_string()));
    said.join("\n")
}

#[test]
fn each_says_what_is_wrong() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    for (name, format, expected) in CASES {
        let said = said(format, &folder.join(name));
        assert!(said.contains(expected), "{name}: {said}");
    }
}
