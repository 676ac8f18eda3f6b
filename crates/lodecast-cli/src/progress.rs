//! Progress on standard error: a bar where there is a terminal, a line at the end of each phase where there is none.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// The progress of one phase of work.
pub(crate) struct Phase {
    bar: ProgressBar,
    name: String,
    started: Instant,
}

impl Phase {
    /// Starts a phase of `length` parts.
    pub(crate) fn start(name: impl Into<String>, length: u64, output: &Output) -> Self {
        let name = name.into();
        let bar = ProgressBar::with_draw_target(
            Some(length),
            if output.is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(8) },
        );
        let style =
            ProgressStyle::with_template("{prefix:<12} {bar:28.cyan/238} {pos}/{len}  {msg}  {elapsed} (left {eta})")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("━━─");
        bar.set_style(style);
        bar.set_prefix(name.clone());
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, name, started: Instant::now() }
    }

    /// Starts a phase of which nobody knows the length.
    pub(crate) fn counting(name: impl Into<String>, output: &Output) -> Self {
        let phase = Self::start(name, 0, output);
        phase.bar.unset_length();
        let style = ProgressStyle::with_template("{prefix:<12} {spinner} {pos}  {msg}  {elapsed}");
        phase.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        phase
    }

    /// So many parts are done; `message` says how it goes.
    pub(crate) fn at(&self, position: u64, message: String) {
        self.bar.set_position(position);
        self.bar.set_message(message);
    }

    /// Ends the phase with a line that stays.
    pub(crate) fn done(self, output: &mut Output, outcome: impl std::fmt::Display) {
        self.bar.finish_and_clear();
        output.say(format_args!("{:<12} {outcome} ({})", self.name, duration(self.started.elapsed())));
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A duration in the largest two units that matter.
pub(crate) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}
