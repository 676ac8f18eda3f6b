//! A run on one screen: what is shown of it ([`view`]), served to browsers as it changes ([`Page`]) or in one file ([`single_file`]).

mod best;
#[cfg(feature = "page")]
mod bests;
mod decimate;
pub(crate) mod files;
#[cfg(feature = "page")]
mod live_page;
mod schedule_curve;
#[cfg(feature = "page")]
pub(crate) mod server;
#[cfg(feature = "page")]
mod shown;
mod single_file;
pub(crate) mod view;

#[cfg(feature = "page")]
pub(crate) use bests::Bests;
#[cfg(feature = "page")]
pub use live_page::Page;
pub use single_file::PlannedRun;
#[cfg(feature = "page")]
pub(crate) use single_file::single_file;
