//! The lab as others see it: one program for all its tests, since each would link the whole framework.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod burn_scheduler;
mod comparison;
mod fashion_mnist;
#[cfg(feature = "photographs")]
mod photographs;
mod small_images;
mod sweep;
mod training;
mod variation;
