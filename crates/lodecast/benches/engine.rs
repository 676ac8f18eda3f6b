//! How fast the engine is: fit steps, whole fits, forecasts and plans, at the sizes of the reference's benchmark.
//!
//! `cargo bench -p lodecast`. Before the timings, the work and the fraction of the machine's peak are printed.

#![allow(clippy::print_stderr)]

#[path = "../tests/engine/toy_sweep.rs"]
mod toy_sweep;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use lodecast::instrument::{FitSteps, controlled_fit_steps, peak_operations, reference_fit_steps};
use lodecast::{
    ControlledSettings, Direction, FitOptions, FitSettings, Forecaster, Metric, Model, ModelKind, Planner, Point,
    Schedule, Situation, Sweep, fit,
};

fn fit_steps(criterion: &mut Criterion) {
    let peak = peak_operations() * rayon::current_num_threads() as f64;
    let mut group = criterion.benchmark_group("fit step");
    group.sample_size(20).measurement_time(Duration::from_secs(4));
    let cases = [
        // The reference's benchmark: batch 64, hidden = latent = width = 20, two hidden layers, whole runs, tolerance 1e-5.
        ("paper, T = 100", 100, reference_fit_steps as fn(&Sweep, u64) -> FitSteps),
        ("paper, T = 600", 600, reference_fit_steps),
        ("controlled, T = 100", 100, controlled_fit_steps),
    ];
    for (name, points, steps) in cases {
        let sweep = toy_sweep::sweep(4, points);
        let once = steps(&sweep, 20);
        let rate = once.operations * 20.0 / once.elapsed.as_secs_f64();
        eprintln!(
            "{name}: {:.0} MFLOP a step in matrix products, {:.1} accepted ODE steps a trajectory, {:.0} % of the peak of {:.0} GFLOP/s",
            once.operations / 1e6,
            once.accepted,
            100.0 * rate / peak,
            peak / 1e9
        );
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| steps(&sweep, count).elapsed);
        });
    }
    group.finish();
}

fn fitted(kind: ModelKind, iterations: u64) -> Model {
    let settings = FitSettings::new(kind).with_training(|training| {
        training.iterations = iterations;
    });
    fit(&toy_sweep::sweep(2, 100), &settings, FitOptions::default()).expect("a usable sweep").model
}

fn plans(criterion: &mut Criterion) {
    let observed: Vec<Point> = toy_sweep::run("new", &Schedule::cosine(0.5), 3, 100, 500).points(0).take(30).collect();
    let Model::Paper(latent) = fitted(ModelKind::Paper, 200) else { return };
    let latents: Vec<Vec<f64>> = {
        let latent = latent.encode(0, &observed, 500).expect("points");
        (0..30).map(|k| latent.iter().map(|z| z * (1.0 + 0.01 * f64::from(k))).collect()).collect()
    };
    let progress: Vec<f64> = (0..1200).map(|k| f64::from(k) / 600.0).collect();
    let one_core = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    criterion.bench_function("latent ODE: 30 candidates x 1,200 points, one core", |bencher| {
        bencher.iter(|| one_core.install(|| black_box(latent.decode(0, &latents, &progress))));
    });
    let Model::Controlled(controlled) = fitted(ModelKind::Controlled, 200) else { return };
    let schedules: Vec<Schedule> = (0..500)
        .map(|k| {
            let rate = |j: i32| 0.1 * (1.0 + 0.002 * f64::from(k)) * 0.7f64.powi(j + (j * k) % 3);
            Schedule::piecewise_linear((0..7).map(|j| (0.3 + 0.7 * f64::from(j) / 6.0, rate(j)))).expect("knots")
        })
        .collect();
    criterion.bench_function("controlled: 500 schedules x 5 models", |bencher| {
        bencher.iter(|| black_box(controlled.final_rewards(&observed, 500, 0.3, &schedules)));
    });
    let in_force = Schedule::cosine(0.5);
    let planner =
        Planner::new(Forecaster::controlled(controlled), ControlledSettings::default()).expect("usable settings");
    criterion.bench_function("controlled: a replan, default settings", |bencher| {
        bencher.iter(|| black_box(planner.plan(&Situation::after(&observed, 500, &in_force)).expect("a plan")));
    });
}

/// What a law's first plan takes, the law being there: the pick among 2,500 shapes and the schedules that were measured.
fn picks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("law: a first plan");
    group.sample_size(20);
    for runs in [24, 500, 10_000] {
        let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
        for k in 0..runs {
            // Warm up, hold and anneal by the golden ratio and its powers, so that no two runs are alike.
            let part = |power: i32| (f64::from(k) * 0.618_033_988_749_895_f64.powi(power)).fract();
            let (peak, warmup, hold) = (0.1 * 16f64.powf(part(1)), 0.3 * part(2), 0.35 + 0.6 * part(3));
            let knots = [(0.0, 0.1 * peak), (0.01 + warmup, peak), (hold, peak), (1.0, 0.1 * peak * part(4))];
            let schedule = Schedule::piecewise_linear(knots).expect("knots");
            sweep.runs.push(toy_sweep::run(&k.to_string(), &schedule, k as u64 + 1, 50, 250));
        }
        let settings = FitSettings::new(ModelKind::Law);
        let Model::Law(law) = fit(&sweep, &settings, FitOptions::default()).expect("a usable sweep").model else {
            return;
        };
        let planner =
            Planner::new(Forecaster::controlled(law), ControlledSettings::default()).expect("usable settings");
        let in_force = Schedule::cosine(0.5);
        group.bench_function(format!("{runs} runs"), |bencher| {
            bencher.iter(|| black_box(planner.plan(&Situation::after(&[], 250, &in_force)).expect("a plan")));
        });
    }
    group.finish();
}

fn whole_fit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fit");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    let sweep = toy_sweep::sweep(5, 100);
    group.bench_function("controlled x 5, 100 runs x 100 points, 100 iterations", |bencher| {
        bencher.iter(|| {
            let settings = FitSettings::new(ModelKind::Controlled).with_training(|training| {
                training.iterations = 100;
            });
            black_box(fit(&sweep, &settings, FitOptions::default()).expect("a usable sweep"));
        });
    });
    group.finish();
}

criterion_group!(benches, fit_steps, plans, picks, whole_fit);
criterion_main!(benches);
