//! One training run: what is trained, what decides its rate, and what is kept of it.

pub(crate) mod batches;
pub(crate) mod contender;
pub(crate) mod length;
pub(crate) mod method;
pub(crate) mod random;
pub(crate) mod record;
pub(crate) mod task;
pub(crate) mod train;
pub(crate) mod variation;
pub(crate) mod weights;
