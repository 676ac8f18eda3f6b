//! Readers of data sets, each in the format its publishers use. Every length is checked before memory is taken for it.

pub mod cifar;
pub mod idx;
pub mod images;
pub mod mnist1d;
#[cfg(feature = "photographs")]
pub mod pictures;
pub mod text;
pub mod vocabulary;
