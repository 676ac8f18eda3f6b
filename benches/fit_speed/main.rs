//! Fits a network to parts of a sweep and forecasts what neither the fit nor its choice of checkpoint has seen: `fit_speed SWEEP
//! [SEED]`. Prints seconds, by the clock and of processor time, and errors. `fit_speed.sh` compiles it against any commit.

use std::collections::BTreeMap;
use std::time::Instant;

use lodecast::{FitOptions, FitSettings, Model, ModelKind, Point, Run, Schedule, Sweep, fit};
use lodecast_sweep_file::{ReadOptions, read};

/// Parts of a configuration's runs that are seen before its forecast.
const SEEN: [f64; 3] = [0.0, 0.1, 0.25];
const FOLDS: usize = 5;

fn fitted(sweep: &Sweep, seed: u64) -> (Model, [f64; 2]) {
    let mut settings = FitSettings::new(ModelKind::Controlled);
    #[cfg(builders)]
    {
        settings = settings.with_training(|training| training.seed = seed);
    }
    #[cfg(not(builders))]
    {
        settings.seed = seed;
    }
    let begun = (Instant::now(), processor_time());
    #[cfg(builders)]
    let options = FitOptions::default();
    #[cfg(not(builders))]
    let never = std::sync::atomic::AtomicBool::new(false);
    #[cfg(not(builders))]
    let options = FitOptions { progress: &mut |_| {}, interrupt: &never, checkpoint: None, resume: false };
    let model = fit(sweep, &settings, options).expect("a fit").model;
    (model, [begun.0.elapsed().as_secs_f64(), processor_time() - begun.1])
}

/// The configuration of a run, by its curve of rates.
fn configuration(run: &Run) -> String {
    run.points(0).filter_map(|point| point.learning_rate).fold(String::new(), |key, rate| key + &format!("{rate:e} "))
}

fn error(model: &Model, run: &Run, seen: f64) -> f64 {
    let length = run.total_steps();
    let knots = run.points(0).filter_map(|point| Some((point.step as f64 / length as f64, point.learning_rate?)));
    let schedule = Schedule::piecewise_linear(knots).expect("the rates it had");
    let until = (seen * length as f64) as u64;
    let observed: Vec<Point> = run.points(0).take_while(|point| point.step <= until).collect();
    let forecast = model.forecast(&observed, length, Some(&schedule)).expect("a forecast");
    (forecast.final_validation.mean - run.final_validation(0).unwrap_or(0.0)).abs()
}

/// Processor time of this program so far, in seconds: other work on the machine does not lengthen it.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// As many runs of 1,000 points each.
fn dense(runs: usize) -> Sweep {
    let mut sweep = Sweep::new(vec!["accuracy:max".parse().expect("a metric")]);
    for number in 0..runs {
        let mut run = Run::new(format!("run {number}"), 1);
        let (peak, mut area) = (0.05 * 3f64.powi(number as i32), 0.0);
        for step in 1..=1000u64 {
            let rate = peak * 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / 1000.0).cos());
            area += rate / 100.0;
            let loss = 0.1 + 2.0 / (1.0 + 4.0 * area) + 0.3 * rate;
            let accuracy = if step % 50 == 0 { Some(1.0 - 0.4 * loss) } else { None };
            run.push(step, Some(loss), Some(rate), &[accuracy]).expect("steps increase");
        }
        run.attributes.total_steps = Some(1000);
        sweep.runs.push(run);
    }
    sweep
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a sweep file");
    let seed: u64 = arguments.next().map_or(0, |seed| seed.parse().expect("a seed"));
    let sweep = read(&path, &ReadOptions::default()).expect("a sweep");
    let mut configurations: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, run) in sweep.runs.iter().enumerate() {
        configurations.entry(configuration(run)).or_default().push(index);
    }
    let (mut seconds, mut errors) = ([0.0; 2], [0.0; SEEN.len()]);
    for fold in 0..FOLDS {
        let is_held_out = |number: usize| (number + seed as usize) % FOLDS == fold;
        let part = |wanted: bool| {
            configurations
                .values()
                .enumerate()
                .filter(move |(number, _)| is_held_out(*number) == wanted)
                .flat_map(|(_, runs)| runs)
        };
        let mut learned = Sweep::new(sweep.metrics.clone());
        learned.runs = part(false).map(|&run| sweep.runs[run].clone()).collect();
        let (model, taken) = fitted(&learned, seed);
        seconds = [seconds[0] + taken[0], seconds[1] + taken[1]];
        for &run in part(true) {
            for (sum, seen) in errors.iter_mut().zip(SEEN) {
                *sum += error(&model, &sweep.runs[run], seen) / sweep.runs.len() as f64;
            }
        }
    }
    let (_, three) = fitted(&dense(3), seed);
    println!("{FOLDS} fits: {seconds:.1?} s; errors: {errors:.4?}; three runs of 1,000 points: {three:.1?} s");
}
