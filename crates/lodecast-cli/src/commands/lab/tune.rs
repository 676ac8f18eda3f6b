//! `lodecast lab tune`: tune a task's schedule within a budget of training steps.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::tune::{Strategy, Trial, Tuner};
use lodecast_lab::tasks::TASKS;
use lodecast_lab::{FixedSchedule, Length, OptimizerKind, RunRecord, Trainable, Training};

use crate::interrupt;
use crate::options::peaks::Peaks;
use crate::options::training::Setup;
use crate::output::Output;
use crate::progress::Phase;
use crate::report::significant;

/// What to tune, and what it may cost.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Task: 'lodecast lab tasks' lists them
    #[arg(value_name = "TASK", value_parser = clap::builder::PossibleValuesParser::new(TASKS.map(|task| task.name)), hide_possible_values = true)]
    subject: String,
    /// Training steps that may be spent in all
    #[arg(long, value_name = "STEPS")]
    budget: u64,
    /// File of the study; the same command goes on where it stopped
    #[arg(short, long, value_name = "FILE", default_value = "study.json")]
    out: PathBuf,
    /// How the next run is chosen: spread, random, plain-process, averaged, confirm or half
    #[arg(long, value_name = "NAME", default_value = "spread")]
    strategy: Strategy,
    /// Seed of the search, and of its first run; the next one's is one more
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    peaks: Peaks,
    #[command(flatten)]
    setup: Setup,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let setup = Setup { task: Some(self.subject.clone()), ..self.setup.clone() };
        let task = setup.open()?;
        let length = task.length(setup.length(task.as_ref()));
        let total_steps = length.total_steps(task.train_examples());
        let (low, high) = self.peaks.range(task.as_ref(), setup.optimizer())?;
        let variation = setup.settings().variation;
        let varied = if variation.is_none() { String::new() } else { format!(", {variation}") };
        let builder = Tuner::builder(task.metric(), total_steps)
            .task(format!("{}, {}{varied}", task.name(), setup.optimizer()))
            .peaks(low, high)
            .strategy(self.strategy)
            .seed(self.seed)
            .budget(self.budget);
        let phase = Phase::start("tune", self.budget, output);
        loop {
            // A trial that an interrupted command left is trained again.
            let left = |tuner: &mut Tuner| {
                let running = tuner.running().next().cloned();
                running.map_or_else(|| tuner.ask(), |trial| Ok(Some(trial)))
            };
            let Some(trial) = builder.clone().update(&self.out, left)? else { break };
            let record = train(task.as_ref(), setup.optimizer(), length, &trial)?;
            let spent = Tuner::update(&self.out, |tuner| {
                tuner.tell(&trial.name, &record.run)?;
                Ok(tuner.committed())
            })?;
            let last = record.run.final_validation(0).unwrap_or(f64::NAN);
            phase.at(spent, format!("{}: {} {}", trial.name, task.metric().name, significant(last, 4)));
        }
        let tuner = Tuner::load(&self.out)?;
        phase.done(output, format_args!("{} runs", tuner.trials().len()));
        let recommended = tuner.recommend()?;
        if output.wants_json() {
            return output.json(&recommended);
        }
        crate::tuning::show(&recommended, tuner.settings(), output)?;
        output.say(format_args!("the study is in {}; 'lodecast tune show' shows its runs", self.out.display()));
        Ok(())
    }
}

/// Trains a trial.
fn train(task: &dyn Trainable, optimizer: OptimizerKind, length: Length, trial: &Trial) -> Result<RunRecord> {
    let examples = task.train_examples();
    let length = length.of_steps(trial.total_steps, examples);
    let cancel = Some(interrupt::flag()?);
    let training = Training { id: &trial.name, optimizer, seed: trial.seed, length, sharpness: None, cancel };
    let mut schedule = FixedSchedule::new(trial.schedule.clone(), length.total_steps(examples))?;
    Ok(task.train(&training, &mut schedule)?)
}
