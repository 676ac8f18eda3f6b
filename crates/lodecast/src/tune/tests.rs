//! The tuner on a toy whose truth is known: what it asks, what it makes of good and bad reports, and what it recommends.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::tune::Strategy;
use crate::{Attributes, Direction, Family, Metric, PickOrigin, Point, Run, Schedule, Sweep};

const STEPS: u64 = 1000;

fn metric() -> Metric {
    Metric::new("loss", Direction::Min)
}

/// A training whose loss is best at a peak of about 0.3 with annealing, and which diverges from 6 on.
fn train(schedule: &Schedule, total_steps: u64) -> Vec<Point> {
    let (mut trained, mut noise) = (0.0, 0.0);
    let mut points = Vec::new();
    for step in 0..=total_steps {
        let rate = schedule.at_step(step, total_steps);
        trained += rate;
        noise += 0.05 * (rate - noise);
        if step % 20 == 0 || step == total_steps {
            let loss = if noise > 6.0 { f64::NAN } else { 0.1 + 2.2 / (1.0 + trained).sqrt() + 0.5 * noise };
            points.push(Point::new(step).learning_rate(rate).validation(loss));
        }
    }
    points
}

fn final_loss(schedule: &Schedule) -> f64 {
    train(schedule, STEPS).last().and_then(|point| point.validation).expect("measured")
}

fn builder() -> TunerBuilder {
    Tuner::builder(metric(), STEPS).peaks(0.01, 10.0)
}

/// Asks, trains and tells `count` times.
fn work(tuner: &mut Tuner, count: usize) {
    for _ in 0..count {
        let trial = tuner.ask().expect("rates are known").expect("no budget");
        tuner.tell(&trial.name, train(&trial.schedule, trial.total_steps)).expect("a fresh trial");
    }
}

fn sweep(schedules: &[Schedule]) -> Sweep {
    let mut sweep = Sweep::new(vec![metric()]);
    for (index, schedule) in schedules.iter().enumerate() {
        let run = Run::from_points(format!("run {index}"), train(schedule, STEPS)).expect("increasing");
        sweep.runs.push(run.with_attributes(Attributes { total_steps: Some(STEPS), ..Attributes::default() }));
    }
    sweep
}

/// Share of the run after which the rate stays below nine tenths of its peak, and the last rate over the peak.
fn anneal(schedule: &Schedule) -> (f64, f64) {
    let rates: Vec<f64> = (0..=1000).map(|k| schedule.learning_rate(f64::from(k) / 1000.0)).collect();
    let peak = schedule.highest_rate();
    let high = rates.iter().rposition(|rate| *rate >= 0.9 * peak).expect("a peak");
    (1.0 - high as f64 / 1000.0, rates[1000] / peak)
}

#[test]
fn a_search_from_nothing_begins_with_the_start_design_and_spreads_shapes_that_anneal() {
    let mut tuner = builder().build().expect("sound");
    let trials: Vec<Trial> = (0..24).map(|_| tuner.ask().expect("rates").expect("no budget")).collect();
    let quantile = |trial: &Trial| (trial.schedule.highest_rate() / 0.01).ln() / 1000f64.ln();
    for (trial, expected) in trials.iter().zip([0.55, 0.35, 0.72]) {
        assert!((quantile(trial) - expected).abs() < 1e-9 && trial.reason.starts_with("start design"), "{trial:?}");
    }
    // Peaks in every quarter of the range, no two schedules alike, all of them annealing.
    let quarters: BTreeSet<usize> = trials[3..11].iter().map(|trial| (4.0 * quantile(trial)) as usize).collect();
    assert_eq!(quarters.len(), 4, "{quarters:?}");
    for (index, trial) in trials.iter().enumerate() {
        let (share, end) = anneal(&trial.schedule);
        assert!(share >= 0.13 && end <= 0.1001, "{share} {end} {trial:?}");
        assert!(trials[..index].iter().all(|other| other.schedule != trial.schedule && other.name != trial.name));
    }
    // Peaks are evenly spread.
    let mean = trials.iter().map(quantile).sum::<f64>() / 24.0;
    assert!((mean - 0.5).abs() < 0.1, "{mean}");
}

