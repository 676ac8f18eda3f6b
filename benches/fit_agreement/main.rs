//! Fits a model to a sweep under several seeds, of the form that `lodecast fit` takes by default, and prints the schedules that are
//! planned, each once, and how many fits led to each, as two lists in JSON: `fit_agreement SWEEP FITS`. `fit_agreement.sh` compiles it
//! against any commit.

#[cfg(builders)]
use lodecast::{BestFit, PlannerSettings, fit_best};
use lodecast::{FitOptions, Forecaster, Model, Planner, Schedule, Situation, Sweep};
#[cfg(not(builders))]
use lodecast::{FitSettings, ModelKind, fit};
use lodecast_sweep_file::{ReadOptions, read};

#[cfg(builders)]
fn fitted(sweep: &Sweep, seed: u64) -> Model {
    let mut settings = BestFit::default();
    settings.seed = seed;
    fit_best(sweep, &settings, FitOptions::default()).expect("a fit").model
}

#[cfg(not(builders))]
fn fitted(sweep: &Sweep, seed: u64) -> Model {
    let mut settings = FitSettings::new(ModelKind::Controlled);
    settings.seed = seed;
    let never = std::sync::atomic::AtomicBool::new(false);
    let options = FitOptions { progress: &mut |_| {}, interrupt: &never, checkpoint: None, resume: false };
    fit(sweep, &settings, options).expect("a fit").model
}

/// As `lodecast plan` does before the start of a run.
fn planned(model: Model, total_steps: u64) -> Schedule {
    let forecaster: Forecaster = model.into();
    #[cfg(builders)]
    let settings = PlannerSettings::default_for(&forecaster);
    #[cfg(not(builders))]
    let settings = forecaster.default_settings();
    let planner = Planner::new(forecaster, settings).expect("settings");
    let in_force = planner.forecaster().experience().best_configuration().schedule.clone();
    planner.plan(&Situation::after(&[], total_steps, &in_force)).expect("a plan").schedule
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a sweep file");
    let fits: u64 = arguments.next().map_or(5, |fits| fits.parse().expect("a number of fits"));
    let sweep = read(&path, &ReadOptions::default()).expect("a sweep");
    let total_steps = sweep.runs.iter().map(|run| run.total_steps()).max().expect("runs");
    let (mut schedules, mut counts): (Vec<Schedule>, Vec<u64>) = (Vec::new(), Vec::new());
    for seed in 0..fits {
        let schedule = planned(fitted(&sweep, seed), total_steps);
        if let Some(known) = schedules.iter().position(|known| *known == schedule) {
            counts[known] += 1;
        } else {
            schedules.push(schedule);
            counts.push(1);
        }
    }
    println!("{}", serde_json::to_string(&schedules).expect("a list"));
    println!("{}", serde_json::to_string(&counts).expect("a list"));
}
