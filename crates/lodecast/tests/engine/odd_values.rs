//! Sweeps with a few values that cannot be, runs that show nothing, and schedules under which everything diverged: what they say
//! of the others is nothing.

use lodecast::{
    BestFit, ControlledSettings, Direction, Error, Experience, FitOptions, FitSettings, Forecaster, LawSettings,
    Metric, Model, ModelKind, Origin, Planner, Point, Run, Schedule, Situation, SuggestionSettings, Sweep, Verdict,
    fit, fit_best, suggest,
};

const TOTAL_STEPS: u64 = 1000;

/// A run whose metric is what `metric` makes of a loss that falls faster under a higher rate.
fn run(number: u32, metric: impl Fn(f64) -> f64) -> Run {
    let peak = 0.01 * 10f64.powf(f64::from(number) / 6.0);
    let schedule = Schedule::cosine(peak);
    let mut area = 0.0;
    let points = (1..=50u64).map(|k| {
        let rate = schedule.learning_rate(k as f64 / 50.0);
        area += rate / 50.0;
        let loss = 0.15 + 2.0 / (1.0 + 30.0 * area) + 0.25 * peak / (0.3 + peak);
        Point::new(20 * k).train_loss(loss).learning_rate(rate).validation(metric(loss))
    });
    Run::from_points(format!("r{number}"), points.collect::<Vec<_>>()).expect("steps increase")
}

fn sweep(metric: &str, value: impl Fn(f64) -> f64) -> Sweep {
    let mut sweep = Sweep::new(vec![metric.parse().expect("a metric")]);
    sweep.runs = (0..12).map(|number| run(number, &value)).collect();
    sweep
}

fn accuracy() -> Sweep {
    sweep("val_acc:max", |loss| 0.97 - 0.35 * loss)
}

/// With this value in place of the one of run 4 at `step`.
fn with(mut sweep: Sweep, step: u64, value: f64) -> Sweep {
    sweep.runs[4].change_points(0, |point| if point.step == step { point.validation(value) } else { point });
    sweep
}

fn fitted(sweep: &Sweep, kind: ModelKind) -> Model {
    let settings = FitSettings::new(kind).with_training(|training| {
        training.iterations = 10;
        training.members = 2;
        training.batch_size = 16;
    });
    fit(sweep, &settings, FitOptions::default()).unwrap_or_else(|error| panic!("{kind}: {error}")).model
}

fn final_value(model: &Model) -> f64 {
    model.forecast(&[], TOTAL_STEPS, Some(&Schedule::cosine(0.2))).expect("a forecast").final_validation.mean
}

#[test]
fn a_few_odd_values_change_no_scale_of_the_law() {
    let Model::Law(clean) = fitted(&accuracy(), ModelKind::Law) else { panic!("a law") };
    let expected = final_value(&Model::Law(clean));
    for odd in [1.000_000_1, 1.0, 1e9, 50.0, -5.0, f64::MAX] {
        for step in [220, 1000] {
            let sweep = with(accuracy(), step, odd);
            let best = fit_best(&sweep, &BestFit::default(), FitOptions::default());
            best.unwrap_or_else(|error| panic!("{odd}: {error}"));
            let model = fitted(&sweep, ModelKind::Law);
            let found = final_value(&model);
            let Model::Law(law) = &model else { panic!("a law") };
            assert_eq!(law.law().scale().ideal, 1.0, "{odd}");
            assert!((found - expected).abs() < 0.02, "{odd} at step {step}: {found} instead of {expected}");
            let notes: Vec<_> = law.law().notes().iter().filter(|note| note.contains("'r4'")).collect();
            let told = notes.iter().all(|note| note.contains(&format!("step {step}")));
            assert!(told && notes.len() == usize::from(odd != 1.0), "{odd}: {notes:?}");
            assert!(model.experience().best_configuration().final_metric <= 1.0);
        }
    }
}

#[test]
fn many_values_beyond_are_an_error_that_names_one() {
    let reason = |sweep: &Sweep| {
        let error = lodecast::Law::fit(sweep, "val_acc", &LawSettings::default()).expect_err("in two units");
        assert!(matches!(error, Error::Sweep { .. }));
        error.to_string()
    };
    let mut mixed = accuracy();
    mixed.runs[4].change_points(0, |point| point.validation(100.0 * point.validation.unwrap_or(f64::NAN)));
    let text = reason(&mixed);
    assert!(text.contains("run 'r4' (up to ") && text.contains("one unit"), "{text}");
    let mut beyond = accuracy();
    beyond.runs[4].change_points(0, |point| point.validation(1.2));
    let text = reason(&beyond);
    assert!(text.contains("1.2 in run 'r4'") && text.contains("correct it"), "{text}");
}

