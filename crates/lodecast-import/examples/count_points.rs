//! Reads a source in full and says how fast: `count_points FORMAT SOURCE`.

use std::error::Error;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Instant;

use lodecast_import::{Limits, Outcome, Source, Wanted, format_named};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, source] = arguments.as_slice() else { return Err("usage: count_points FORMAT SOURCE".into()) };
    let limits = Limits::default();
    let begun = Instant::now();
    let mut points = 0;
    format_named(format)?.read(&Source::open(source, &limits)?, &Wanted::default(), &limits, &mut |outcome| {
        if let Outcome::Recording(recording) = outcome {
            points += recording.series.values().map(lodecast_import::Series::len).sum::<usize>();
        }
        ControlFlow::Continue(())
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    writeln!(io::stdout(), "lodecast: {points} points in {seconds:.2} s, {:.0} points/s", points as f64 / seconds)?;
    Ok(())
}
