//! What is known before the first run, in place of a model or runs.

use anyhow::Result;
use clap::Args;
use lodecast::{Direction, LawModel, Metric, Model, PriorKnowledge};

use crate::failure::misuse;
use crate::output::Output;

/// Heading of these options in help texts.
const HEADING: &str = "Without any run";

/// What is known before the first run.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PriorOptions {
    /// A learning rate that worked, for this network or one like it: plan from it, where there is no run yet
    #[arg(long, value_name = "RATE", conflicts_with_all = ["model", "run"], help_heading = HEADING)]
    pub learning_rate: Option<f64>,
    /// The metric of an untrained network
    #[arg(long, value_name = "VALUE", requires = "learning_rate", allow_negative_numbers = true, help_heading = HEADING)]
    pub start: Option<f64>,
    /// Number of classes, which says the metric of an untrained network: ln(CLASSES) of a loss, 1/CLASSES of an accuracy
    #[arg(long, value_name = "CLASSES", requires = "learning_rate", conflicts_with = "start", help_heading = HEADING)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..))]
    pub classes: Option<u32>,
    /// The final value to be expected, if anything is known of it
    #[arg(long, value_name = "VALUE", requires = "learning_rate", allow_negative_numbers = true, help_heading = HEADING)]
    pub expected: Option<f64>,
}

impl PriorOptions {
    /// The model that knows this alone, of runs of `total_steps`.
    pub(crate) fn model(
        &self,
        learning_rate: f64,
        total_steps: Option<u64>,
        metrics: &[Metric],
        output: &mut Output,
    ) -> Result<Model> {
        let total_steps = total_steps.ok_or_else(|| {
            misuse("nothing says how long the run will be", "give its length in optimizer steps: --total-steps STEPS")
        })?;
        let metric = metrics.first().cloned().unwrap_or_else(|| {
            let metric = Metric::new("val_loss", Direction::Min);
            output.say(format_args!("the metric is taken to be {metric}; --val NAME:max or NAME:min says another"));
            metric
        });
        let of_classes = |classes: u32| match metric.direction {
            Direction::Min => f64::from(classes).ln(),
            Direction::Max => f64::from(classes).recip(),
        };
        let start = self.start.or(self.classes.map(of_classes)).ok_or_else(|| {
            misuse(
                format!("nothing says what {} an untrained network has", metric.name),
                "give it: --start VALUE, or --classes CLASSES",
            )
        })?;
        let mut knowledge = PriorKnowledge::new(learning_rate, total_steps, start);
        knowledge.expected = self.expected;
        Ok(LawModel::before_any_run(&metric, &knowledge)?.into())
    }
}
