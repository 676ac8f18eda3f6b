//! The lab: trains small networks, to make the sweeps that lodecast learns from and to compare it with other methods.
//!
//! Separate things behind small traits: what is trained ([`Task`]), how its weights follow their gradients
//! ([`OptimizerKind`]), and what decides the learning rate ([`Method`]).

pub mod data;
mod error;
mod optimizers;
pub mod rivals;
mod run;
mod settings;
mod sharpness;
mod studies;
pub mod tasks;

pub use data::mnist1d;
pub use error::{Error, Result};
pub use optimizers::{OptimizerKind, UpdateRule};
pub use rivals::Rival;
pub use run::contender::{Contender, MethodFactory};
pub use run::length::Length;
pub use run::method::{FixedSchedule, Method};
pub use run::record::{Note, RunRecord};
pub use run::task::{Evaluation, Split, Task};
pub use run::train::{Trainable, Training};
pub use run::variation::Variation;
pub use settings::{DeviceKind, Scale, TaskSettings, data_folder};
pub use sharpness::{Sharpness, symmetric_eigenvalues};
pub use studies::compare::{Comparison, ComparisonConfiguration, ComparisonRow, compare};
pub use studies::contest::{
    BEYOND_THE_GRID, Contest, ContestConfiguration, ContestDifference, ContestRow, GRID_FAMILIES, PickRule, Search,
    contest,
};
pub use studies::crew::{Execution, FailedRun, Progress};
pub use studies::gather::{SweepOutcome, gather};
pub use studies::single_run::{RunConfiguration, run_one};
pub use studies::statistics;
pub use studies::sweep::{SweepConfiguration, run_sweep};

/// The device networks are trained on.
pub use burn::tensor::Device;
