//! `lodecast follow`: a run under way, its rest decided upon as it goes, and its learning rates in a file that the training reads.

mod places;
mod tell;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use lodecast::{Metric, Model, Replan};
use lodecast_import::{ImportOptions, Limits, MlflowRun, Stop, ValidationChoice, Wanted, format_named, warning};
use lodecast_live::{
    Follower, FollowerOptions, JsonLinesLog, LiveRun, LogBack, MlflowLog, STATE, TensorBoardLog, WatchOptions, beside,
    sentence,
};

use self::tell::{Told, tell, warn};
use crate::failure::{failure, misuse};
use crate::interrupt;
use crate::model_input;
use crate::options::fraction::{stride, value};
use crate::options::planner::PlannerOptions;
use crate::options::schedule::ScheduleOption;
use crate::options::sweep;
use crate::output::Output;

const COLUMNS: &str = "Columns (without them the usual names are looked for, and what was chosen is said)";
/// What to do where there is nothing to learn from.
const REMEDY: &str = "name runs of the same training that are over with --runs, or a model file with --model";
/// Looks whether it is time to end come so often.
const PATIENCE: Duration = Duration::from_millis(100);

/// Which run, and where its rates go.
#[derive(Args, Debug)]
#[command(
    after_help = "The training reads the rates with lodecast.Follow(\"rates.json\") or lodecast.torch.FollowLR in Python, with \
                        lodecast_live::Rates in Rust, or as JSON."
)]
pub(crate) struct Arguments {
    /// File, folder or address of the log that the training writes; it need not be there yet
    #[arg(value_name = "SOURCE")]
    source: String,
    /// File of the rates; its state is kept beside it
    #[arg(short, long, value_name = "FILE", default_value = "rates.json")]
    out: PathBuf,
    /// Model file; or runs, to which the law is fitted on the spot [default: the runs beside SOURCE]
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Runs to which the law is fitted on the spot
    #[arg(long, value_name = "RUNS", conflicts_with = "model")]
    runs: Option<PathBuf>,
    /// Id of the run, or the name that its tracker shows, where the log holds several
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Format of the log, if it is not to be recognised: 'lodecast import --help' lists them
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Planned length of the run, if its log does not say it
    #[arg(long, value_name = "STEPS")]
    total_steps: Option<u64>,
    /// Schedule before anything is decided: FAMILY:PEAK, FAMILY:PEAK:WARMUP, or a JSON or sweep file [default: the run's own, else
    /// the sweep's best]
    #[arg(long, value_name = "SCHEDULE")]
    in_force: Option<ScheduleOption>,
    /// Decide whenever the run has come this fraction of its length farther [default: the measured moments]
    #[arg(long, value_name = "FRACTION", value_parser = stride)]
    replan_every: Option<f64>,
    /// Announce a change so many steps ahead [default: as many as pass between two looks]
    #[arg(long, value_name = "STEPS")]
    lead: Option<u64>,
    /// Seed of the candidates
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Look at the log after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    every: f64,
    /// Look once, write the rates and end
    #[arg(long)]
    once: bool,
    /// Also log what is decided: into a file .jsonl, a folder of TensorBoard's event files, or a run of MLflow by the
    /// address of its page, which ends in /runs/ID
    #[arg(long, value_name = "PLACE")]
    log_back: Vec<String>,
    /// What the run should end at: a warning says when it hardly will
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true, value_parser = value)]
    target: Option<f64>,
    /// Also show the run on a page of this machine: 127.0.0.1:PORT
    #[cfg(feature = "page")]
    #[arg(long, value_name = "ADDRESS")]
    page: Option<std::net::SocketAddr>,
    /// Series of the model's metric, where it goes by another name; with its better direction, which the law is fitted to
    #[arg(long = "val", value_name = "NAME:max|min", help_heading = COLUMNS)]
    metric: Option<Metric>,
    /// Series of the train loss
    #[arg(long, value_name = "NAME", help_heading = COLUMNS)]
    loss: Option<String>,
    /// Series of the learning rate
    #[arg(long, value_name = "NAME", help_heading = COLUMNS)]
    lr: Option<String>,
    /// Column or series that counts the optimizer steps
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    step: Option<String>,
    /// Column that names the run, in tables with several
    #[arg(long, value_name = "COLUMN", help_heading = COLUMNS)]
    run_column: Option<String>,
    /// Series of the epoch's number, by which series that count epochs are put among the steps
    #[arg(long, value_name = "NAME", help_heading = COLUMNS)]
    epoch: Option<String>,
    /// Optimizer steps of an epoch, where no series tells the epoch of a step
    #[arg(long, value_name = "COUNT", help_heading = COLUMNS, value_parser = clap::value_parser!(u64).range(1..))]
    steps_per_epoch: Option<u64>,
    /// Experiment, study or project that the run belongs to, where a store holds several
    #[arg(long, value_name = "NAME", help_heading = COLUMNS)]
    collection: Option<String>,
    #[command(flatten)]
    planner: PlannerOptions,
}

