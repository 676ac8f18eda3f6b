//! Sweeps as users have them: few runs, of different lengths, stopped, diverged, measured rarely. Each can be learned from,
//! and gives a plan whose rates are those of runs that went well.

use lodecast::{
    BestFit, Direction, FitOptions, FitSettings, Fitted, Metric, Model, ModelKind, Planner, PlannerSettings, Point,
    Run, Schedule, Situation, Sweep, fit, fit_best,
};
use proptest::prelude::*;

fn quick(kind: ModelKind, iterations: u64) -> FitSettings {
    FitSettings::new(kind).with_training(|training| {
        training.iterations = iterations;
        training.members = 2;
        training.batch_size = 16;
    })
}

fn fitted(sweep: &Sweep, iterations: u64) -> lodecast::Result<Fitted> {
    fit(sweep, &quick(ModelKind::Controlled, iterations), FitOptions::default())
}

/// A run whose loss falls faster under a higher rate, up to the edge at 1, beyond which it diverges.
fn run(id: String, rate: f64, total: u64, stopped_at: u64, measured_every: u64) -> Run {
    let mut run = Run::new(id, 1);
    let mut moved = 0.0;
    for step in (1..=stopped_at).filter(|step| step % (total / 40).max(1) == 0) {
        let learning_rate = rate * (1.0 - 0.9 * step as f64 / total as f64);
        moved += learning_rate;
        let loss = if rate > 1.0 && step > total / 10 { f64::NAN } else { 0.1 + 2.2 / (1.0 + moved) };
        let validation = step.is_multiple_of(measured_every).then_some(1.0 - 0.4 * loss);
        run.push(step, Some(loss), Some(learning_rate), &[validation]).expect("steps increase");
        if loss.is_nan() {
            break;
        }
    }
    run.attributes.total_steps = Some(total);
    run
}

fn sweep(runs: impl IntoIterator<Item = Run>) -> Sweep {
    let mut sweep = Sweep::new(vec![Metric::new("accuracy", Direction::Max)]);
    sweep.runs = runs.into_iter().collect();
    sweep
}

/// The same where nobody recorded the train loss.
fn without_loss(mut sweep: Sweep) -> Sweep {
    for run in &mut sweep.runs {
        let columns = (run.steps().to_vec(), run.learning_rate().to_vec(), run.validation(0).to_vec());
        let attributes = run.attributes.clone();
        let none = vec![None; columns.0.len()];
        let bare = Run::from_columns(run.id.clone(), columns.0, none, columns.1, vec![columns.2]);
        *run = bare.expect("sound columns").with_attributes(attributes);
    }
    sweep
}

#[test]
fn nothing_is_said_of_a_loss_that_was_never_recorded() {
    let sweep = without_loss(sweep((0..6u32).map(|k| run(format!("r{k}"), 0.1 * f64::from(k + 1), 400, 400, 10))));
    for kind in [ModelKind::Controlled, ModelKind::Paper, ModelKind::Law] {
        let model = fit(&sweep, &quick(kind, 20), FitOptions::default()).expect("usable").model;
        let observed: Vec<Point> = sweep.runs[2].points(0).take(12).collect();
        let forecast = model.forecast(&observed, 400, Some(&Schedule::constant(0.2))).expect("a forecast");
        assert!(forecast.train_loss.mean.is_empty(), "{kind}: {:?}", forecast.train_loss.mean);
        assert!(forecast.validation.mean.iter().all(|value| value.is_finite()), "{kind}");
    }
}

/// Plans for a new run, and checks that the plan is one a person could follow.
fn check_plan(model: Model, highest_sound: f64) {
    let in_force = model.experience().best_configuration().schedule.clone();
    let forecaster = model.into();
    let settings = PlannerSettings::default_for(&forecaster);
    let planner = Planner::new(forecaster, settings).expect("default settings");
    let plan = planner.plan(&Situation::after(&[], 1000, &in_force)).expect("a plan");
    for step in 0..=1000 {
        let rate = plan.schedule.at_step(step, 1000);
        assert!(rate >= 0.0 && rate <= 1.01 * highest_sound, "{rate} at step {step}: {plan}");
    }
    if let Some(prediction) = plan.prediction {
        assert!(prediction.metric <= 1.0 && prediction.metric.is_finite(), "{plan}");
    }
}

