//! Turns at the models, of which no more are asked at a time than there are cores.

use tokio::sync::Semaphore;

/// How many runs may ask their models at a time. More than there are cores would make all of them late instead of some.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) decisions: Semaphore,
    /// Nobody waits for these, but what is told next of the run.
    pub(super) forecasts: Semaphore,
    /// What readers ask: no rate waits for it.
    pub(super) questions: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let half = cores.div_ceil(2);
        Self { decisions: Semaphore::new(cores), forecasts: Semaphore::new(half), questions: Semaphore::new(half) }
    }
}
