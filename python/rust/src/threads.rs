//! Threads for the engine in a process that was forked.
//!
//! A child has none of its parent's threads, but it has the memory in which they are noted: work handed to them would be waited
//! for for ever. So a child works on threads of its own.

use std::process;
use std::sync::{Arc, Mutex, OnceLock, TryLockError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The process that loaded the module: its threads are everybody's, those of rayon.
static HOME: OnceLock<u32> = OnceLock::new();
/// The threads of a forked process, by its number.
static FORKED: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Notes that this is the process whose threads are everybody's.
pub(crate) fn at_home() {
    HOME.get_or_init(process::id);
}

/// Does work that may be spread over threads.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if HOME.get().is_none_or(|&home| home == process::id()) {
        return work();
    }
    match pool() {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// The threads of this forked process. `None` if it can have no threads.
fn pool() -> Option<Arc<ThreadPool>> {
    let made = || ThreadPoolBuilder::new().build().ok().map(Arc::new);
    let mut held = match FORKED.try_lock() {
        Ok(held) => held,
        Err(TryLockError::Poisoned(held)) => held.into_inner(),
        // Another thread is making them, or was at the moment of a fork, and then the lock stays taken.
        Err(TryLockError::WouldBlock) => return made(),
    };
    match &*held {
        Some((process, pool)) if *process == process::id() => Some(Arc::clone(pool)),
        _ => {
            let pool = made()?;
            // Those of a parent are not here, and ending them would be waiting for them.
            std::mem::forget(held.replace((process::id(), Arc::clone(&pool))));
            Some(pool)
        }
    }
}
