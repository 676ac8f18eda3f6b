//! [`FitOptions`]: how a fit is watched, interrupted and resumed, and what it starts from.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::Model;

/// What a fit tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FitProgress {
    /// Optimizer steps done by every member.
    pub iteration: u64,
    /// Optimizer steps to do.
    pub iterations: u64,
    /// Training loss, smoothed, mean over the members.
    pub loss: f64,
    /// Loss on the held-out configurations, mean over the members that have any; `None` before the first check.
    pub held_out: Option<f64>,
}

/// How a fit is watched, interrupted and resumed, and what it starts from. The default is a fit that nobody watches.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use lodecast::{FitOptions, FitProgress};
///
/// let stop = AtomicBool::new(false);
/// let mut progress = |progress: &FitProgress| eprintln!("{} of {}", progress.iteration, progress.iterations);
/// let options = FitOptions::default().progress(&mut progress).interrupt(&stop).checkpoint("fit.checkpoint").resume(true);
/// ```
#[derive(Default)]
pub struct FitOptions<'a> {
    progress: Option<&'a mut dyn FnMut(&FitProgress)>,
    interrupt: Option<&'a AtomicBool>,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) resume: bool,
    pub(super) earlier: Option<&'a Model>,
}

impl<'a> FitOptions<'a> {
    /// Calls this every few iterations.
    #[must_use]
    pub fn progress(mut self, progress: &'a mut dyn FnMut(&FitProgress)) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Stops once this is set: the fit saves its checkpoint and returns [`Error::Interrupted`](crate::Error::Interrupted).
    #[must_use]
    pub fn interrupt(mut self, interrupt: &'a AtomicBool) -> Self {
        self.interrupt = Some(interrupt);
        self
    }

    /// Keeps a checkpoint in this file.
    #[must_use]
    pub fn checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(path.into());
        self
    }

    /// Goes on from the checkpoint, if there is one.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Starts from a model that was fitted to an earlier state of the same search, with networks of the same sizes.
    ///
    /// Its networks start half way to where they were before they saw the configurations that were held out from them, and the same
    /// are held out again, so that what is measured on them stays honest; new configurations are dealt among them. Units stay
    /// those of the earlier model. A third of the steps that the settings ask for are taken. A run that has grown since counts as new.
    #[must_use]
    pub fn start_from(mut self, earlier: &'a Model) -> Self {
        self.earlier = Some(earlier);
        self
    }

    pub(super) fn tell(&mut self, progress: &FitProgress) {
        if let Some(tell) = &mut self.progress {
            tell(progress);
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupt.is_some_and(|interrupt| interrupt.load(Ordering::Relaxed))
    }

    /// The same interrupt, and nothing else.
    pub(super) fn unwatched(&self) -> FitOptions<'a> {
        FitOptions { interrupt: self.interrupt, ..FitOptions::default() }
    }
}
