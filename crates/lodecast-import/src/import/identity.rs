//! Which run is which: copies of one, and several of one name.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use lodecast::Run;

/// Does the name of a run say that it is a copy of another, as file managers call them?
pub(super) fn says_copy(id: &str) -> bool {
    let lower = id.to_lowercase();
    let last = lower.rsplit('/').next().unwrap_or(&lower);
    last.contains("copy") || last.ends_with(')') && last.rsplit_once(" (").is_some_and(|(_, n)| n.len() == 2)
}

/// A number that two runs share only if they are the same in every point and setting.
pub(super) fn digest(run: &Run, settings: &BTreeMap<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.steps().hash(&mut hasher);
    for column in [run.train_loss(), run.learning_rate()].into_iter().chain(run.validations()) {
        column.len().hash(&mut hasher);
        for value in column {
            value.map(f64::to_bits).hash(&mut hasher);
        }
    }
    settings.hash(&mut hasher);
    hasher.finish()
}

/// Gives a run whose id another has taken a number behind it. `ids` knows the last number given to each.
pub(super) fn unique(run: &mut Run, ids: &mut HashMap<String, usize>, notes: &mut Vec<String>) {
    if run.id.is_empty() {
        "run".clone_into(&mut run.id);
    }
    let Some(&last) = ids.get(&run.id) else {
        ids.insert(run.id.clone(), 1);
        return;
    };
    let mut number = last + 1;
    while ids.contains_key(&format!("{} ({number})", run.id)) {
        number += 1;
    }
    ids.insert(run.id.clone(), number);
    ids.insert(format!("{} ({number})", run.id), 1);
    notes.push(format!("another run is called '{}' too: this one is ({number})", run.id));
    run.id = format!("{} ({number})", run.id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_name_are_numbered() {
        let (mut ids, mut notes) = (HashMap::new(), Vec::new());
        let mut named = |id: &str| {
            let mut run = Run::new(id, 0);
            unique(&mut run, &mut ids, &mut notes);
            run.id
        };
        let given = ["a", "a (2)", "a", "a", "a (2)", "", "", "run (2)"].map(&mut named);
        assert_eq!(given, ["a", "a (2)", "a (3)", "a (4)", "a (2) (2)", "run", "run (2)", "run (2) (2)"]);
        assert_eq!(notes.len(), 5);
        assert_eq!(notes[0], "another run is called 'a' too: this one is (3)");
    }

    #[test]
    fn many_runs_of_one_name_take_no_longer_each() {
        let (mut ids, mut notes) = (HashMap::new(), Vec::new());
        // Counting up to a free number for each would take minutes.
        for _ in 0..100_000 {
            unique(&mut Run::new("metrics", 0), &mut ids, &mut notes);
        }
        assert!(ids.contains_key("metrics (100000)"));
    }
}