#[test]
fn what_runs_leave_open_is_asked() {
    let low: Vec<Schedule> = (0..8).map(|k| Schedule::cosine(0.01 * 1.25f64.powi(k))).collect();
    let mut tuner = builder().build().expect("sound");
    tuner.add(&sweep(&low)).expect("the metric");
    let trials: Vec<Trial> = (0..4).map(|_| tuner.ask().expect("rates").expect("no budget")).collect();
    assert!(trials.iter().all(|trial| !trial.reason.contains("start design")));
    // All measured peaks lie below 0.05: most of what is asked lies above.
    assert!(trials.iter().filter(|trial| trial.schedule.highest_rate() > 0.05).count() >= 3, "{trials:?}");
}

#[test]
fn the_recommendation_is_good_and_says_what_is_open() {
    let mut tuner = builder().budget(12 * STEPS).build().expect("sound");
    let mut asked = 0;
    while let Some(trial) = tuner.ask().expect("rates") {
        tuner.tell(&trial.name, train(&trial.schedule, trial.total_steps)).expect("fresh");
        asked += 1;
    }
    assert!(asked >= 12, "{asked}: runs that diverge early cost less");
    assert!(tuner.committed() <= 12 * STEPS);
    let recommended = tuner.recommend().expect("runs were told");
    let found = final_loss(&recommended.schedule);
    // The best of twelve runs has no seed's luck here, and keeping clear of divergence has its price.
    assert!(found < 1.1 * recommended.best_run.value, "{found} beside {:?}", recommended.best_run);
    let predicted = recommended.predicted.expect("a law");
    assert!(predicted.low_95 < found && found < predicted.high_95, "{found}: {predicted:?}");
    assert!((0.0..=1.0).contains(&recommended.probability_better_than_best));
    assert!(recommended.alternatives.len() <= 3);
    for other in &recommended.alternatives {
        assert!(other.probability >= 0.05 && other.schedule != recommended.schedule, "{other:?}");
    }
    if recommended.origin == PickOrigin::New {
        let next = recommended.next_run.clone().expect("a schedule that nobody has run is open");
        assert_eq!(next.total_steps, STEPS);
    }
    assert_eq!(tuner.recommend().expect("again"), recommended, "the same runs, the same recommendation");
    let text = serde_json::to_string(&recommended).expect("plain data");
    assert_eq!(serde_json::from_str::<Recommendation>(&text).expect("its own"), recommended);
}

#[test]
fn every_strategy_asks_soundly_and_the_same_after_a_restart() {
    for strategy in Strategy::all() {
        let mut tuner = builder().strategy(*strategy).seed(5).build().expect("sound");
        work(&mut tuner, 6);
        // Two workers are away with trials that have not reported.
        let away = [tuner.ask().expect("rates"), tuner.ask().expect("rates")];
        let text = serde_json::to_string(tuner.state()).expect("plain data");
        let state: TunerState = serde_json::from_str(&text).expect("its own");
        let mut again = Tuner::restore(state).expect("sound");
        for _ in 0..2 {
            let (asked, expected) = (again.ask().expect("rates"), tuner.ask().expect("rates"));
            assert_eq!(asked, expected, "{strategy}");
            let trial = asked.expect("no budget");
            assert!(!away.contains(&Some(trial.clone())), "{strategy}");
            trial.schedule.check().expect("sound");
            let of_half = if strategy.name() == "half" { STEPS / 2 } else { STEPS };
            assert_eq!(trial.total_steps, of_half, "{strategy}");
        }
        assert_eq!(serde_json::to_string(again.state()).ok(), serde_json::to_string(tuner.state()).ok());
    }
}

#[test]
fn models_do_not_ask_for_a_running_trial_again() {
    let mut tuner = builder().strategy("averaged".parse().expect("known")).build().expect("sound");
    work(&mut tuner, 5);
    let (first, second) = (tuner.ask().expect("rates").expect("some"), tuner.ask().expect("rates").expect("some"));
    assert!(first.reason.contains("most improvement"), "{first:?}");
    let apart = |k: u32| {
        let at = f64::from(k) / 20.0;
        ((first.schedule.learning_rate(at) + 1e-3) / (second.schedule.learning_rate(at) + 1e-3)).ln().abs()
    };
    assert!((0..=20).map(apart).sum::<f64>() / 21.0 > 0.05, "{first:?} {second:?}");
}

