//! Forecasts from few runs over whole searches.

use lodecast::{
    Direction, Error, FewRunsMethod, FewRunsScore, FewRunsSettings, Metric, Run, Schedule, Sweep, evaluate_few_runs,
};

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
    let settings =
        FewRunsSettings { sizes: vec![6, 12, 28], draws: 2, observed: vec![0.0, 0.25], ..FewRunsSettings::default() };
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
    let again = self::scores(&sweep, &settings);
    let timeless = |scores: &[FewRunsScore]| -> Vec<FewRunsScore> {
        scores.iter().map(|score| FewRunsScore { seconds: 0.0, ..score.clone() }).collect()
    };
    assert_eq!(timeless(&again), timeless(&scores), "the same seed, the same scores");
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
    let settings =
        FewRunsSettings { sizes: vec![3], draws: 1, methods: mean, cut: Some(2.0), ..FewRunsSettings::default() };
    let found = scores(&sweep, &settings);
    assert!(found.iter().all(|score| score.error.is_finite() && score.error < 2.0), "{found:?}");
}

#[test]
fn what_cannot_be_drawn_from_is_refused_with_the_reason() {
    let mut sweep = search();
    let refused = |sweep: &Sweep, settings: &FewRunsSettings| {
        evaluate_few_runs(sweep, "loss", settings, &mut |_| {}).unwrap_err().to_string()
    };
    let settings = FewRunsSettings { draws: 0, ..FewRunsSettings::default() };
    assert!(refused(&sweep, &settings).contains("draws"), "{}", refused(&sweep, &settings));
    sweep.runs.truncate(3);
    let error = refused(&sweep, &FewRunsSettings::default());
    assert!(error.contains("3 run(s)"), "{error}");
    assert!(matches!("guess".parse::<FewRunsMethod>(), Err(Error::Setting { .. })));
}
