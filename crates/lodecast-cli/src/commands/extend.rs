//! `lodecast extend`: how a run could go on beyond its plan, and where each way would end.

use anyhow::Result;
use clap::Args;
use lodecast::Extension;

use crate::figures::{is_fraction, metric_name, metric_value};
use crate::options::law::LawInput;
use crate::output::Output;
use crate::report::{Table, learning_rate};

/// Which run, and how far it is to go.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: LawInput,
    /// Length that it is to have in the end, in optimizer steps
    #[arg(long, value_name = "STEPS")]
    to: u64,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let (law, run) = self.input.read(output)?;
        let metric = law.metric();
        let ways = lodecast::extend(&law, &run, 0, self.to)?;
        if output.wants_json() {
            return output.json(&ways);
        }
        let fraction = is_fraction(metric, ways.iter().map(|way| way.last.median));
        let value = |value: f64| metric_value(value, fraction);
        if let Some(best) = ways.first() {
            output.line(format_args!(
                "{}: {} {} at step {}, 68 % between {} and {}",
                best.kind.describe(),
                metric_name(metric),
                value(best.last.median),
                self.to,
                value(best.last.low_68),
                value(best.last.high_68)
            ))?;
            output.line("")?;
        }
        let mut table = Table::new(
            "Ways to go on, the most promising first.",
            ["way", "from here on", "#final", "#68 %", "#95 %", "#diverges"],
        );
        let last = run.steps().last().copied().unwrap_or(0);
        for way in &ways {
            let final_value = &way.last;
            table.push([
                way.kind.describe().to_owned(),
                self.rest_in_words(way, last),
                value(final_value.median),
                format!("{} to {}", value(final_value.low_68), value(final_value.high_68)),
                format!("{} to {}", value(final_value.low_95), value(final_value.high_95)),
                format!("{:.0} %", final_value.probability_diverged * 100.0),
            ]);
        }
        output.table(&table)?;
        output.say("the schedules themselves: --json");
        Ok(())
    }

    /// The corners of a schedule that lie ahead.
    fn rest_in_words(&self, way: &Extension, last: u64) -> String {
        let lodecast::Schedule::PiecewiseLinear { knots } = &way.schedule else { return way.schedule.describe() };
        let step = |progress: f64| (progress * self.to as f64).round() as u64;
        let ahead = knots.iter().filter(|knot| step(knot.progress) > last);
        let corner =
            |knot: &lodecast::Knot| format!("{} at {}", learning_rate(knot.learning_rate), step(knot.progress));
        ahead.map(corner).collect::<Vec<_>>().join(", ")
    }
}
