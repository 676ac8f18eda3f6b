//! [`Background`]: a server on a thread of its own, which ends when this is dropped.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// A server under way.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Has `serve` run on a thread called `name`, until it is told to stop.
    pub(crate) fn begin(
        name: &str,
        serve: impl FnOnce(Runtime, oneshot::Receiver<()>) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || serve(runtime, stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Has it ended of itself?
    #[cfg(feature = "serve")]
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
