//! A tuner's recommendation in words.

use anyhow::Result;
use lodecast::tune::{Recommendation, TunerSettings};
use lodecast::{FinalForecast, PickOrigin};

use crate::figures::{is_fraction, metric_name, metric_value, schedule_in_words};
use crate::output::Output;
use crate::report::Table;

/// Shows which schedule to take, what could still be better, and which run would tell.
pub(crate) fn show(recommended: &Recommendation, settings: &TunerSettings, output: &mut Output) -> Result<()> {
    let metric = &settings.metric;
    let fraction = is_fraction(metric, [recommended.best_run.value]);
    let name = metric_name(metric);
    let interval = |found: &FinalForecast| {
        // The mean may lie beyond the interval, where a run that seldom diverges ends far off.
        let [median, low, high] =
            [found.median, found.low_68, found.high_68].map(|value| metric_value(value, fraction));
        let diverges = match found.probability_diverged {
            chance if chance >= 0.005 => format!(", diverges with {:.0} %", 100.0 * chance),
            _ => String::new(),
        };
        format!("{median} ({low} to {high}){diverges}")
    };
    let whose = |origin: &PickOrigin| match origin {
        PickOrigin::New => "a schedule that nobody has run".to_owned(),
        PickOrigin::Measured { run } => format!("the schedule of '{run}'"),
    };
    output.line(format_args!("take {}:", whose(&recommended.origin)))?;
    output.line(format_args!("  {}", schedule_in_words(&recommended.schedule)))?;
    for (setting, value) in &recommended.settings {
        output.line(format_args!("  {setting} = {value}"))?;
    }
    if let Some(predicted) = &recommended.predicted {
        output.line(format_args!("predicted {name} (68 % interval): {}", interval(predicted)))?;
    }
    let best = &recommended.best_run;
    let value = metric_value(best.value, fraction);
    output.line(format_args!(
        "better than the schedule of the best run ('{}', {value}) with probability {:.2}",
        best.run, recommended.probability_better_than_best
    ))?;
    if !recommended.alternatives.is_empty() {
        output.line("")?;
        output.line("Schedules that could still be better:")?;
        let mut table = Table::new("", ["#probability", "predicted (68 %)", "rates over the run", "whose"]);
        for other in &recommended.alternatives {
            table.push([
                format!("{:.2}", other.probability),
                interval(&other.predicted),
                schedule_in_words(&other.schedule),
                whose(&other.origin),
            ]);
        }
        output.table(&table)?;
    }
    if let Some(next) = &recommended.next_run {
        output.line("")?;
        output.line(format_args!("The run that would tell most: {}", schedule_in_words(&next.schedule)))?;
        output.line(format_args!("  {}", next.reason))?;
    }
    for note in &recommended.notes {
        output.say(note);
    }
    Ok(())
}
