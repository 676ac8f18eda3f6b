//! What the phases of training are called, and the data that they are about.

use super::words::full_words;

/// Words that name data which is not trained on, in the order of preference.
pub(super) const HELD_OUT: [&[&str]; 2] =
    [&["val", "valid", "validation", "eval", "evaluation", "dev"], &["test", "testing"]];
/// What phases of training are called besides.
const HELD_OUT_PHASES: [&[&str]; 2] =
    [&["validate", "validating", "evaluate", "evaluating", "holdout"], &["inference", "predict"]];

pub(super) const TRAINED_ON: [&str; 4] = ["train", "training", "trn", "trainer"];

/// The data that a phase of training evaluates on, if it is not the one that is trained on.
pub(crate) fn held_out(phase: &str) -> Option<&'static str> {
    let phase = phase.to_lowercase();
    // "val_unseen", "dev-clean", "sanity_check_val".
    let words: Vec<&str> = phase.split(|c: char| !c.is_alphanumeric()).collect();
    if words.starts_with(&["held", "out"]) || words.starts_with(&["hold", "out"]) {
        return Some(HELD_OUT[0][0]);
    }
    let mut kinds = HELD_OUT.iter().zip(HELD_OUT_PHASES);
    let is_known = |word: &&str, names: &[&str], phases: &[&str]| names.contains(word) || phases.contains(word);
    kinds.find(|(names, phases)| words.iter().any(|word| is_known(word, names, phases))).map(|(names, _)| names[0])
}

/// Is that the phase of training?
pub(crate) fn is_training(phase: &str) -> bool {
    TRAINED_ON.iter().any(|word| phase.eq_ignore_ascii_case(word))
}

/// Does the name say which data it is about?
pub(crate) fn is_of_data(name: &str) -> bool {
    let words = full_words(name);
    words
        .iter()
        .any(|word| TRAINED_ON.contains(&word.as_str()) || HELD_OUT.iter().any(|of| of.contains(&word.as_str())))
}
