//! The lab: tasks, sweeps and comparisons.
