//! How the engine is called: without the interpreter's lock, open to Ctrl-C, and with panics turned into exceptions.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::failure::Failure;
use crate::threads;

/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(50);
/// How long interrupted work may take to end by itself before it is left alone.
const PATIENCE: Duration = Duration::from_millis(800);

/// Does quick work.
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T, Failure>) -> PyResult<T> {
    Ok(caught(work)?)
}

/// Does work of some milliseconds, during which other Python threads go on.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Failure> + Send) -> PyResult<T> {
    Ok(attempt(py, work)?)
}

/// As [`detached`], for those who go on after a failure.
pub(crate) fn attempt<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    py.detach(|| threads::run(|| caught(work)))
}

/// Does long work on a thread of its own. Meanwhile other Python threads go on, `watch` is called some twenty times a second,
/// and an exception from it or from a signal (Ctrl-C) sets `interrupt` and ends the wait.
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    interrupt: &AtomicBool,
    mut watch: impl FnMut(Python<'_>) -> PyResult<()>,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> PyResult<T> {
    let (sender, mut receiver) = channel();
    thread::Builder::new().name("lodecast".to_owned()).spawn(move || {
        // Nobody listens any more if the wait was given up.
        let _ = sender.send(threads::run(|| caught(work)));
    })?;
    let mut stopped: Option<(PyErr, Instant)> = None;
    loop {
        let (received, back) = py.detach(move || (receiver.recv_timeout(TICK), receiver));
        receiver = back;
        match (received, stopped.take()) {
            (Ok(_) | Err(RecvTimeoutError::Disconnected), Some((error, _))) => return Err(error),
            (Ok(result), None) => {
                watch(py)?;
                return Ok(result?);
            }
            (Err(RecvTimeoutError::Timeout), Some((error, since))) if since.elapsed() > PATIENCE => return Err(error),
            (Err(RecvTimeoutError::Timeout), Some(stop)) => stopped = Some(stop),
            (Err(RecvTimeoutError::Timeout), None) => {
                if let Err(error) = py.check_signals().and_then(|()| watch(py)) {
                    interrupt.store(true, Ordering::Relaxed);
                    stopped = Some((error, Instant::now()));
                }
            }
            (Err(RecvTimeoutError::Disconnected), None) => {
                return Err(Failure::Panic("the working thread ended without a result".to_owned()).into());
            }
        }
    }
}

/// Long work that cannot be stopped half-way: Ctrl-C ends the wait, and the result is dropped.
pub(crate) fn abandonable<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> PyResult<T> {
    let interrupt = Arc::new(AtomicBool::new(false));
    interruptible(py, &interrupt, |_| Ok(()), work)
}

fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // What the work shares with the caller is either read only or behind a mutex, whose content is never left half-changed.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Failure::Panic(message(&*panic))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}
