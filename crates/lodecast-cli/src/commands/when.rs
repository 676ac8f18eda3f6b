//! `lodecast when`: whether a run will reach a target, and at which length it would.

use anyhow::Result;
use clap::Args;
use lodecast::Schedule;

use crate::failure::failure;
use crate::figures::{is_fraction, metric_name, metric_value};
use crate::options::law::LawInput;
use crate::options::schedule::{ScheduleOption, say_what_is_not_known};
use crate::output::Output;
use crate::report::Table;

/// Which run, and what it is to reach.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: LawInput,
    /// Value of the metric that it is to reach
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    target: f64,
    /// Planned length of the run, if the file does not say it
    #[arg(long, value_name = "STEPS")]
    total_steps: Option<u64>,
    /// Schedule that the run follows: FAMILY:PEAK, FAMILY:PEAK:WARMUP, or a JSON or sweep file [default: the run's own]
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<ScheduleOption>,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let (law, mut run) = self.input.read(output)?;
        let metric = law.metric();
        let Some(total_steps) = self.total_steps.or_else(|| run.planned_steps()) else {
            return Err(failure(
                format!("{} does not say how long the run is planned to be", self.input.run.display()),
                "give the planned number of optimizer steps with --total-steps",
            ));
        };
        run.attributes.total_steps = Some(total_steps);
        let last = run.steps().last().copied().unwrap_or(0);
        if last >= total_steps {
            let better = |value: f64| value == self.target || metric.direction.is_better(value, self.target);
            let mut values = run.steps().iter().zip(run.validation(0));
            let reached = match values.find(|(_, value)| value.is_some_and(better)) {
                Some((step, _)) => format!("it reached {} at step {step}", self.target),
                None => format!("it did not reach {}", self.target),
            };
            return Err(failure(
                format!("run '{}' is over: its last step is {last}, planned are {total_steps}; {reached}", run.id),
                "give a longer --total-steps and the --schedule it would follow; 'lodecast extend' says what a longer run brings",
            ));
        }
        let own = || Schedule::of_run(&run);
        let Some(schedule) = self.schedule.clone().map(|option| option.schedule).or_else(own) else {
            return Err(failure(
                format!("run '{}' does not say which schedule it follows", run.id),
                "give one, for example --schedule cosine:0.01",
            ));
        };
        say_what_is_not_known(&schedule, self.schedule.is_some(), total_steps, output);
        let arrival = lodecast::arrival(&law, &run, 0, &schedule, total_steps, self.target)?;
        if output.wants_json() {
            return output.json(&arrival);
        }
        let fraction = is_fraction(metric, [arrival.last.median, self.target]);
        let value = |value: f64| metric_value(value, fraction);
        let (name, target) = (metric_name(metric), value(self.target));
        if let Some(step) = arrival.reached_at {
            output.line(format_args!("{name} {target} was reached at step {step}"))?;
        }
        output.line(format_args!(
            "under its plan it ends at {}, 68 % between {} and {}: {target} or better with probability {:.0} %",
            value(arrival.last.median),
            value(arrival.last.low_68),
            value(arrival.last.high_68),
            arrival.probability * 100.0
        ))?;
        output.line(match arrival.shortest() {
            Some(outcome) => format!(
                "the shortest length tried at which it is likelier than not: {} steps, decaying over the last fifth of what is left",
                outcome.total_steps
            ),
            None => "at no length that was tried is it likelier than not".to_owned(),
        })?;
        output.line("")?;
        let mut table = Table::new("", ["#length", "#final", "#68 %", "#reaches it"]);
        for outcome in &arrival.lengths {
            table.push([
                outcome.total_steps.to_string(),
                value(outcome.last.median),
                format!("{} to {}", value(outcome.last.low_68), value(outcome.last.high_68)),
                format!("{:.0} %", outcome.probability * 100.0),
            ]);
        }
        output.table(&table)
    }
}
