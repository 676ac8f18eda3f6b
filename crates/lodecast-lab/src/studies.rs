//! Many runs: sweeps, comparisons, contests; trained side by side, kept in a journal, and what can be concluded from them.

pub(crate) mod checks;
pub(crate) mod compare;
pub(crate) mod contest;
pub(crate) mod crew;
pub(crate) mod gather;
pub(crate) mod journal;
pub(crate) mod single_run;
pub mod statistics;
pub(crate) mod sweep;
