//! How weights follow their gradients: the optimizers that a task can be trained with, and the rules that methods bring along.

mod hypergradient;
mod kind;
mod schedule_free;
mod update_rule;
mod vector_update;

pub use hypergradient::Hypergradient;
pub use kind::OptimizerKind;
pub use schedule_free::ScheduleFree;
pub use update_rule::UpdateRule;
pub(crate) use update_rule::Updates;
#[cfg(test)]
pub(crate) use vector_update::VectorUpdate;
