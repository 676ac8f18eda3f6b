//! From measured runs to the schedule to take: candidates of sensible shapes, weighed by the law and by a plain Gaussian
//! process.

mod pick;
mod plain_process;
mod shapes;

pub use pick::{Alternative, Pick, PickOrigin, PickSettings, pick};
pub use shapes::{Shape, ShapeRange};