#[test]
fn whatever_the_values_a_model_that_is_written_can_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.lode");
    for (metric, sign) in [("val_loss:min", 1.0), ("reward:max", -1.0)] {
        for huge in [1e155, 1e200, f64::MAX, -1e200] {
            for many in [false, true] {
                let mut sweep = with(sweep(metric, |loss| sign * loss), 220, huge);
                if many {
                    sweep.runs[4].change_points(0, |point| point.validation(huge));
                    sweep.runs[5].change_points(0, |point| point.validation(huge));
                }
                for &kind in ModelKind::ALL {
                    let settings = FitSettings::new(kind).with_training(|training| {
                        training.iterations = 2;
                        training.members = 2;
                    });
                    // A sweep may be refused, but not after it was fitted.
                    let Ok(fitted) = fit(&sweep, &settings, FitOptions::default()) else { continue };
                    fitted.model.save(&path).unwrap_or_else(|error| panic!("{kind} {metric} {huge} {many}: {error}"));
                    Model::load(&path).unwrap_or_else(|error| panic!("{kind} {metric} {huge} {many}: {error}"));
                }
            }
        }
    }
    for huge in [1e155, f64::MAX] {
        for kind in [ModelKind::Law, ModelKind::Controlled] {
            fitted(&with(sweep("val_loss:min", |loss| loss), 220, huge), kind);
        }
    }
}

#[test]
fn runs_that_show_nothing_have_borne_nothing() {
    let highest = |sweep: &Sweep| Experience::from_sweep(sweep, 0).expect("usable").learning_rates.highest;
    let expected = highest(&accuracy());
    let with = |points: Vec<Point>| {
        let mut sweep = accuracy();
        sweep.runs.push(Run::from_points("x", points).expect("steps increase"));
        sweep
    };
    let nothing = |points: u64| (1..=points).map(|k| Point::new(20 * k).learning_rate(30.0)).collect();
    assert_eq!(highest(&with(nothing(1))), expected);
    let silent = with(nothing(50));
    assert_eq!(highest(&silent), expected);
    let experience = Experience::from_sweep(&silent, 0).expect("usable");
    assert_eq!(experience.configurations.len(), 12, "nor is it a configuration that came to an end");
    // A network leaves out what has fewer than three points.
    let short = with(vec![Point::new(20).train_loss(2.3).learning_rate(2.0).validation(0.2)]);
    assert_eq!(fitted(&short, ModelKind::Controlled).experience().learning_rates.highest, expected);
    for kind in [ModelKind::Law, ModelKind::Controlled] {
        assert_eq!(fitted(&silent, kind).experience().learning_rates.highest, expected, "{kind}");
    }
}

#[test]
fn nobody_follows_a_schedule_whose_runs_diverged() {
    let mut sweep = accuracy();
    for (name, rate) in [("a", 1.2), ("b", 2.0)] {
        let lost = Point::new(20).train_loss(f64::NAN).learning_rate(rate).validation(f64::NAN);
        sweep.runs.push(Run::from_points(name, [lost]).expect("a point"));
    }
    let model = fitted(&sweep, ModelKind::Controlled);
    let experience = model.experience().clone();
    assert_eq!(experience.best_configuration().diverged, 0.0);
    let lost: Vec<&str> = (experience.configurations.iter())
        .filter(|configuration| configuration.diverged == 1.0)
        .map(|configuration| configuration.name.as_str())
        .collect();
    assert_eq!(lost.len(), 2);
    let in_force = experience.best_configuration().schedule.clone();
    let planner = Planner::new(Forecaster::from(model), ControlledSettings::default()).expect("default settings");
    let plan = planner.plan(&Situation::after(&[], TOTAL_STEPS, &in_force)).expect("a plan");
    for candidate in &plan.candidates {
        let Origin::Sweep { name } = &candidate.origin else { continue };
        let rejected = matches!(&candidate.verdict, Verdict::Rejected { reason } if reason.contains("diverged"));
        assert_eq!(rejected, lost.contains(&name.as_str()), "{candidate:?}");
    }
    // Where all ended alike, the worst of them counts for the diverged ones, and they are no better for it.
    let mut alike = Sweep::new(vec![Metric::new("val_acc", Direction::Max)]);
    let lost = Point::new(20).train_loss(f64::NAN).learning_rate(2.0).validation(f64::NAN);
    alike.runs.push(Run::from_points("lost", [lost]).expect("a point"));
    alike.runs.push(run(3, |_| 0.5));
    let best = Experience::from_sweep(&alike, 0).expect("usable").best_configuration().clone();
    assert_eq!(best.diverged, 0.0, "{best:?}");
}

#[test]
fn a_forecast_that_is_no_number_is_an_error() {
    for &kind in ModelKind::ALL {
        let bytes = fitted(&accuracy(), kind).to_bytes().expect("bytes");
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize + 8;
        let mut damaged = bytes.clone();
        for number in damaged[header..].chunks_exact_mut(8) {
            number.copy_from_slice(&1e300f64.to_le_bytes());
        }
        // A law may be refused at once: its tensors are what it remembers of its runs.
        let Ok(model) = Model::from_bytes(&damaged) else { continue };
        let observed: Vec<Point> = accuracy().runs[3].points(0).take(20).collect();
        match model.forecast(&observed, TOTAL_STEPS, Some(&Schedule::cosine(0.2))) {
            Ok(forecast) => assert!(forecast.final_validation.mean.is_finite(), "{kind}: {forecast:?}"),
            Err(error) => {
                assert!(matches!(error, Error::NotFinite { .. }), "{kind}: {error}");
                assert!(error.to_string().contains("fit it again"), "{error}");
            }
        }
        if let Model::Controlled(model) = &model {
            assert!(model.final_rewards(&[], TOTAL_STEPS, 0.0, &[Schedule::cosine(0.2)])[0].is_nan());
            let error = suggest(model, &SuggestionSettings::default()).expect_err("no number");
            assert!(matches!(error, Error::NotFinite { .. }), "{error}");
        }
    }
}
