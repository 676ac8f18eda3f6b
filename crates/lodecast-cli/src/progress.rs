//! Progress on standard error: a bar where there is a terminal; where there is none, a line now and then and one at the end of each
//! phase.

use std::cell::Cell;
use std::fmt;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// Without a terminal the first line comes after so long, ...
const FIRST_LINE: Duration = Duration::from_secs(10);
/// ... and each further one after so long, or a tenth of the phase's time so far if that is longer: a log of a night stays readable.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

/// The progress of one phase of work.
pub(crate) struct Phase {
    bar: ProgressBar,
    name: String,
    length: Cell<Option<u64>>,
    started: Instant,
    /// Parts that had been done before the start, as far as the first call tells: they took none of the time.
    before: Cell<Option<u64>>,
    /// When the next line is due, counted from the start; `None` where lines are not wanted.
    next_line: Cell<Option<Duration>>,
}

impl Phase {
    /// Starts a phase of `length` parts.
    pub(crate) fn start(name: impl Into<String>, length: u64, output: &Output) -> Self {
        Self::new(name.into(), Some(length), output)
    }

    /// Starts a phase of which nobody knows the length.
    #[cfg(feature = "import")]
    pub(crate) fn counting(name: impl Into<String>, output: &Output) -> Self {
        Self::new(name.into(), None, output)
    }

    fn new(name: String, length: Option<u64>, output: &Output) -> Self {
        let quiet = output.is_quiet();
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(8) };
        let bar = ProgressBar::with_draw_target(length, target);
        let template = match length {
            Some(_) => "{prefix:<12} {bar:28.cyan/238} {pos}/{len}  {msg}  {elapsed} (left {eta})",
            None => "{prefix:<12} {spinner} {pos}  {msg}  {elapsed}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━━─"));
        bar.set_prefix(name.clone());
        bar.enable_steady_tick(Duration::from_millis(250));
        let lines = !quiet && !stderr().is_terminal();
        Self {
            bar,
            name,
            length: Cell::new(length),
            started: Instant::now(),
            before: Cell::new(None),
            next_line: Cell::new(lines.then_some(FIRST_LINE)),
        }
    }

    /// The phase turns out to have so many parts.
    pub(crate) fn lasts(&self, length: u64) {
        self.length.set(Some(length));
        self.bar.set_length(length);
    }

    /// So many parts are done; `message` says how it goes.
    pub(crate) fn at(&self, position: u64, message: String) {
        let elapsed = self.started.elapsed();
        let before = self.before.get().unwrap_or_else(|| position.saturating_sub(1));
        self.before.set(Some(before));
        if self.next_line.get().is_some_and(|due| elapsed >= due) {
            self.next_line.set(Some(elapsed + BETWEEN_LINES.max(elapsed / 10)));
            print_line(&line(&self.name, before, position, self.length.get(), &message, elapsed));
        }
        self.bar.set_position(position);
        self.bar.set_message(message);
    }

    /// Ends the phase with a line that stays.
    pub(crate) fn done(self, output: &mut Output, outcome: impl fmt::Display) {
        self.bar.finish_and_clear();
        output.say(format_args!("{:<12} {outcome} ({})", self.name, duration(self.started.elapsed())));
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How far a phase has come, for a log.
fn line(name: &str, before: u64, position: u64, length: Option<u64>, message: &str, elapsed: Duration) -> String {
    let of = length.map_or_else(String::new, |length| format!("/{length}"));
    let left = match length {
        Some(length) if position > before && position < length => {
            let left = elapsed.mul_f64((length - position) as f64 / (position - before) as f64);
            format!(", about {} left", duration(left))
        }
        _ => String::new(),
    };
    format!("{name:<12} {position}{of}  {message} ({}{left})", duration(elapsed))
}

/// Writes a line of talk while the work goes on. That nobody reads it stops no work.
fn print_line(line: &str) {
    use std::io::Write;
    let _ = writeln!(stderr(), "{line}");
}

/// A duration in the largest two units that matter.
pub(crate) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if seconds < 3600.0 {
        let whole = seconds.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        let minutes = (seconds / 60.0).round() as u64;
        format!("{} h {:02} min", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_how_long_it_takes() {
        let minute = Duration::from_mins(1);
        assert_eq!(
            line("sweep", 0, 24, Some(96), "cosine 0.1: 0.93", minute),
            "sweep        24/96  cosine 0.1: 0.93 (1 min 00 s, about 3 min 00 s left)"
        );
        let resumed = line("sweep", 84, 90, Some(96), "", minute);
        assert!(resumed.ends_with("about 1 min 00 s left)"), "what was there took no time: {resumed}");
        assert_eq!(line("import", 0, 7, None, "70 points", minute), "import       7  70 points (1 min 00 s)");
        assert_eq!(line("fit", 0, 0, Some(9), "", minute), "fit          0/9   (1 min 00 s)");
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, words) in [
            (0.25, "250 ms"),
            (59.9, "59.9 s"),
            (247.0, "4 min 07 s"),
            (3600.0, "1 h 00 min"),
            (93_784.0, "26 h 03 min"),
        ] {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), words);
        }
    }
}
