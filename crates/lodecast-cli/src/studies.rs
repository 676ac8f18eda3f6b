//! Studies: many runs of the lab one after another, each step written down, so that an interrupted one goes on.

pub(crate) mod contenders;
pub(crate) mod contest;
pub(crate) mod decisions;
pub(crate) mod demonstration;
pub(crate) mod directory;
pub(crate) mod estimate;
pub(crate) mod few_runs;
pub(crate) mod machine;
pub(crate) mod origin;
pub(crate) mod report;
pub(crate) mod sweep;
pub(crate) mod training;