#[test]
fn finalists_are_run_under_other_seeds() {
    let mut tuner = builder().strategy("confirm".parse().expect("known")).budget(9 * STEPS).build().expect("sound");
    while let Some(trial) = tuner.ask().expect("rates") {
        tuner.tell(&trial.name, train(&trial.schedule, trial.total_steps)).expect("fresh");
    }
    let confirming: Vec<&Trial> = tuner
        .trials()
        .iter()
        .map(|record| &record.trial)
        .filter(|trial| trial.reason.contains("another seed"))
        .collect();
    assert!(confirming.len() >= 3, "{}", confirming.len());
    let mut finals: Vec<f64> = tuner.trials().iter().filter_map(TrialRecord::last_value).collect();
    finals.sort_by(f64::total_cmp);
    for trial in confirming {
        let twins = tuner.trials().iter().filter(|record| record.trial.schedule == trial.schedule);
        let seeds: BTreeSet<u64> = twins.map(|record| record.trial.seed).collect();
        assert!(seeds.len() >= 2);
        assert!(final_loss(&trial.schedule) <= finals[finals.len() / 2], "finalists are among the better half");
    }
}

#[test]
fn a_user_restricts_what_is_asked_and_recommended() {
    let families = [Family::Cosine, Family::Linear];
    let mut tuner = builder().families(families).warmup(0.05).build().expect("sound");
    work(&mut tuner, 7);
    let mut schedules: Vec<Schedule> = tuner.trials().iter().map(|record| record.trial.schedule.clone()).collect();
    schedules.push(tuner.recommend().expect("told").schedule);
    for schedule in schedules {
        let Schedule::Parametric { family, warmup, .. } = schedule else { panic!("{schedule:?}") };
        assert!(families.contains(&family) && warmup == 0.05);
    }
    let mut tuner = builder().warmup(0.02).end(0.0).build().expect("sound");
    work(&mut tuner, 5);
    let mut schedules: Vec<Schedule> = tuner.trials().iter().map(|record| record.trial.schedule.clone()).collect();
    schedules.push(tuner.recommend().expect("told").schedule);
    for schedule in schedules {
        assert_eq!(schedule.learning_rate(1.0), 0.0, "{schedule:?}");
        let Schedule::PiecewiseLinear { knots } = &schedule else { panic!("{schedule:?}") };
        assert_eq!((knots[1].progress, knots[1].learning_rate), (0.02, schedule.highest_rate()), "{schedule:?}");
    }
}

#[test]
fn other_settings_are_tuned_beside_the_rate() {
    let decay = SettingRange::Number { low: 1e-4, high: 1e-1, logarithmic: true };
    let optimizer = SettingRange::Choice { values: vec!["adam".to_owned(), "sgd".to_owned()] };
    let batch = SettingRange::Integer { low: 16, high: 256, logarithmic: true };
    let mut tuner = builder()
        .setting("weight_decay", decay)
        .setting("optimizer", optimizer)
        .setting("batch_size", batch)
        .build()
        .expect("sound");
    work(&mut tuner, 12);
    let values = |name: &str| -> BTreeSet<String> {
        tuner.trials().iter().map(|record| record.trial.settings[name].to_string()).collect()
    };
    assert!(values("weight_decay").len() >= 6 && values("batch_size").len() >= 6);
    assert_eq!(values("optimizer"), BTreeSet::from(["adam".to_owned(), "sgd".to_owned()]));
    for record in tuner.trials() {
        let SettingValue::Number(decay) = record.trial.settings["weight_decay"] else { panic!("a number") };
        let SettingValue::Integer(batch) = record.trial.settings["batch_size"] else { panic!("a whole number") };
        assert!((1e-4..=1e-1).contains(&decay) && (16..=256).contains(&batch));
    }
    let recommended = tuner.recommend().expect("told");
    let best = tuner.trials().iter().find(|record| record.trial.name == recommended.best_run.run).expect("a trial");
    assert_eq!(recommended.settings, best.trial.settings);
}

