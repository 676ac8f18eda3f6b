//! A method that takes part in a comparison, and how it is made for each run.

use crate::run::method::Method;

/// Makes the method of one run from the run's seed and its number of optimizer steps.
pub type MethodFactory<'a> = dyn Fn(u64, u64) -> lodecast::Result<Box<dyn Method>> + Sync + 'a;

/// A method that takes part in a comparison.
pub struct Contender<'a> {
    /// Name in the table.
    pub name: String,
    /// Whatever decides what the method does besides its name (its schedule, the hash of its model). Runs that a journal
    /// holds are taken from it only if it is the same.
    pub fingerprint: String,
    /// Makes the method anew for each run.
    pub factory: Box<MethodFactory<'a>>,
}