/// A number of seconds.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.05..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("give a number of seconds between 0.05 and 86400".to_owned()),
    }
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let interrupted = interrupt::flag()?;
        places::check_out(&self.out, &self.source)?;
        let model = self.model(output)?;
        self.planner.check(std::iter::once(&model))?;
        let options = self.options(&model, output)?;
        let mut follower = Follower::open(model, options)?;
        let mut told = Told::default();
        #[cfg(feature = "page")]
        let page = self.page(output)?;
        loop {
            let looked = follower.look()?;
            #[cfg(feature = "page")]
            if let (Some(page), Some(run)) = (&page, follower.run()) {
                page.show(run, follower.points(), looked.absent.as_deref());
            }
            tell(&looked, &follower, &mut told, output)?;
            warn(&follower, &mut told, output)?;
            if let Some(reason) = looked.unwritten.as_ref().filter(|_| self.once) {
                return Err(failure(reason, "make room on the disk, or name another file with -o"));
            }
            if looked.finished {
                let end =
                    follower.run().map_or_else(String::new, |run| format!(": {}", sentence(run, follower.points())));
                output.say(format_args!("the run is at its planned end{end}"));
                return Ok(());
            }
            if self.once {
                return match (follower.run().and_then(LiveRun::rates_file), looked.absent) {
                    (None, Some(absent)) => Err(failure(absent, "give --total-steps to plan before the log is there")),
                    _ => Ok(()),
                };
            }
            let looked_at = Instant::now();
            while looked_at.elapsed() < Duration::from_secs_f64(self.every) {
                if interrupted.load(Ordering::Relaxed) {
                    return Err(lodecast_live::Error::Interrupted.into());
                }
                sleep(PATIENCE.min(Duration::from_secs_f64(self.every)));
            }
        }
    }

    #[cfg(feature = "page")]
    fn page(&self, output: &mut Output) -> Result<Option<lodecast_live::Page>> {
        let page = self.page.map(lodecast_live::Page::open).transpose()?;
        if let Some(page) = &page {
            output.say(format_args!("the run is shown at http://{}", page.address()));
        }
        Ok(page)
    }

    /// The model: from its file, or fitted to runs, and then kept beside the rates, so that the same one goes on deciding.
    fn model(&self, output: &mut Output) -> Result<Model> {
        let columns = sweep::Columns {
            metrics: self.metric.iter().cloned().collect(),
            run: self.run_column.clone(),
            step: self.step.clone(),
            loss: self.loss.clone(),
            lr: self.lr.clone(),
        };
        let given = self.model.as_deref().or(self.runs.as_deref());
        if let Some(path) = given.filter(|path| model_input::is_model(path)) {
            return model_input::model(path, &columns, output);
        }
        let kept = beside(&self.out, ".lode");
        if kept.exists() && beside(&self.out, STATE).exists() {
            output.say(format_args!("goes on with the law of {}", kept.display()));
            return Ok(Model::load(&kept)?);
        }
        let source = Path::new(&self.source);
        let runs = given.map(Path::to_owned).or_else(|| {
            let folder = source.parent().filter(|_| !self.source.contains("://"))?;
            Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
        });
        let Some(runs) = runs else {
            return Err(misuse("with which model? No runs lie beside an address", REMEDY));
        };
        let model = self.fitted(&runs, given.is_some(), &columns, output)?;
        model.save(&kept)?;
        Ok(model)
    }

    /// The law fitted to `runs` without the one that is followed: of a run under way nothing is to be learned about its end.
    fn fitted(&self, runs: &Path, given: bool, columns: &sweep::Columns, output: &mut Output) -> Result<Model> {
        if !runs.exists() {
            return model_input::model(runs, columns, output);
        }
        let mut sweep = model_input::runs(runs, columns, output).map_err(|error| {
            if given {
                error
            } else {
                failure(format!("no runs to learn from lie beside {}: {error}", self.source), REMEDY)
            }
        })?;
        let before = sweep.runs.len();
        sweep.runs.retain(|run| !self.is_followed(&run.id, runs));
        if sweep.runs.len() < before {
            output.say("the run that is followed is left out of those that are learned from");
        }
        if sweep.runs.is_empty() {
            return Err(failure(
                format!("{}: there are no runs besides the one that is followed", runs.display()),
                REMEDY,
            ));
        }
        model_input::fitted_to(&sweep, runs, columns, output)
    }

    /// Is a run of that id, among those at `runs`, the one that is followed?
    fn is_followed(&self, id: &str, runs: &Path) -> bool {
        let (Ok(source), Ok(runs)) = (Path::new(&self.source).canonicalize(), runs.canonicalize()) else {
            return false;
        };
        let is_at = |place: &str| id == place || id.strip_prefix(place).is_some_and(|below| below.starts_with('/'));
        match source.strip_prefix(&runs) {
            Ok(place) if place.as_os_str().is_empty() => {
                self.run.as_ref().is_some_and(|run| id == run || id.ends_with(&format!("/{run}")))
            }
            // A file's run goes by its name without the ending.
            Ok(place) => {
                [place.to_path_buf(), place.with_extension("")].iter().any(|place| place.to_str().is_some_and(is_at))
            }
            Err(_) => false,
        }
    }

    fn options(&self, model: &Model, output: &mut Output) -> Result<FollowerOptions> {
        let interrupted = interrupt::flag()?;
        let limits = Limits { stop: Stop::when(move || interrupted.load(Ordering::Relaxed)), ..Limits::default() };
        if let Ok(source) = lodecast_import::Source::open(&self.source, &limits)
            && let Some(warning) = warning(&source)
        {
            output.warn(warning);
        }
        let validation = self
            .metric
            .iter()
            .map(|metric| ValidationChoice { name: metric.name.clone(), direction: Some(metric.direction) });
        let options = ImportOptions {
            limits,
            loss: self.loss.clone(),
            learning_rate: self.lr.clone(),
            validation: validation.collect(),
            epoch: self.epoch.clone(),
            steps_per_epoch: self.steps_per_epoch,
            wanted: Wanted {
                collection: self.collection.clone(),
                run_column: self.run_column.clone(),
                step_column: self.step.clone(),
                ..Wanted::default()
            },
            ..ImportOptions::default()
        };
        let watch = WatchOptions {
            place: self.source.clone(),
            format: self.format.as_deref().map(format_named).transpose()?,
            run: self.run.clone(),
            options,
        };
        let planner = self.planner.planner(model.clone())?;
        Ok(FollowerOptions {
            watch,
            out: self.out.clone(),
            total_steps: self.total_steps,
            in_force: self.in_force.as_ref().map(|option| option.schedule.clone()),
            seed: self.seed,
            replan: self.replan_every.map(|every| Replan::every(every, planner.forecaster())),
            planner: Some(planner.settings()),
            lead: self.lead,
            target: self.target,
            log_back: self.log_back.iter().map(|place| self.log_back(place)).collect::<Result<_>>()?,
        })
    }

    fn log_back(&self, place: &str) -> Result<Box<dyn LogBack>> {
        if place.contains("://") {
            return Ok(Box::new(MlflowLog::new(MlflowRun::at(place, &Limits::default())?)));
        }
        places::check_log_back(place, &self.source, &self.out)?;
        Ok(if places::is_json_lines(Path::new(place)) {
            Box::new(JsonLinesLog::new(place))
        } else {
            Box::new(TensorBoardLog::new(place))
        })
    }
}