#[test]
fn bad_reports_are_named_and_lose_nothing() {
    let mut tuner = builder().build().expect("sound");
    let trial = tuner.ask().expect("rates").expect("some");
    let name = trial.name.as_str();
    let points = train(&trial.schedule, STEPS);
    assert!(matches!(tuner.tell("trial-9", 0.1), Err(TuneError::UnknownTrial { running, .. }) if running == name));
    let mut longer = points.clone();
    longer.push(Point::new(STEPS + 1).validation(0.1));
    assert!(matches!(tuner.tell(name, longer), Err(TuneError::Length { asked: STEPS, reported: 1001, .. })));
    assert!(matches!(tuner.tell(name, Vec::<Point>::new()), Err(TuneError::NothingMeasured { .. })));
    let unordered = vec![Point::new(5).validation(1.0), Point::new(4).validation(1.0)];
    assert!(matches!(tuner.tell(name, unordered), Err(TuneError::Engine(crate::Error::StepOrder { .. }))));
    assert_eq!(tuner.trials()[0].status, TrialStatus::Running, "nothing of it was taken");

    tuner.observe(name, points[..10].to_vec()).expect("the beginning");
    assert_eq!(tuner.trials()[0].status, TrialStatus::Running);
    tuner.tell(name, points.clone()).expect("all of it");
    tuner.tell(name, points.clone()).expect("the same again");
    tuner.observe(name, points[..10].to_vec()).expect("the beginning again");
    let mut other = points.clone();
    other[7].validation = Some(17.0);
    let again = tuner.tell(name, other);
    assert!(
        matches!(&again, Err(TuneError::ReportedTwice { difference, .. }) if difference.contains("step 140")),
        "{again:?}"
    );
    assert!(matches!(tuner.fail(name, "too late"), Err(TuneError::Finished { .. })));
    assert_eq!(tuner.trials()[0].last_value(), points[50].validation);
    assert_eq!(tuner.trials()[0].status, TrialStatus::Finished);
    work(&mut tuner, 2);
}

#[test]
fn runs_that_diverge_stop_fail_or_are_never_heard_of_cost_what_they_cost() {
    let mut tuner = builder().build().expect("sound");
    let names: Vec<String> = (0..5).map(|_| tuner.ask().expect("rates").expect("some").name).collect();
    let up_to = |last: u64, value: f64| {
        (0..=last / 20)
            .map(|k| Point::new(20 * k).validation(if 20 * k == last { value } else { 2.0 }))
            .collect::<Vec<_>>()
    };
    tuner.tell(&names[0], up_to(200, f64::NAN)).expect("a result");
    tuner.tell(&names[1], up_to(500, 1.0)).expect("a result");
    tuner.fail(&names[2], "out of memory").expect("it had not reported");
    tuner.abandon(&names[3]).expect("it had not reported");
    let status: Vec<TrialStatus> = tuner.trials().iter().map(|record| record.status.clone()).collect();
    let failed = TrialStatus::Failed { reason: "out of memory".to_owned() };
    let expected = [TrialStatus::Diverged, TrialStatus::Stopped, failed, TrialStatus::Abandoned, TrialStatus::Running];
    assert_eq!(status, expected);
    assert_eq!(tuner.trials().iter().map(TrialRecord::cost).collect::<Vec<_>>(), [200, 500, 0, STEPS, STEPS]);
    // What comes late still counts; what stopped may have gone on.
    tuner.tell(&names[3], up_to(1000, 0.5)).expect("late");
    tuner.tell(&names[1], up_to(1000, 0.5)).expect_err("the value at step 500 was another");
    assert_eq!(tuner.trials()[3].status, TrialStatus::Finished);
    // A NaN is kept as one.
    let text = serde_json::to_string(tuner.state()).expect("plain data");
    let state: TunerState = serde_json::from_str(&text).expect("its own");
    let mut restored = Tuner::restore(state).expect("sound");
    restored.tell(&names[0], up_to(200, f64::NAN)).expect("the same again");
    // The last one has been silent while four others reported.
    assert_eq!(restored.abandon_overdue(5), Vec::<String>::new());
    assert_eq!(restored.abandon_overdue(4), [names[4].clone()]);
}