#[test]
fn any_honest_sweep_is_learned_from() {
    let rate = |index: u64| 0.02 * 1.2f64.powf((index % 20) as f64);
    let cases: [(&str, Sweep); 8] = [
        ("two runs that differ", sweep((0..2u32).map(|k| run(format!("r{k}"), 0.05 * f64::from(k + 1), 400, 400, 10)))),
        ("three lengths", sweep((1..4).map(|k| run(format!("r{k}"), 0.1 * k as f64, 200 * k, 200 * k, 10)))),
        (
            "most stopped at a tenth",
            sweep((0..40).map(|k| run(format!("r{k}"), rate(k), 400, if k % 4 == 0 { 400 } else { 40 }, 10))),
        ),
        ("all of them stopped", sweep((0..8).map(|k| run(format!("r{k}"), rate(2 * k), 400, 160 + 10 * k, 10)))),
        (
            "nine in ten diverged",
            sweep((0..20u32).map(|k| {
                run(format!("r{k}"), if k < 2 { 0.3 * f64::from(k + 1) } else { 2.0 + f64::from(k) }, 400, 400, 10)
            })),
        ),
        ("one validation value a run", sweep((0..8).map(|k| run(format!("r{k}"), rate(2 * k), 400, 400, 400)))),
        (
            "no loss but the metric",
            without_loss(sweep((0..6).map(|k| run(format!("r{k}"), rate(3 * k), 400, 400, 10)))),
        ),
        (
            "no metric but the loss",
            Sweep {
                metrics: Vec::new(),
                runs: (0..6)
                    .map(|k| {
                        let whole = run(format!("r{k}"), rate(3 * k), 400, 400, 10);
                        let columns =
                            (whole.steps().to_vec(), whole.train_loss().to_vec(), whole.learning_rate().to_vec());
                        Run::from_columns(whole.id, columns.0, columns.1, columns.2, Vec::new()).expect("sound columns")
                    })
                    .collect(),
            },
        ),
    ];
    for (name, sweep) in cases {
        // A network knows no end that it has not seen.
        let fitted = if name == "all of them stopped" {
            let error = fitted(&sweep, 20).expect_err("no end").to_string();
            assert!(error.contains("fit the law"), "{error}");
            fit_best(&sweep, &BestFit::default(), FitOptions::default())
        } else {
            fitted(&sweep, 20)
        };
        check_plan(fitted.unwrap_or_else(|error| panic!("{name}: {error}")).model, 1.0);
    }
}

#[test]
fn ten_thousand_runs_are_learned_from() {
    let sweep = sweep((0..10_000u32).map(|k| run(format!("r{k}"), 0.01 * (1.0 + f64::from(k) / 500.0), 400, 400, 40)));
    let Fitted { model, summary, .. } = fitted(&sweep, 10).expect("a usable sweep");
    assert_eq!(summary.runs, 10_000);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.lode");
    model.save(&path).expect("written");
    assert!(path.metadata().expect("written").len() < 20 << 20);
    check_plan(Model::load(&path).expect("read back"), 1.0);
}

/// The run with its metric at every so many steps, and at the last.
fn validated_every(steps: u64, mut run: Run) -> Run {
    let last = run.steps()[run.len() - 1];
    run.change_points(0, |point| {
        if point.step % steps == 0 || point.step == last { point } else { Point { validation: None, ..point } }
    });
    run
}

#[test]
fn rare_validation_is_learned_as_well_as_dense() {
    let rates = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8];
    let whole = |rate: f64| run(format!("{rate}"), rate, 4000, 4000, 100);
    let runs = || rates.iter().flat_map(|&rate| (0..2).map(move |k| (rate, k)));
    let dense = sweep(runs().map(|(rate, k)| run(format!("{rate}-{k}"), rate, 4000, 4000, 100)));
    let sparse = sweep(dense.runs.iter().map(|run| validated_every(1000, run.clone())));
    let model = |sweep: &Sweep| fitted(sweep, 400).expect("a usable sweep").model;
    // Of runs of which so much was seen, validated every so many steps.
    let error = |model: &Model, every: u64, seen: f64| {
        let errors = [0.03, 0.07, 0.15, 0.3, 0.6].map(|rate| {
            let truth = whole(rate).final_metric(0).expect("measured");
            let schedule = Schedule::piecewise_linear([(0.0, rate), (1.0, 0.1 * rate)]).expect("a schedule");
            let until = (seen * 4000.0) as u64;
            let run = validated_every(every, whole(rate));
            let observed: Vec<Point> = run.points(0).take_while(|point| point.step <= until).collect();
            let forecast = model.forecast(&observed, 4000, Some(&schedule)).expect("a forecast");
            (forecast.final_validation.mean - truth).abs()
        });
        errors.iter().sum::<f64>() / errors.len() as f64
    };
    let (dense, sparse) = (model(&dense), model(&sparse));
    assert!(error(&sparse, 100, 0.0) < 1.1 * error(&dense, 100, 0.0) + 0.005);
    for seen in [0.3, 0.55] {
        let alike = error(&dense, 100, seen);
        let others = [error(&dense, 1000, seen), error(&sparse, 100, seen), error(&sparse, 1000, seen)];
        assert!(others.iter().all(|&other| other < 1.5 * alike + 0.01), "{seen}: {others:?} beside {alike}");
    }
}

