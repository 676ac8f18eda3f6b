//! What is kept of a sweep for the planners.

use crate::plan_models::{PEAKS, TOTAL_STEPS, run, sweep};
use lodecast::{Direction, Error, Experience, Family, Metric, Point, Run, Schedule, Sweep};

/// Cosine at 0.1 is best, other cosines and the constant at 0.03 are near, the rest is far.
fn quality(family: Family, peak: f64) -> f64 {
    match (family, peak) {
        (Family::Cosine, 0.1) => 0.90,
        (Family::Cosine | Family::Constant, 0.03) => 0.89,
        _ => 0.5,
    }
}

#[test]
fn schedules_are_recognised_and_the_best_is_the_sweeps_best() {
    let sweep = sweep(quality);
    let experience = Experience::from_sweep(&sweep, 0).expect("a usable sweep");
    assert_eq!(experience.configurations.len(), 8);
    for (index, configuration) in experience.configurations.iter().enumerate() {
        let family = if index < 4 { Family::Constant } else { Family::Cosine };
        assert_eq!(configuration.schedule, Schedule::parametric(family, PEAKS[index % 4]));
        assert_eq!((configuration.runs, configuration.diverged), (2, 0.0));
    }
    let (name, mean, _) = sweep.best_configuration(0).expect("a best one");
    let best = experience.best_configuration();
    assert_eq!((&best.name, best.final_metric), (&name, mean));
}

#[test]
fn ranges_are_those_of_sound_and_of_good_runs() {
    let experience = Experience::from_sweep(&sweep(quality), 0).expect("a usable sweep");
    // The last point of a cosine has the rate zero, which is no rate; the one before is at 98 % of the run.
    let last = |peak: f64| Schedule::cosine(peak).learning_rate(0.98);
    assert_eq!(experience.learning_rates.highest, 0.3);
    assert!((experience.learning_rates.lowest / last(0.01) - 1.0).abs() < 1e-12);
    assert_eq!(experience.good_learning_rates.highest, 0.1);
    assert!((experience.good_learning_rates.lowest / last(0.03) - 1.0).abs() < 1e-12);
    assert!((experience.negligible_rate - 1e-4).abs() < 1e-15);
}

#[test]
fn a_run_that_diverged_is_evidence_against_its_configuration_but_bounds_nothing() {
    let mut sweep = sweep(quality);
    for id in ["cosine-0.1-0", "constant-0.3-0", "constant-0.3-1", "cosine-0.3-0", "cosine-0.3-1"] {
        let run = sweep.runs.iter_mut().find(|run| run.id == id).expect("a run of the sweep");
        let (exploded, lost) = (run.steps()[19], run.steps()[20]);
        run.change_points(0, |point| match point.step {
            step if step == exploded => point.train_loss(1e30),
            step if step >= lost => point.train_loss(f64::NAN),
            _ => point,
        });
    }
    let experience = Experience::from_sweep(&sweep, 0).expect("a usable sweep");
    let cosine = experience.configurations.iter().find(|c| c.schedule == Schedule::cosine(0.1)).expect("kept");
    assert_eq!(cosine.diverged, 0.5);
    assert!((cosine.final_metric - 0.5 * (0.90 + 0.5)).abs() < 1e-12, "the other half counts as the worst");
    assert_eq!(experience.learning_rates.highest, 0.1);
    assert_eq!(experience.good_learning_rates.highest, 0.03);
    let seen = experience.seen.train_loss.iter().flatten().map(|band| band.highest).fold(f64::MIN, f64::max);
    assert!(seen < 1.0, "an exploding loss is not what runs look like: {seen}");
}

#[test]
fn unknown_schedules_are_the_mean_recorded_rate() {
    let mut sweep = sweep(quality);
    for run in &mut sweep.runs {
        // One sweep forgot its attributes, another one lies: its rates are a tenth of what they are said to be.
        if run.id.starts_with("cosine") {
            run.attributes.schedule = None;
        } else {
            run.change_points(0, |point| Point { learning_rate: point.learning_rate.map(|rate| 0.1 * rate), ..point });
        }
    }
    let experience = Experience::from_sweep(&sweep, 0).expect("a usable sweep");
    assert_eq!(experience.configurations.len(), 8);
    for configuration in &experience.configurations {
        let Schedule::PiecewiseLinear { knots } = &configuration.schedule else {
            panic!("not recorded: {configuration:?}")
        };
        assert!(knots.len() <= 64);
        let named = sweep.runs.iter().zip(sweep.configuration_names());
        let runs = named.filter(|(_, name)| *name == configuration.name).map(|(run, _)| run);
        for (point, total) in runs.flat_map(|run| run.points(0).map(|point| (point, run.total_steps()))) {
            let (rate, recorded) =
                (configuration.schedule.at_step(point.step, total), point.learning_rate.expect("recorded"));
            assert!((rate - recorded).abs() <= 0.02 * recorded + 1e-5, "{rate} instead of {recorded}");
        }
    }
}

#[test]
fn surprise_is_distance_outside_what_was_seen() {
    let experience = Experience::from_sweep(&sweep(quality), 0).expect("a usable sweep");
    let at = |step: u64, loss: f64| {
        experience.seen.surprise(&[Point::new(step).train_loss(loss)], TOTAL_STEPS).train_loss.expect("compared")
    };
    assert_eq!(at(500, 2.0 * (-1.0f64).exp()), 0.0);
    assert!(at(500, 2.0) > 3.0, "as at the start: {}", at(500, 2.0));
    assert!(at(500, 1e-6) > 3.0, "too good to be true");
    assert_eq!(experience.seen.surprise(&[], TOTAL_STEPS).train_loss, None);
    let nothing = experience.seen.surprise(&[Point::new(3), Point::new(9).train_loss(f64::NAN)], TOTAL_STEPS);
    assert_eq!(nothing, lodecast::Surprise::default());
}

#[test]
fn it_survives_a_file() {
    let experience = Experience::from_sweep(&sweep(quality), 0).expect("a usable sweep");
    let text = serde_json::to_string(&experience).expect("plain data");
    assert_eq!(serde_json::from_str::<Experience>(&text).expect("its own text"), experience);
}

#[test]
fn sweeps_that_teach_nothing_say_why() {
    let reason = |sweep: &Sweep| {
        let error = Experience::from_sweep(sweep, 0).expect_err("unusable");
        assert!(matches!(error, Error::Sweep { .. }));
        error.to_string()
    };
    assert!(reason(&Sweep::default()).contains("no such validation metric"));
    let of = |runs: Vec<Run>| Sweep { metrics: vec![Metric::new("accuracy", Direction::Max)], runs };
    assert!(reason(&of(Vec::new())).contains("no run measured"));
    let constant = || run("run", &Schedule::constant(0.1), 0.9);
    let mut diverged = constant();
    diverged.change_points(0, |point| point.train_loss(if point.step < 30 { 1.0 } else { f64::INFINITY }));
    assert!(reason(&of(vec![diverged])).contains("without diverging"));
    let mut unknown = constant();
    unknown.change_points(0, |point| Point { learning_rate: None, ..point });
    assert!(reason(&of(vec![unknown])).contains("no run recorded a positive learning rate"));
    assert!(Experience::from_sweep(&of(vec![constant()]), 0).is_ok(), "one run is little, but something");
}

#[test]
fn the_better_direction_decides() {
    let mut sweep = sweep(quality);
    sweep.metrics[0].direction = Direction::Min;
    let experience = Experience::from_sweep(&sweep, 0).expect("a usable sweep");
    assert_eq!(experience.best_configuration().final_metric, 0.5);
}
