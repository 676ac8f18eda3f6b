//! `lodecast lab sharpness`: train one run, and measure the largest eigenvalues of the loss's Hessian at its end.

use anyhow::Result;
use clap::Args;
use lodecast_lab::{RunConfiguration, Sharpness, run_one};
use serde::Serialize;

use crate::options::training::RunOptions;
use crate::output::Output;
use crate::report::{Table, significant};

/// What to train and how to measure.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Number of eigenvalues, the largest first
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    top: usize,
    /// Hessian-vector products, two gradients each; more tell close eigenvalues apart [default: 10, and 5 for each further
    /// eigenvalue]
    #[arg(long, value_name = "COUNT")]
    iterations: Option<usize>,
    /// Training examples that the loss is taken over, evenly spread and the same for all runs
    #[arg(long, value_name = "COUNT", default_value_t = Sharpness::default().examples)]
    examples: usize,
    #[command(flatten)]
    run: RunOptions,
}

/// What was measured, as JSON.
#[derive(Serialize)]
struct Measured<'a> {
    run: &'a str,
    task: &'a str,
    seed: u64,
    diverged_at: Option<u64>,
    test_metric: f64,
    eigenvalues: &'a [f64],
    measurement: Sharpness,
    training_seconds: f64,
    measurement_seconds: f64,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let iterations = self.iterations.unwrap_or_else(|| Sharpness::iterations_for(self.top));
        let measurement = Sharpness { eigenvalues: self.top, iterations, examples: self.examples };
        let configuration = RunConfiguration { sharpness: Some(measurement), ..self.run.configuration()? };
        let record = run_one(&configuration)?;
        if output.wants_json() {
            return output.json(&Measured {
                run: &record.run.id,
                task: &record.task,
                seed: record.seed,
                diverged_at: record.diverged_at,
                test_metric: record.test_metric,
                eigenvalues: &record.sharpness,
                measurement,
                training_seconds: record.wall_seconds,
                measurement_seconds: record.sharpness_seconds,
            });
        }
        if let Some(step) = record.diverged_at {
            output.warn(format_args!("the run diverged at step {step}: there is nothing to measure"));
        } else {
            // Plain gradient descent is stable along an eigenvector below this rate.
            let mut table = Table::new("", ["##", "#eigenvalue", "#2 / eigenvalue"]);
            for (index, value) in record.sharpness.iter().enumerate() {
                let bound = if *value > 0.0 { significant(2.0 / value, 3) } else { "-".to_owned() };
                table.push([(index + 1).to_string(), significant(*value, 4), bound]);
            }
            output.table(&table)?;
        }
        output.say(format_args!(
            "{}, {}: {} {} on the test set; {:.2} s of training, {:.2} s of measurement",
            record.task,
            record.run.id,
            record.metric.name,
            significant(record.test_metric, 4),
            record.wall_seconds,
            record.sharpness_seconds
        ));
        Ok(())
    }
}
