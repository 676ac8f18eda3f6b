//! Forecasts from few runs over whole searches.

use lodecast::{
    Direction, Error, FewRunsMethod, FewRunsScore, FewRunsSettings, Metric, Model, Point, Run, Schedule, Sweep,
    evaluate, evaluate_few_runs,
};

use crate::plan_models::changed;

/// A run whose loss falls with the sum of rates and keeps the noise of the last ones.
pub(crate) fn run(schedule: &Schedule, total_steps: u64) -> Run {
    let mut run = Run::new(format!("{}-{}-{total_steps}", schedule.describe(), schedule.fingerprint()), 1);
    run.attributes.total_steps = Some(total_steps);
    let (mut trained, mut noise) = (0.0, 0.0);
    for step in 0..=total_steps {
        let rate = schedule.at_step(step, total_steps);
        trained += rate;
        noise += 0.05 * (rate - noise);
        if step % 20 == 0 {
            let loss = 0.1 + 2.2 / (1.0 + trained).sqrt() + 0.8 * noise;
            run.push(step, None, Some(rate), &[Some(loss)]).expect("steps increase");
        }
    }
    run
}

/// Such runs of three families at ten peaks.
pub(crate) fn search() -> Sweep {
    let mut sweep = Sweep::new(vec![Metric::new("loss", Direction::Min)]);
    for family in [Schedule::constant(1.0), Schedule::cosine(1.0), Schedule::one_cycle(1.0)] {
        for k in 0..10 {
            sweep.runs.push(run(&family.scaled(0.01 * 1.6_f64.powi(k)), 400));
        }
    }
    sweep
}

fn scores(sweep: &Sweep, settings: &FewRunsSettings) -> Vec<FewRunsScore> {
    let mut scores = Vec::new();
    evaluate_few_runs(sweep, "loss", settings, &mut |score| scores.push(score)).expect("scores");
    scores
}

#[test]
fn the_law_forecasts_what_follows_a_law_and_the_mean_is_the_mean() {
    let sweep = search();
    let settings = changed(FewRunsSettings::default(), |it| {
        it.sizes = vec![6, 12, 28];
        it.draws = 2;
        it.observed = vec![0.0, 0.25];
    });
    let scores = scores(&sweep, &settings);
    // 28 leaves two runs, which say nothing. Process and Multi-Power Law know nothing of a run that has begun.
    let of = |method, size, observed| {
        scores
            .iter()
            .filter(|score| (score.method, score.size, score.observed) == (method, size, observed))
            .collect::<Vec<_>>()
    };
    assert!(scores.iter().all(|score| score.size < 28 && score.runs == 30 - score.size));
    assert!(
        of(FewRunsMethod::GaussianProcess, 12, 0.25).is_empty()
            && of(FewRunsMethod::MultiPowerLaw, 12, 0.25).is_empty()
    );
    for (law, mean) in of(FewRunsMethod::Law, 12, 0.0).iter().zip(of(FewRunsMethod::SweepMean, 12, 0.0)) {
        assert!(law.relative_error < 0.5 * mean.relative_error, "{law:?} beside {mean:?}");
        assert!(law.interval_score < mean.interval_score && law.rank_correlation.unwrap() > 0.9, "{law:?}");
        assert_eq!(mean.rank_correlation, None, "one value for all has no order");
        assert!(law.regret >= 0.0 && law.coverage_95 >= law.coverage_68, "{law:?}");
    }
    // What has been seen of a run says more than its schedule alone.
    let error = |observed| of(FewRunsMethod::Law, 6, observed).iter().map(|score| score.error).sum::<f64>();
    assert!(error(0.25) < error(0.0), "{} after a quarter, {} before", error(0.25), error(0.0));
    // Nor is it worse than that the value stays.
    for (law, last) in of(FewRunsMethod::Law, 12, 0.25).iter().zip(of(FewRunsMethod::LastValue, 12, 0.25)) {
        assert!(law.error < last.error && law.interval_score < last.interval_score, "{law:?} beside {last:?}");
    }
    let again = self::scores(&sweep, &settings);
    let timeless = |scores: &[FewRunsScore]| -> Vec<FewRunsScore> {
        scores.iter().map(|score| changed(score.clone(), |it| it.seconds = 0.0)).collect()
    };
    assert_eq!(timeless(&again), timeless(&scores), "the same seed, the same scores");
}

fn law(sweep: &Sweep) -> Model {
    let settings = lodecast::FitSettings::new(lodecast::ModelKind::Law);
    lodecast::fit(sweep, &settings, lodecast::FitOptions::default()).expect("a law").model
}

