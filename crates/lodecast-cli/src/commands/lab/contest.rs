//! `lodecast lab contest`: whole tuning pipelines side by side.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast_lab::tasks::TASKS;
use lodecast_lab::{ContestConfiguration, PickRule, RunRecord, Search, contest};

use crate::figures::contest::View;
use crate::options::jobs::Jobs;
use crate::options::peaks::Peaks;
use crate::options::training::Setup;
use crate::output::Output;
use crate::progress::Phase;
use crate::report;
use crate::studies::directory::StudyDirectory;
use crate::studies::estimate;
use crate::studies::training::with_progress;

/// What to compare, how often, and on what.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Task: 'lodecast lab tasks' lists them
    #[arg(value_name = "TASK", value_parser = clap::builder::PossibleValuesParser::new(TASKS.map(|task| task.name)), hide_possible_values = true)]
    subject: String,
    /// Budgets, each the steps of so many runs of the full length; searches are nested
    #[arg(long, value_delimiter = ',', value_name = "RUNS", default_value = "6,12,24")]
    budgets: Vec<u64>,
    /// Whole pipelines of each search
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pipelines: u64,
    /// Fresh seeds that each pick is trained under
    #[arg(long, value_name = "COUNT", default_value_t = 12)]
    seeds: u64,
    #[arg(long, value_delimiter = ',', value_name = "NAMES", default_value = "random,spread,plain-process,averaged", help = searches())]
    searches: Vec<Search>,
    #[arg(long, value_delimiter = ',', value_name = "NAMES", default_value = "best-run,plain-process,ours", help = picks())]
    picks: Vec<PickRule>,
    #[command(flatten)]
    peaks: Peaks,
    /// Directory for the results, made if it is not there; the same command goes on where it stopped, and one with more
    /// pipelines, budgets, searches or seeds takes the runs that are there
    #[arg(short, long, value_name = "DIR", default_value = "contest")]
    out: PathBuf,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    jobs: Jobs,
}

fn searches() -> String {
    let names: Vec<&str> = Search::all().iter().map(Search::name).collect();
    format!("How runs are chosen, the one to compare the others with first: {}", names.join(", "))
}

fn picks() -> String {
    let names: Vec<&str> = PickRule::all().iter().map(PickRule::name).collect();
    format!("How a schedule is taken from them: {}", names.join(", "))
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let setup = Setup { task: Some(self.subject.clone()), ..self.setup.clone() };
        let task = setup.open()?;
        let configuration = ContestConfiguration {
            task: task.name().to_owned(),
            optimizer: setup.optimizer(),
            length: setup.length(task.as_ref()),
            peaks: self.peaks.range(task.as_ref(), setup.optimizer())?,
            budgets: self.budgets.clone(),
            pipelines: self.pipelines,
            seeds: self.seeds,
            searches: self.searches.clone(),
            picks: self.picks.clone(),
        };
        let directory = StudyDirectory::create(&self.out)?;
        let journal = directory.file("contest.journal");
        let most = self.budgets.iter().max().copied().unwrap_or(0);
        let picked = (self.budgets.len() * self.picks.len()) as u64 * self.seeds;
        let total = (self.searches.len() as u64 * self.pipelines * (most + picked)) as usize;
        estimate::announce(task.as_ref(), setup.optimizer(), configuration.length, total, self.jobs, &journal, output);
        let phase = Phase::start("contest", total as u64, output);
        let latest = |record: &RunRecord| format!("{}: {}", record.run.id, report::significant(record.test_metric, 4));
        let outcome = with_progress(&phase, self.jobs, &journal, latest, |execution| {
            contest(task.as_ref(), &configuration, execution)
        })?;
        phase.done(output, format_args!("{} rows", outcome.rows.len()));
        directory.write_json("contest.json", &outcome)?;
        let view = View::new(&outcome);
        directory.write_text("contest.html", &view.report().to_html())?;
        if output.wants_json() {
            return output.json(&outcome);
        }
        output.table(&view.rows())?;
        output.line("")?;
        output.table(&view.differences())?;
        output.say(format_args!("report: {}", directory.file("contest.html").display()));
        Ok(())
    }
}
