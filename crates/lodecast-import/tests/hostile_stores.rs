//! Damaged and hostile files, each with what is to be said about it.

mod reading;

use lodecast_import::Limits;

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

#[test]
fn each_says_what_is_wrong() {
    reading::each_says_what_is_wrong(&CASES, &Limits::default());
}
