//! The engine from outside, in one program: linking one is quicker than linking eight.

mod data_as_it_is;
mod extension;
mod few_runs;
mod fit;
mod fuzzed;
mod model_file;
mod odd_values;
mod plan_controlled;
mod plan_experience;
mod plan_models;
mod plan_paper;
mod plan_suggest;
mod scheduler;
mod scheduler_fitted;
mod toy_sweep;
mod warm_start;