#[test]
fn workers_need_names_of_their_own() {
    let mut tuner = builder().build().expect("sound");
    let first = tuner.ask_as("a").expect("free").expect("some");
    tuner.ask_as("b").expect("free").expect("some");
    let again = tuner.ask_as("a");
    assert!(matches!(&again, Err(TuneError::WorkerBusy { trial, .. }) if *trial == first.name), "{again:?}");
    assert_eq!(tuner.trials().len(), 2);
    assert_eq!(tuner.resume("a"), Some(&first));
    tuner.tell(&first.name, 0.5).expect("fresh");
    assert_eq!(tuner.resume("a"), None);
    tuner.ask_as("a").expect("free again").expect("some");
}

#[test]
fn a_budget_of_steps_counts_running_trials_and_ends_the_asking() {
    let mut tuner = builder().budget(3 * STEPS + STEPS / 2).build().expect("sound");
    let names: Vec<String> = std::iter::from_fn(|| tuner.ask().expect("rates")).map(|trial| trial.name).collect();
    assert_eq!(names.len(), 3);
    // One diverges early: its steps are free again.
    tuner.tell(&names[0], vec![Point::new(100).validation(f64::NAN)]).expect("a result");
    assert!(tuner.ask().expect("rates").is_some() && tuner.ask().expect("rates").is_none());
    let error = builder().budget(STEPS - 1).build();
    assert!(matches!(error, Err(TuneError::Engine(crate::Error::Setting { name: "budget", .. }))));
}

#[test]
fn a_schedule_of_ones_own_is_a_trial_within_the_budget() {
    let mut tuner = builder().budget(2 * STEPS).build().expect("sound");
    let wanted = Schedule::cosine(0.3);
    let trial = tuner.try_schedule(wanted.clone(), "mine").expect("a schedule").expect("the budget holds it");
    assert_eq!((trial.name.as_str(), &trial.schedule, trial.reason.as_str()), ("trial-0001", &wanted, "mine"));
    tuner.tell(&trial.name, train(&wanted, STEPS)).expect("a fresh trial");
    assert_eq!(tuner.ask().expect("rates").expect("some").name, "trial-0002");
    assert!(tuner.try_schedule(wanted, "again").expect("a schedule").is_none());
    assert!(tuner.try_schedule(Schedule::cosine(f64::NAN), "none").is_err());
    assert_eq!(tuner.trials().len(), 2);
}

