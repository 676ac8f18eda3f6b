//! Prints what a format finds in a source, as one JSON object a run: `recordings FORMAT SOURCE [COLLECTION]`.
//!
//! Numbers have every digit, and those that are not finite are texts, so that other readers of the same source can be compared.

use std::error::Error;
use std::io::{self, Write};
use std::ops::ControlFlow;

use lodecast_import::{Limits, Outcome, Source, Wanted, format_named};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, source, collection @ ..] = arguments.as_slice() else {
        return Err("usage: recordings FORMAT SOURCE [COLLECTION]".into());
    };
    let limits = Limits::default();
    let wanted = Wanted { collection: collection.first().cloned(), ..Wanted::default() };
    let mut lines = Vec::new();
    format_named(format)?.read(&Source::open(source, &limits)?, &wanted, &limits, &mut |outcome| {
        lines.push(match outcome {
            Outcome::Recording(recording) => {
                let series: serde_json::Map<_, _> = recording
                    .series
                    .into_iter()
                    .map(|(name, series)| {
                        let values: Vec<_> = series.values().map(number).collect();
                        let (steps, moments) =
                            (series.steps().collect::<Vec<_>>(), series.moments().collect::<Vec<_>>());
                        (name, json!({"steps": steps, "values": values, "moments": moments}))
                    })
                    .collect();
                json!({"id": recording.id, "settings": recording.settings, "series": series, "notes": recording.notes})
            }
            Outcome::Skipped(skipped) => json!({"skipped": skipped.run, "reason": skipped.reason}),
        });
        ControlFlow::Continue(())
    })?;
    let mut output = io::stdout().lock();
    for line in lines {
        writeln!(output, "{line}")?;
    }
    Ok(())
}

fn number(value: f64) -> Value {
    if value.is_finite() { value.into() } else { value.to_string().into() }
}
