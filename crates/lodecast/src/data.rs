//! What training leaves behind: metric points, runs and sweeps of runs, and the schedules they followed.

mod attributes;
mod configuration;
mod interpolation;
mod length;
mod metric;
mod point;
mod run;
mod schedule;
mod setting;
mod sweep;

pub use attributes::Attributes;
pub(crate) use interpolation::interpolate;
pub(crate) use length::ANNEALED;
pub use length::LengthNote;
pub use metric::{Direction, Metric};
pub use point::Point;
pub use run::Run;
pub use schedule::{Family, Knot, Schedule};
pub(crate) use setting::{canonical, is_setting};
pub use sweep::Sweep;
