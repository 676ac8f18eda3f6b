//! Learning rates as a table: a row a step, a column a schedule.

use std::io::{self, Write};

use lodecast::Schedule;

/// Writes the table of schedules for runs of `total_steps`, their columns called `names`.
pub(crate) fn write(
    file: &mut dyn Write,
    names: &[String],
    schedules: &[&Schedule],
    total_steps: u64,
) -> io::Result<()> {
    writeln!(file, "step,{}", names.join(","))?;
    for step in 0..total_steps {
        write!(file, "{step}")?;
        for schedule in schedules {
            write!(file, ",{:e}", schedule.at_step(step, total_steps))?;
        }
        writeln!(file)?;
    }
    Ok(())
}
