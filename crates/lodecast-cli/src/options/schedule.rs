//! A learning-rate schedule on the command line.

use std::path::Path;
use std::str::FromStr;

use anyhow::Result;
use lodecast::{Family, Schedule, Sweep};
use lodecast_sweep_file::{Format, ReadOptions};

use crate::failure::failure;
use crate::output::Output;
use crate::report::learning_rate;

/// Says so where a run's own rates, unless some are `given`, do not reach its end: nobody knows how it goes on.
pub(crate) fn say_what_is_not_known(schedule: &Schedule, given: bool, total_steps: u64, output: &mut Output) {
    if let (Schedule::PiecewiseLinear { knots }, false) = (schedule, given)
        && let Some(last) = knots.last().filter(|last| last.progress < KNOWN)
    {
        output.say(format_args!(
            "its rates after step {:.0} are not known, and taken to stay at {}: --schedule says others",
            last.progress * total_steps as f64,
            learning_rate(last.learning_rate)
        ));
    }
}

/// Rates that reach so far tell the rest.
const KNOWN: f64 = 0.98;

/// A schedule: `cosine:0.01`, `cosine:0.01:0.1` (with a warm-up over a tenth of the run), a JSON file with a schedule or a
/// plan in it, or a sweep file, whose best configuration has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScheduleOption {
    /// The file it was read from, as it was given.
    pub file: Option<String>,
    /// The schedule.
    pub schedule: Schedule,
}

impl FromStr for ScheduleOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if Path::new(text).extension().is_some_and(|ending| ending == "json") {
            return from_file(text);
        }
        if Format::of(Path::new(text)).is_ok() {
            return from_sweep(text);
        }
        let mut parts = text.split(':');
        let family: Family =
            parts.next().unwrap_or_default().parse().map_err(|error: lodecast::Error| error.to_string())?;
        let number = |text: Option<&str>, what: &str| match text.map(str::parse::<f64>) {
            Some(Ok(value)) => Ok(value),
            _ => Err(format!("'{}' is no {what}: write FAMILY:PEAK or FAMILY:PEAK:WARMUP", text.unwrap_or_default())),
        };
        let peak = number(parts.next(), "peak learning rate")?;
        let warmup = parts.next().map_or(Ok(0.0), |text| number(Some(text), "warm-up"))?;
        if parts.next().is_some() {
            return Err("too many colons: write FAMILY:PEAK or FAMILY:PEAK:WARMUP".to_owned());
        }
        let schedule = Schedule::Parametric { family, peak_lr: peak, warmup };
        schedule.check().map_err(|error| error.to_string())?;
        Ok(Self { file: None, schedule })
    }
}

fn from_file(path: &str) -> Result<ScheduleOption, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    // A plan holds its schedule under this name.
    let value = value.get("schedule").cloned().unwrap_or(value);
    let schedule: Schedule = serde_json::from_value(value).map_err(|error| format!("{path}: {error}"))?;
    schedule.check().map_err(|error| format!("{path}: {error}"))?;
    Ok(ScheduleOption { file: Some(path.to_owned()), schedule })
}

fn from_sweep(path: &str) -> Result<ScheduleOption, String> {
    let sweep = lodecast_sweep_file::read(path, &ReadOptions::default()).map_err(|error| error.to_string())?;
    let schedule = best_schedule(&sweep, 0).map_err(|error| format!("{path}: {error}"))?;
    Ok(ScheduleOption { file: Some(path.to_owned()), schedule })
}

/// The schedule of the configuration with the best mean final metric: what anybody would take from a sweep.
pub(crate) fn best_schedule(sweep: &Sweep, metric: usize) -> Result<Schedule> {
    let best = sweep.best_configuration(metric).and_then(|(_, _, runs)| Schedule::of_run(&sweep.runs[runs[0]]));
    best.ok_or_else(|| {
        failure("no run of the sweep has a final metric and a schedule", "look at it with 'lodecast runs'")
    })
}

#[cfg(test)]
mod tests {
    use lodecast::{Direction, Metric, Run, Sweep};

    use super::*;

    #[test]
    fn schedules_are_read_and_checked() {
        let read = |text: &str| text.parse::<ScheduleOption>().map(|option| option.schedule);
        assert_eq!(read("cosine:0.01"), Ok(Schedule::cosine(0.01)));
        let warmup = Schedule::Parametric { family: Family::OneCycle, peak_lr: 0.1, warmup: 0.05 };
        assert_eq!(read("one-cycle:1e-1:0.05"), Ok(warmup));
        for bad in ["cosine", "cosine:x", "sine:0.1", "cosine:-1", "cosine:0.1:2", "cosine:0.1:0:0", "none.json"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sweep_file_gives_the_schedule_of_its_best_configuration() {
        let mut sweep = Sweep::new(vec![Metric::new("val_accuracy", Direction::Max)]);
        for (family, accuracy) in [(Family::Cosine, 0.6), (Family::OneCycle, 0.9), (Family::Constant, 0.7)] {
            let mut run = Run::new(family.name(), 1);
            run.attributes.schedule = Some(family.name().to_owned());
            run.attributes.peak_lr = Some(0.1);
            run.push(10, Some(1.0), Some(0.1), &[Some(accuracy)]).unwrap();
            sweep.runs.push(run);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("round.parquet");
        lodecast_sweep_file::write(&path, &sweep).unwrap();
        let path = path.to_str().unwrap();
        let read = path.parse::<ScheduleOption>();
        let one_cycle = ScheduleOption { file: Some(path.to_owned()), schedule: Schedule::one_cycle(0.1) };
        assert_eq!(read, Ok(one_cycle));
        assert!("nowhere.parquet".parse::<ScheduleOption>().is_err_and(|error| error.contains("nowhere.parquet")));
    }
}