#[test]
fn runs_that_stopped_early_are_not_forecast_and_said_not_to_be() {
    let mut sweep = search();
    let model = law(&sweep);
    for run in sweep.runs.iter_mut().take(20) {
        let until = run.points(0).filter(|point| point.step <= 40).collect::<Vec<Point>>();
        let attributes = run.attributes.clone();
        *run = Run::from_points(&run.id, until).expect("increasing");
        run.attributes = attributes;
    }
    let evaluation = evaluate(&model, &sweep, &[0.0, 0.05]).expect("ten runs that ended");
    assert_eq!(evaluation.forecasts.len(), 2 * 10);
    let stopped: Vec<&str> = sweep.runs[..20].iter().map(|run| run.id.as_str()).collect();
    assert_eq!(evaluation.stopped, stopped);
    sweep.runs.truncate(21);
    let error = evaluate(&model, &sweep, &[0.0]).unwrap_err().to_string();
    assert!(error.contains("1 run(s)") && error.contains("20 stopped"), "{error}");
}

#[test]
fn the_curve_of_a_forecast_ends_where_the_forecast_does_and_a_share_is_not_negative() {
    let mut sweep = search();
    sweep.metrics = vec![Metric::new("accuracy", Direction::Max)];
    for run in &mut sweep.runs {
        // Below 0.26 of accuracy is that of a network that learns nothing, as far as the highest peaks come.
        let diverges = run.learning_rate().iter().flatten().any(|&rate| rate > 0.4);
        let share = |loss: f64| if diverges { 0.1 } else { (1.0 - loss / 2.5).max(0.1) };
        run.change_points(0, |point| Point { validation: point.validation.map(share), ..point });
    }
    let model = law(&sweep);
    for (schedule, level) in [(Schedule::cosine(0.05), 0.4), (Schedule::constant(0.6), 0.1)] {
        let observed: Vec<Point> = (0..10)
            .map(|k| Point::new(20 * k).learning_rate(schedule.at_step(20 * k, 400)).validation(level))
            .collect();
        let forecast = model.forecast(&observed, 400, Some(&schedule)).expect("a forecast");
        let (last, ends) = (forecast.final_validation, &forecast.validation);
        assert!((ends.mean.last().unwrap() - last.mean).abs() < 0.02, "{ends:?} to {last:?}");
        assert!(last.low >= 0.0 && last.high <= 1.0 && ends.low.iter().all(|&low| low >= 0.0), "{ends:?} to {last:?}");
    }
}

#[test]
fn a_run_that_stands_still_is_forecast_to_stand_still() {
    // Some runs stay where they are after a fifth, as networks do that have died; their rates are those of sound ones.
    let mut sweep = search();
    for run in sweep.runs.iter_mut().step_by(3) {
        let stuck = run.points(0).find(|point| point.step == 80).and_then(|point| point.validation);
        run.change_points(0, |mut point| {
            if point.step > 80 {
                point.validation = stuck;
            }
            point
        });
    }
    let methods = vec![FewRunsMethod::Law, FewRunsMethod::LastValue];
    let settings = changed(FewRunsSettings::default(), |it| {
        it.sizes = vec![12];
        it.draws = 3;
        it.observed = vec![0.75];
        it.methods = methods;
    });
    let scores = scores(&sweep, &settings);
    let error = |method| scores.iter().filter(|score| score.method == method).map(|score| score.error).sum::<f64>();
    let (law, last) = (error(FewRunsMethod::Law), error(FewRunsMethod::LastValue));
    assert!(law < 1.5 * last, "{law} beside {last}");
}

#[test]
fn values_worse_than_the_cut_count_as_the_cut() {
    let mut sweep = search();
    let last = sweep.runs[29].len() - 1;
    sweep.runs[29].change_points(0, |mut point| {
        if point.step == 400 {
            point.validation = Some(f64::NAN);
        }
        point
    });
    assert!(sweep.runs[29].validation(0)[last].unwrap().is_nan());
    let mean = vec![FewRunsMethod::SweepMean];
    let settings = changed(FewRunsSettings::default(), |it| {
        it.sizes = vec![3];
        it.draws = 1;
        it.methods = mean;
        it.cut = Some(2.0);
    });
    let found = scores(&sweep, &settings);
    assert!(found.iter().all(|score| score.error.is_finite() && score.error < 2.0), "{found:?}");
}

#[test]
fn what_cannot_be_drawn_from_is_refused_with_the_reason() {
    let mut sweep = search();
    let refused = |sweep: &Sweep, settings: &FewRunsSettings| {
        evaluate_few_runs(sweep, "loss", settings, &mut |_| {}).unwrap_err().to_string()
    };
    let settings = changed(FewRunsSettings::default(), |it| it.draws = 0);
    assert!(refused(&sweep, &settings).contains("draws"), "{}", refused(&sweep, &settings));
    sweep.runs.truncate(3);
    let error = refused(&sweep, &FewRunsSettings::default());
    assert!(error.contains("3 run(s)"), "{error}");
    assert!(matches!("guess".parse::<FewRunsMethod>(), Err(Error::Setting { .. })));
}
