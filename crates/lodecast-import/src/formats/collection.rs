//! The choice among the experiments or studies of a store.

use crate::error::{Error, Result};
use crate::format::Wanted;
use crate::limits::Limits;

/// An experiment or a study.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    /// What the store knows it by.
    pub(crate) id: String,
    pub(crate) name: String,
    /// Number of its runs.
    pub(crate) runs: u64,
}

/// Experiments or studies named in a message.
const SHOWN: usize = 20;

/// Checks that a store may list one more experiment or study than the `found` ones.
///
/// # Errors
/// If these are as many as `limits` allow.
pub(crate) fn check_collections(found: usize, place: &str, limits: &Limits) -> Result<()> {
    check(found, limits.collections, "the number of its experiments or studies", place)
}

/// Checks that an experiment or study may list one more run than the `found` ones.
///
/// # Errors
/// If these are as many as `limits` allow.
pub(crate) fn check_runs(found: usize, place: &str, limits: &Limits) -> Result<()> {
    check(found, limits.runs, "the number of its runs", place)
}

fn check(found: usize, limit: usize, what: &str, place: &str) -> Result<()> {
    if found < limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        place: place.to_owned(),
        what: what.to_owned(),
        limit: limit as u64,
        remedy: "no store is known to hold so many: check what it is",
    })
}

/// The collection asked for, by name or id, or else the only one that has runs. `kind` is what the store calls it.
///
/// # Errors
/// If there is none of that name, none with runs, or several and none was asked for.
pub(crate) fn choose(collections: &[Collection], kind: &str, place: &str, wanted: &Wanted) -> Result<Collection> {
    let names = || {
        let shown = collections.iter().take(SHOWN).map(|found| format!("'{}' ({} runs)", found.name, found.runs));
        let more = collections.len().saturating_sub(SHOWN);
        let more = (more > 0).then(|| format!("{more} more"));
        shown.chain(more).collect::<Vec<_>>().join(", ")
    };
    let undecided = |question: String| Error::Undecided {
        place: place.to_owned(),
        question,
        remedy: "name one with --collection NAME".to_owned(),
    };
    if let Some(asked) = &wanted.collection {
        let by_name = collections.iter().find(|found| found.name == *asked);
        let found = by_name.or_else(|| collections.iter().find(|found| found.id == *asked));
        return found.cloned().ok_or_else(|| undecided(format!("no {kind} '{asked}'; it has: {}", names())));
    }
    let mut with_runs = collections.iter().filter(|found| found.runs > 0);
    match (with_runs.next(), with_runs.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(_), Some(_)) => Err(undecided(format!("which {kind} is meant? It has: {}", names()))),
        (None, _) => Err(undecided(format!("no {kind} in it has a run"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_clear_is_chosen() {
        let collection = |id: &str, name: &str, runs| Collection { id: id.to_owned(), name: name.to_owned(), runs };
        let several = [collection("0", "Default", 0), collection("1", "mnist", 3), collection("2", "0", 1)];
        let asked = |name: &str| Wanted { collection: Some(name.to_owned()), ..Wanted::default() };
        let chosen = |collections: &[Collection], wanted| {
            choose(collections, "experiment", "mlflow.db", &wanted)
                .map(|found| found.id)
                .map_err(|error| error.to_string())
        };
        assert_eq!(chosen(&several[..2], Wanted::default()), Ok("1".to_owned()));
        assert_eq!(chosen(&several, asked("mnist")), Ok("1".to_owned()));
        assert_eq!(chosen(&several, asked("0")), Ok("2".to_owned()), "a name goes before an id");
        assert_eq!(chosen(&several[..2], asked("0")), Ok("0".to_owned()));
        assert_eq!(
            chosen(&several, Wanted::default()),
            Err("mlflow.db: which experiment is meant? It has: 'Default' (0 runs), 'mnist' (3 runs), '0' (1 runs); \
                 name one with --collection NAME"
                .to_owned())
        );
        assert!(chosen(&several, asked("cifar")).is_err());
        assert!(chosen(&several[..1], Wanted::default()).is_err());
    }
}
