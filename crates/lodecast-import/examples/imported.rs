//! Imports sources with nothing but defaults, and tells in a line each what came of it.
//!
//! ```console
//! $ cargo run --release -p lodecast-import --example imported -- runs/a.parquet runs/b --val val_loss:min
//! ```

use std::ops::ControlFlow;
use std::time::Instant;

use lodecast_import::{Columns, Error, ImportOptions, Limits, Source, Survey, import, recognise};

fn main() -> Result<(), Error> {
    let (mut places, mut options) = (Vec::new(), ImportOptions::default());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--val" {
            options.validation.extend(arguments.next().map(|text| text.parse()).transpose()?);
        } else {
            places.push(argument);
        }
    }
    for place in places {
        let started = Instant::now();
        match imported(&place, &options) {
            Ok(line) => report(&format!("{place}: {line}, {:.2} s", started.elapsed().as_secs_f64())),
            Err(error) => report(&format!("{place}: {error}")),
        }
    }
    Ok(())
}

fn imported(place: &str, options: &ImportOptions) -> Result<String, Error> {
    let source = Source::open(place, &Limits::default())?;
    let format = recognise(&source)?[0];
    let sources = [(source, format)];
    let columns = Columns::choose(&Survey::of(&sources, options)?, options)?;
    let (mut points, mut lengths) = (0, 0);
    let report = import(&sources, &columns, options, &mut |run, _| {
        points += run.len();
        lengths += usize::from(run.attributes.total_steps.is_some());
        Ok(ControlFlow::Continue(()))
    })?;
    let metrics: Vec<String> = columns.metrics().iter().map(ToString::to_string).collect();
    Ok(format!(
        "{} runs of {points} points ({} left out{}), {}, {:?}, {}, {lengths} planned, differ in {:?}, notes {:?}",
        report.runs.len(),
        report.skipped.len(),
        report.skipped.first().map_or_else(String::new, |skipped| format!(": {}", skipped.reason)),
        columns.loss.as_deref().unwrap_or("no loss"),
        columns.rate_series(),
        metrics.join(" "),
        report.settings,
        report.runs.iter().flat_map(|run| &run.notes).collect::<std::collections::BTreeSet<_>>()
    ))
}

#[allow(clippy::print_stdout)]
fn report(line: &str) {
    println!("{line}");
}
