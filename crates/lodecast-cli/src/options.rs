//! What several commands take: options that are parsed and checked in one place.

#[cfg(feature = "lab")]
pub(crate) mod configuration;
pub(crate) mod fraction;
#[cfg(feature = "lab")]
pub(crate) mod jobs;
pub(crate) mod law;
#[cfg(feature = "lab")]
pub(crate) mod method;
pub(crate) mod overwriting;
#[cfg(feature = "lab")]
pub(crate) mod peaks;
pub(crate) mod planner;
pub(crate) mod prior;
pub(crate) mod run;
pub(crate) mod schedule;
#[cfg(feature = "lab")]
pub(crate) mod seeds;
pub(crate) mod study;
pub(crate) mod sweep;
pub(crate) mod sweeps;
#[cfg(feature = "lab")]
pub(crate) mod training;
#[cfg(feature = "lab")]
pub(crate) mod variation;