#[test]
fn a_forecast_stays_within_what_the_metric_can_be_and_says_where_it_knows_nothing() {
    let sweep = sweep([0.02, 0.1, 0.5].into_iter().map(|rate| run(rate.to_string(), rate, 400, 400, 10)));
    let model = fitted(&sweep, 20).expect("a usable sweep").model;
    for peak in [1e-6, 0.1, 300.0] {
        let forecast = model.forecast(&[], 400, Some(&Schedule::constant(peak))).expect("a forecast");
        for value in forecast.validation.mean.iter().chain(&forecast.validation.low).chain(&forecast.validation.high) {
            assert!((0.0..=1.0).contains(value), "{value} under {peak}");
        }
        let last = forecast.final_validation;
        assert!(0.0 <= last.low && last.low <= last.mean && last.mean <= last.high && last.high <= 1.0, "{last:?}");
        assert_eq!(forecast.outside_experience.is_some(), peak != 0.1, "{peak}");
    }
}

prop_compose! {
    fn any_value()(kind in 0..12u8, value in -1e3..1e3f64) -> Option<f64> {
        match kind {
            0 => None,
            1 => Some(f64::NAN),
            2 => Some(f64::INFINITY),
            3 => Some(0.0),
            4 => Some(-value.abs()),
            5 => Some(1e300),
            6 => Some(f64::MIN_POSITIVE),
            7 => Some(1e-3 * value.abs()),
            _ => Some((1e-3 * value).abs()),
        }
    }
}

