//! What is going on, in words: for the terminal, the page and the log.

use lodecast::{Interval, Point};

use crate::live_run::LiveRun;
use crate::subject::Subject;

/// A run whose metric was measured last before this fraction of it does not say what it ended at.
const AT_THE_END: f64 = 0.9;

/// Decimals that leave two digits of a doubt.
fn decimals(doubt: f64) -> usize {
    let decimals = if doubt > 0.0 { (1 - doubt.log10().floor() as i32).clamp(0, 12) } else { 4 };
    decimals as usize
}

/// A value with its interval, to two digits of the doubt: `0.939 ± 0.003`, or with its ends where they are uneven.
pub fn interval_in_words(interval: &Interval) -> String {
    let Interval { mean, low, high } = *interval;
    let half = 0.5 * (high - low);
    if !(mean.is_finite() && half.is_finite()) {
        return "nothing that can be said".to_owned();
    }
    let digits = decimals(half);
    let uneven = (high - mean).max(mean - low) > 1.5 * (high - mean).min(mean - low);
    if uneven {
        format!("{mean:.digits$} ({low:.digits$} to {high:.digits$})")
    } else {
        format!("{mean:.digits$} ± {half:.digits$}")
    }
}

/// A number of steps with commas between the thousands.
pub(crate) fn steps(count: u64) -> String {
    let digits = count.to_string();
    let parts = digits.as_bytes().rchunks(3).rev().map(|part| String::from_utf8_lossy(part).into_owned());
    parts.collect::<Vec<_>>().join(",")
}

/// The run in a sentence: where it ends or ended, what was decided, and when the next decision is. `points` are all that were measured.
pub fn sentence(run: &LiveRun, points: &[Point]) -> String {
    sentence_of(&run.subject(points), points)
}

/// A run as it is shown, in a sentence.
pub(crate) fn sentence_of(subject: &Subject<'_>, points: &[Point]) -> String {
    let state = subject.state;
    let Some(last) = state.decisions.last() else { return "nothing is decided yet".to_owned() };
    if state.finished {
        return end_in_words(subject, points);
    }
    let mut parts = Vec::new();
    parts.push(match &state.predicted() {
        _ if state.unsound => "what was measured last is no number: it has diverged, unless it comes back".to_owned(),
        _ if state.no_forecast.is_some() => "no forecast of what was measured".to_owned(),
        Some(predicted) if state.adherence.departure.is_some() => {
            format!("would end at {} if its schedule were followed from here on", interval_in_words(predicted))
        }
        Some(predicted) => format!("ends at {}", interval_in_words(predicted)),
        None => "no forecast yet".to_owned(),
    });
    parts.push(if let Some(choice) = &state.chosen {
        format!("keeps the schedule chosen by hand from step {}", steps(choice.from_step))
    } else if last.changed {
        format!("new schedule from step {}", steps(last.effective_from_step))
    } else {
        "keeps its schedule".to_owned()
    });
    if let Some(departure) = &state.adherence.departure {
        parts.push(format!("not followed since step {}", steps(departure.since_step)));
    }
    if let Some(next) = subject.next_decision {
        parts.push(format!("next decision at step {}", steps(next)));
    }
    parts.join("; ")
}

/// What a run that is at its planned end came to. A forecast is none of it any more, but may be compared with it.
fn end_in_words(subject: &Subject<'_>, points: &[Point]) -> String {
    let state = subject.state;
    if state.unsound {
        return "has diverged: what was measured last is no number".to_owned();
    }
    let predicted = state.predicted();
    let forecast = predicted.as_ref().map_or_else(
        || "nothing had been forecast".to_owned(),
        |predicted| format!("{} had been forecast", interval_in_words(predicted)),
    );
    let last =
        points.iter().rev().find_map(|point| Some((point.step, point.validation.filter(|value| value.is_finite())?)));
    match last {
        Some((step, value)) if step as f64 >= AT_THE_END * state.total_steps as f64 => {
            let digits = decimals(predicted.map_or(0.0, |predicted| 0.5 * (predicted.high - predicted.low)));
            format!("ended at {value:.digits$}; {forecast}")
        }
        _ => format!("is over; its {} was not measured at the end; {forecast}", subject.model.metric().name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_digits_that_their_doubt_leaves() {
        let words = |mean, low, high| interval_in_words(&Interval { mean, low, high });
        assert_eq!(words(93.91, 93.61, 94.21), "93.91 ± 0.30");
        assert_eq!(words(0.93912, 0.93612, 0.94212), "0.9391 ± 0.0030");
        assert_eq!(words(2.0, 1.9, 2.5), "2.00 (1.90 to 2.50)");
        assert_eq!(words(1234.0, 1000.0, 1468.0), "1234 ± 234");
        assert_eq!(words(f64::NAN, 0.0, 1.0), "nothing that can be said");
        assert_eq!((steps(12_000), steps(999), steps(1_234_567)), ("12,000".into(), "999".into(), "1,234,567".into()));
    }
}
