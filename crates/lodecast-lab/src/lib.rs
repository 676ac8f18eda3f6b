//! The lab: trains small networks, to make the sweeps that lodecast learns from and to compare it with other methods.
//!
//! Separate things behind small traits: what is trained ([`Task`]), how its weights follow their gradients
//! ([`OptimizerKind`]), and what decides the learning rate ([`Method`]).

mod batches;
mod compare;
mod contest;
mod crew;
pub mod data;
mod error;
mod gather;
mod journal;
mod method;
pub mod mnist1d;
mod optimizer;
mod record;
pub mod rivals;
mod settings;
mod sharpness;
mod single_run;
pub mod statistics;
mod sweep;
mod task;
pub mod tasks;
mod train;
mod update_rule;
mod variation;
mod weights;

pub use compare::{Comparison, ComparisonConfiguration, ComparisonRow, Contender, MethodFactory, compare};
pub use contest::{
    BEYOND_THE_GRID, Contest, ContestConfiguration, ContestDifference, ContestRow, GRID_FAMILIES, PickRule, Search,
    contest,
};
pub use crew::{Execution, FailedRun, Progress};
pub use error::{Error, Result};
pub use gather::gather;
pub use method::{FixedSchedule, Method};
pub use optimizer::OptimizerKind;
pub use record::{Note, RunRecord};
pub use rivals::Rival;
pub use settings::{DeviceKind, Scale, TaskSettings, data_folder};
pub use sharpness::{Sharpness, symmetric_eigenvalues};
pub use single_run::{RunConfiguration, run_one};
pub use sweep::{SweepConfiguration, SweepOutcome, run_sweep};
pub use task::{Evaluation, Length, Split, Task};
pub use train::{Trainable, Training};
pub use update_rule::UpdateRule;
pub use variation::Variation;

/// The device networks are trained on.
pub use burn::tensor::Device;