prop_compose! {
    fn any_run()(
        points in prop::collection::vec((1..50u64, any_value(), any_value(), any_value()), 0..12),
        total in prop::option::of(0..600u64),
        named in prop::option::of(("cosine|constant|rubbish", -1.0..1.0f64)),
    ) -> Run {
        let mut run = Run::new("run", 1);
        let mut step = 0;
        for (gap, loss, rate, metric) in points {
            step += gap;
            run.push(step, loss, rate, &[metric]).expect("steps increase");
        }
        run.attributes.total_steps = total;
        if let Some((schedule, peak)) = named {
            run.attributes.schedule = Some(schedule);
            run.attributes.peak_lr = Some(peak);
        }
        run
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_sweep_makes_a_fit_panic(mut runs in prop::collection::vec(any_run(), 0..6), better in any::<bool>()) {
        for (index, run) in runs.iter_mut().enumerate() {
            run.id = format!("run {index}");
        }
        let direction = if better { Direction::Max } else { Direction::Min };
        let sweep = Sweep { metrics: vec![Metric::new("metric", direction)], runs };
        let _ = (sweep.configurations(), sweep.best_configuration(0), sweep.with_lengths());
        for settings in [quick(ModelKind::Controlled, 2), quick(ModelKind::Paper, 2), quick(ModelKind::Law, 2)] {
            if let Ok(Fitted { model, .. }) = fit(&sweep, &settings, FitOptions::default()) {
                let _ = lodecast::evaluate(&model, &sweep, &[0.0, 0.5]);
                for schedule in [Schedule::constant(0.1), Schedule::PiecewiseLinear { knots: Vec::new() }] {
                    let _ = model.forecast(&[Point::new(3)], 10, Some(&schedule));
                }
            }
        }
    }
}

#[test]
fn the_rates_that_were_recorded_are_the_schedule() {
    let named = |family: &str, peak: f64, rates: &dyn Fn(f64) -> f64| {
        let mut run = Run::new("run", 1);
        for step in (10..=400).step_by(10) {
            run.push(step, Some(1.0), Some(rates(step as f64 / 400.0)), &[Some(0.5)]).expect("steps increase");
        }
        run.attributes.total_steps = Some(400);
        run.attributes.schedule = Some(family.to_owned());
        run.attributes.peak_lr = Some(peak);
        Schedule::of_run(&run).expect("it has rates")
    };
    let cosine = |progress: f64| 0.05 * (1.0 + (std::f64::consts::PI * progress).cos());
    assert_eq!(named("cosine", 0.1, &cosine), Schedule::cosine(0.1));
    let others: [&dyn Fn(f64) -> f64; 3] = [
        &|progress| 10.0 * cosine(progress),
        // A warm-up, and a rate that it does not fall below.
        &|progress| cosine(progress) * (progress / 0.15).min(1.0),
        &|progress| cosine(progress).max(0.02),
    ];
    for rates in others {
        let schedule = named("cosine", 0.1, rates);
        for progress in [0.1, 0.5, 0.9] {
            assert!((schedule.learning_rate(progress) - rates(progress)).abs() < 1e-12, "{progress}");
        }
    }
    let mut run = Run::new("zeros", 1);
    run.push(10, Some(1.0), Some(0.0), &[Some(0.5)]).expect("a point");
    assert_eq!(Schedule::of_run(&run), None, "a rate of 0 was not recorded");
}

#[test]
fn a_run_has_diverged_that_does_not_come_back() {
    const NAN: f64 = f64::NAN;
    let run = |points: &[(f64, f64)]| {
        let mut run = Run::new("run", 1);
        for (index, &(loss, metric)) in points.iter().enumerate() {
            run.push(index as u64 + 1, Some(loss), Some(0.1), &[Some(metric)]).expect("steps increase");
        }
        run.diverged_at(0)
    };
    assert_eq!(run(&[(1.0, 0.5), (NAN, NAN), (NAN, NAN)]), Some(1));
    assert_eq!(run(&[(1.0, 0.5), (NAN, 0.5), (0.9, 0.6)]), None, "a step was skipped");
    assert_eq!(run(&[(1.0, NAN), (0.9, NAN), (0.8, NAN)]), None, "its metric was not measured");
    assert_eq!(run(&[(1.0, 0.5), (0.9, NAN)]), Some(1), "its metric is lost");
    assert_eq!(run(&[(1.0, 0.5), (0.9, NAN), (0.8, 0.6)]), None, "and is back");
    assert_eq!(run(&[(1.0, 0.5), (0.0, NAN), (0.0, NAN)]), Some(1), "trainers write 0 for a loss that is none");
    assert_eq!(run(&[(NAN, NAN), (NAN, NAN)]), Some(0));
    let mut apart = Run::new("validated apart", 1);
    for (step, loss, metric) in [(1, Some(1.0), None), (2, None, Some(0.5)), (3, Some(0.9), None), (4, None, Some(NAN))]
    {
        apart.push(step, loss, Some(0.1), &[metric]).expect("steps increase");
    }
    assert_eq!(apart.diverged_at(0), Some(3));
    apart.push(5, Some(0.8), Some(0.1), &[None]).expect("steps increase");
    assert_eq!(apart.diverged_at(0), None, "the training goes on");
    assert_eq!(run(&[(1.0, 0.5), (NAN, 0.5), (NAN, 0.5), (NAN, 0.5), (0.9, 0.5)]), Some(1), "too many to be skipped");
}

/// Runs whose accuracy nears its best under their rates, times `unit`.
fn accurate(unit: f64) -> Vec<Run> {
    let runs = [0.01, 0.03, 0.1, 0.3].into_iter().map(|peak| {
        let mut run = Run::new(format!("peak {peak} in {unit}"), 1);
        for step in (20..=400).step_by(20) {
            let rate = peak * 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / 400.0).cos());
            let loss = 2.0 / (1.0 + peak * step as f64 / 20.0);
            run.push(step, Some(loss), Some(rate), &[Some(unit * (1.0 - loss / 3.0))]).expect("steps increase");
        }
        run.attributes.total_steps = Some(400);
        run
    });
    runs.collect()
}

#[test]
fn fractions_and_per_cent_are_not_taken_for_each_other() {
    let law = FitSettings::new(ModelKind::Law);
    let sweep = |runs: Vec<Run>| Sweep { metrics: vec![Metric::new("val_acc", Direction::Max)], runs };
    let (fractions, per_cent) = (accurate(1.0), accurate(100.0));
    let mixed = sweep(vec![fractions[0].clone(), per_cent[1].clone(), per_cent[2].clone(), fractions[3].clone()]);
    let error = fit(&mixed, &law, FitOptions::default()).expect_err("two units").to_string();
    assert!(error.contains("fraction") && error.contains("per cent"), "{error}");
    let model = fit(&sweep(fractions.clone()), &law, FitOptions::default()).expect("one unit").model;
    let observed: Vec<Point> = per_cent[2].points(0).take(8).collect();
    let error = model.forecast(&observed, 400, Some(&Schedule::cosine(0.1))).expect_err("another unit").to_string();
    assert!(error.contains("same unit") && error.contains("step 20"), "{error}");
    let observed: Vec<Point> = fractions[2].points(0).take(8).collect();
    assert!(model.forecast(&observed, 400, Some(&Schedule::cosine(0.1))).is_ok());
}