#[test]
fn a_study_goes_on_only_as_itself() {
    let mut tuner = builder().task("digits").build().expect("sound");
    work(&mut tuner, 1);
    let state = tuner.state().clone();
    let what = |builder: TunerBuilder| match builder.resume(state.clone()) {
        Err(TuneError::OtherStudy { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what(builder().task("text")), "the task");
    assert_eq!(what(Tuner::builder(Metric::new("loss", Direction::Max), STEPS).peaks(0.01, 10.0)), "the metric");
    assert_eq!(what(Tuner::builder(metric(), 2 * STEPS).peaks(0.01, 10.0)), "the length of the runs in steps");
    assert_eq!(what(builder().peaks(0.01, 5.0)), "the range of peaks");
    assert_eq!(what(builder().warmup(0.1)), "the warm-up");
    let mut resumed = builder().budget(9 * STEPS).resume(state).expect("the same study");
    assert_eq!(resumed.settings().task.as_deref(), Some("digits"));
    // The space is changed on purpose: what was measured stays.
    let narrow = SearchSpace { peaks: Some((0.1, 1.0)), ..SearchSpace::default() };
    resumed.set_space(narrow).expect("sound");
    assert_eq!(resumed.trials().len(), 1);
    for _ in 0..5 {
        let trial = resumed.ask().expect("rates").expect("within the budget");
        assert!((0.0999..=1.0001).contains(&trial.schedule.highest_rate()), "{trial:?}");
    }
}

#[test]
fn settings_out_of_range_are_refused_with_the_remedy() {
    let refused = |builder: TunerBuilder| match builder.build() {
        Err(TuneError::Engine(crate::Error::Setting { name, .. })) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Tuner::builder(metric(), 0)), "total_steps");
    assert_eq!(refused(builder().peaks(1.0, 0.1)), "peaks");
    assert_eq!(refused(builder().peaks(0.0, 0.1)), "peaks");
    assert_eq!(refused(builder().peaks(0.1, f64::INFINITY)), "peaks");
    assert_eq!(refused(builder().learning_rate(f64::NAN)), "peaks");
    assert_eq!(refused(builder().warmup(1.0)), "warmup");
    assert_eq!(refused(builder().end(1.1)), "end");
    assert_eq!(refused(builder().end(0.1).families([Family::Cosine])), "end");
    let wrong = SettingRange::Number { low: 0.0, high: 1.0, logarithmic: true };
    assert_eq!(refused(builder().setting("weight_decay", wrong)), "settings");
    let mut blind = Tuner::builder(metric(), STEPS).build().expect("runs may come");
    assert!(matches!(blind.ask(), Err(TuneError::NoRates)));
    assert!(matches!(blind.recommend(), Err(TuneError::NothingTold)));
    let mut lost = builder().build().expect("sound");
    let trial = lost.ask().expect("a trial").expect("one");
    lost.tell(&trial.name, f64::NAN).expect("a fresh trial");
    assert!(matches!(lost.recommend(), Err(TuneError::AllDiverged { runs: 1 })));
}

#[test]
fn runs_one_has_are_enough() {
    let schedules = [0.03, 0.1, 0.3, 1.0, 3.0].map(Schedule::cosine);
    let mut tuner = Tuner::builder(metric(), STEPS).build().expect("sound");
    let added = tuner.add(&sweep(&schedules)).expect("the metric");
    assert_eq!((added.new, added.told, added.known, added.refused.len()), (5, 0, 0, 0));
    let again = tuner.add(&sweep(&schedules)).expect("the metric");
    assert_eq!((again.new, again.known), (0, 5));
    let mut changed = sweep(&schedules);
    changed.runs[2] = Run::from_points("run 2", train(&Schedule::cosine(0.2), STEPS)).expect("increasing");
    let changed = tuner.add(&changed).expect("the metric");
    assert!(matches!(changed.refused[..], [RefusedRun { error: TuneError::ChangedRun { .. }, .. }]), "{changed:?}");
    let recommended = tuner.recommend().expect("runs are known");
    assert!(final_loss(&recommended.schedule) < 1.1 * recommended.best_run.value);
    // The range of peaks is theirs, and a run with a trial's name is its report.
    let trial = tuner.ask().expect("rates are known").expect("some");
    assert!((0.02..4.0).contains(&trial.schedule.highest_rate()), "{trial:?}");
    let mut reports = sweep(std::slice::from_ref(&trial.schedule));
    reports.runs[0].attributes.other.insert("trial".to_owned(), trial.name.clone());
    assert_eq!(tuner.add(&reports).expect("the metric").told, 1);
    assert_eq!(tuner.trials()[0].status, TrialStatus::Finished);
    let mut other_way = sweep(&schedules);
    other_way.metrics[0].direction = Direction::Max;
    assert!(matches!(tuner.add(&other_way), Err(TuneError::OtherStudy { .. })));
    let mut without = sweep(&schedules);
    without.metrics[0].name = "accuracy".to_owned();
    assert!(matches!(tuner.add(&without), Err(TuneError::Engine(crate::Error::UnknownMetric { .. }))));
}

#[test]
fn final_values_alone_are_enough_where_the_start_is_known() {
    let law = crate::LawSettings { start: Some(2.3), ..crate::LawSettings::default() };
    let mut tuner = builder().law(law).build().expect("sound");
    for _ in 0..8 {
        let trial = tuner.ask().expect("rates").expect("some");
        tuner.tell(&trial.name, final_loss(&trial.schedule)).expect("fresh");
    }
    let recommended = tuner.recommend().expect("told");
    assert!(recommended.predicted.is_some(), "{:?}", recommended.notes);
    assert!(final_loss(&recommended.schedule) < 1.2 * recommended.best_run.value);
    // Where it is not known, the best run is taken as it is, and the note says why.
    let mut tuner = builder().build().expect("sound");
    let trial = tuner.ask().expect("rates").expect("some");
    tuner.tell(&trial.name, 0.7).expect("fresh");
    let recommended = tuner.recommend().expect("told");
    assert_eq!((recommended.schedule, recommended.predicted), (trial.schedule, None));
    assert_eq!(recommended.notes.len(), 1);
}

#[test]
fn the_file_is_replaced_whole_and_turns_are_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("study.json");
    assert!(Tuner::load(&path).is_err());
    let trial = builder().update(&path, Tuner::ask).expect("begins").expect("some");
    let before = std::fs::read(&path).expect("written");
    // After an error the file is as it was.
    let failed = Tuner::update(&path, |tuner| {
        tuner.ask()?;
        tuner.tell("nobody", 0.1)
    });
    assert!(matches!(failed, Err(TuneError::UnknownTrial { .. })));
    assert_eq!(std::fs::read(&path).expect("there"), before);
    Tuner::update(&path, |tuner| tuner.tell(&trial.name, 0.4)).expect("fresh");
    // Many at once: every one gets a trial of its own.
    let asked: Vec<String> = std::thread::scope(|scope| {
        let ask = || Tuner::update(&path, Tuner::ask).expect("a turn").expect("some").name;
        let workers: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).collect()
    });
    assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 8);
    assert_eq!(Tuner::load(&path).expect("whole").trials().len(), 9);
    // Anything else is named, never taken for a study.
    for damaged in [&before[..before.len() / 2], b"{}", b"", b"[1]"] {
        std::fs::write(&path, damaged).expect("written");
        assert!(matches!(Tuner::load(&path), Err(TuneError::State { .. })));
        assert!(builder().update(&path, Tuner::ask).is_err());
        assert_eq!(std::fs::read(&path).expect("there"), damaged, "what is no study is not overwritten");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever workers do, in whatever order, and wherever the process is killed: the tuner goes on, loses nothing, keeps to
    /// its budget, and asks what it would have asked without the kill.
    #[test]
    fn any_order_of_events_is_survived(
        events in prop::collection::vec((0u8..7, 0usize..12), 1..40),
        seed in 0u64..1000,
        strategy in 0usize..3,
    ) {
        let budget = 8 * STEPS;
        // The spread, a random search and half runs: those that fit no model are quick.
        let strategy = ["spread", "random", "half"][strategy].parse::<Strategy>().expect("known");
        let mut tuner = builder().strategy(strategy).seed(seed).budget(budget).build().expect("sound");
        for (event, which) in events {
            let count = tuner.trials().len();
            let told = tuner.trials().iter().filter(|record| record.last_value().is_some()).count();
            let target = tuner.trials().get(which % count.max(1)).map(|record| record.trial.clone());
            match (event, target) {
                (0 | 1, _) | (_, None) => {
                    let text = serde_json::to_string(tuner.state()).expect("plain data");
                    let state = serde_json::from_str(&text).expect("its own");
                    let mut killed = Tuner::restore(state).expect("sound");
                    let asked = tuner.ask().expect("rates");
                    prop_assert_eq!(killed.ask().expect("rates"), asked.clone());
                    let fits = tuner.committed() <= budget;
                    let spent = tuner.committed() + STEPS > budget;
                    prop_assert!((asked.is_some() && fits) || (asked.is_none() && spent));
                }
                (2, Some(trial)) => drop(tuner.tell(&trial.name, train(&trial.schedule, trial.total_steps))),
                (3, Some(trial)) => drop(tuner.tell(&trial.name, f64::NAN)),
                (4, Some(trial)) => drop(tuner.fail(&trial.name, "crashed")),
                (5, Some(trial)) => drop(tuner.abandon(&trial.name)),
                (_, Some(trial)) => {
                    let mut half = train(&trial.schedule, trial.total_steps);
                    half.truncate(half.len() / 2);
                    drop(tuner.observe(&trial.name, half));
                }
            }
            prop_assert!(tuner.trials().iter().filter(|record| record.last_value().is_some()).count() >= told);
        }
        let names: BTreeSet<&str> = tuner.trials().iter().map(|record| record.trial.name.as_str()).collect();
        prop_assert_eq!(names.len(), tuner.trials().len());
        prop_assert_eq!(tuner.recommend().is_ok(), tuner.best_run().is_some());
    }
}
