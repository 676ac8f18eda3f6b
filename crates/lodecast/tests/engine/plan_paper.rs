//! The paper's planner against a model with analytic curves.

use std::sync::Arc;

use crate::plan_models::{Analytic, TOTAL_STEPS, changed};
use lodecast::{
    Alignment, Error, Forecaster, Origin, PaperPlannerSettings, Plan, Planner, Point, Schedule, Situation, Verdict,
    Window,
};

/// The paper's alignment, which most of these tests are about.
fn aligned_by_loss() -> PaperPlannerSettings {
    changed(PaperPlannerSettings::default(), |it| it.alignment = Alignment::Loss)
}

/// Points up to `now` (in thousandths of the run) with this loss and metric.
fn points(now: u64, loss: f64, validation: f64) -> Vec<Point> {
    (1..=now / 10).map(|k| Point::new(10 * k).train_loss(loss).learning_rate(0.1).validation(validation)).collect()
}

fn plan(model: &Arc<Analytic>, settings: PaperPlannerSettings, observed: &[Point]) -> Plan {
    let in_force = Schedule::constant(0.1);
    let planner = Planner::new(Forecaster::Paper(model.clone()), settings).expect("sound settings");
    planner.plan(&Situation::after(observed, TOTAL_STEPS, &in_force)).expect("a plan")
}

/// The analytic curves are not those of the sweep; that is not what these tests are about.
fn settings() -> PaperPlannerSettings {
    changed(aligned_by_loss(), |it| it.surprise_limit = f64::INFINITY)
}

#[test]
fn alignment_finds_the_time_with_the_observed_loss_and_the_largest_rate() {
    let model = Arc::new(Analytic::new(1));
    // The loss is 2 - t, its tolerance 2 x 0.0101: plausible are 0.48 to 0.52, and the rate falls with time.
    let plan = plan(&model, settings(), &points(300, 1.5, 0.5));
    for candidate in &plan.candidates {
        assert!((candidate.aligned_at.expect("aligned") - 0.48).abs() < 1e-12);
    }
    // The metric is read 0.7 of a run later.
    let latent = &model.asked.lock().expect("no panic")[0];
    let metric = plan.candidates[0].prediction.expect("predicted").metric;
    assert!((metric - Analytic::metric(latent, 0.48 + 0.7)).abs() < 1e-12);
}

#[test]
fn the_metric_narrows_alignment_down() {
    let model = Arc::new(Analytic { encoded: [0.0, 0.0], ..Analytic::new(1) });
    let align = |alignment, metric: f64| {
        let settings = changed(settings(), |it| {
            it.alignment = alignment;
            it.tolerance = 10.0;
            it.candidates = 1;
        });
        plan(&model, settings, &points(300, 1.5, metric)).candidates[0].aligned_at
    };
    // Loss alone: 0.40 to 0.60. The metric is 0.5 - 0.1 t within 0.2 of what was observed.
    assert!((align(Alignment::Loss, 0.26).expect("aligned") - 0.40).abs() < 1e-12);
    assert!((align(Alignment::LossAndValidation, 0.26).expect("aligned") - 0.40).abs() < 1e-12);
    assert!((align(Alignment::LossAndValidation, 0.2451).expect("aligned") - 0.55).abs() < 1e-12);
    assert_eq!(align(Alignment::LossAndValidation, 0.1), None);
    assert_eq!(align(Alignment::None, 0.1), Some(0.3));
}

#[test]
fn the_schedule_is_the_mean_of_the_best_accepted_rates() {
    let model = Arc::new(Analytic::new(1));
    let plan = plan(&model, settings(), &points(300, 1.5, 0.5));
    let mut asked = model.asked.lock().expect("no panic").clone();
    assert_eq!(asked.len(), 30);
    assert_eq!(asked[0], model.encoded, "the encoded vector itself is a candidate");
    // The reward is 0.5 + z1 - 0.1 t with the same t for all, so the largest z1 are the best.
    asked.sort_by(|a, b| b[1].total_cmp(&a[1]));
    let best = &asked[..3];
    for progress in [0.3, 0.5, 0.755, 1.0] {
        let time = 0.48 + progress - 0.3;
        let by_hand = (best.iter().map(|latent| Analytic::rate(latent, time).ln()).sum::<f64>() / 3.0).exp();
        let planned = plan.schedule.learning_rate(progress);
        assert!((planned / by_hand - 1.0).abs() < 5e-3, "{planned} instead of {by_hand} at {progress}");
    }
    let metric = best.iter().map(|latent| Analytic::metric(latent, 1.18)).sum::<f64>() / 3.0;
    assert!((plan.prediction.expect("predicted").metric - metric).abs() < 1e-12);
    assert_eq!(plan.candidates.iter().filter(|candidate| candidate.verdict == Verdict::Chosen).count(), 3);
    assert!(plan.changed);
}

#[test]
fn the_noise_is_relative_and_new_at_every_replan() {
    let model = Arc::new(Analytic { encoded: [0.2, 0.0], ..Analytic::new(2) });
    let planner = Planner::new(Forecaster::Paper(model.clone()), changed(settings(), |it| it.candidates = 400))
        .expect("sound settings");
    let (in_force, observed) = (Schedule::constant(0.1), points(300, 1.5, 0.5));
    let draws = |seed, replan| {
        model.asked.lock().expect("no panic").clear();
        planner
            .plan(&Situation { seed, replan, ..Situation::after(&observed, TOTAL_STEPS, &in_force) })
            .expect("a plan");
        model.asked.lock().expect("no panic").clone()
    };
    let first = draws(0, 0);
    assert_eq!(first, draws(0, 0));
    assert_ne!(first, draws(0, 1));
    assert_ne!(first, draws(1, 0));
    assert_ne!(first[1..400], first[401..800], "members draw their own");
    assert!(first.iter().all(|latent| latent[1] == 0.0), "a component of 0 stays 0");
    let noise: Vec<f64> = first[1..400].iter().map(|latent| (latent[0] - 0.2) / (0.15 * 0.2)).collect();
    let variance = noise.iter().map(|noise| noise * noise).sum::<f64>() / noise.len() as f64;
    assert!((variance - 1.0).abs() < 0.25, "{variance}");
}

#[test]
fn every_member_has_a_say() {
    let model = Arc::new(Analytic::new(4));
    let plan = plan(&model, settings(), &points(300, 1.5, 0.5));
    assert_eq!(plan.candidates.len(), 4 * 30);
    for member in 0..4 {
        let chosen = plan.candidates.iter().filter(|candidate| {
            candidate.verdict == Verdict::Chosen
                && matches!(candidate.origin, Origin::Latent { member: of, .. } if of == member)
        });
        assert_eq!(chosen.count(), 3);
    }
    assert!(plan.prediction.expect("predicted").spread > 0.0);
}

#[test]
fn when_all_are_rejected_the_schedule_in_force_stays_and_the_reason_is_said() {
    let model = Arc::new(Analytic::new(1));
    let rejected = plan(&model, settings(), &points(300, 0.5, 0.5));
    assert!(!rejected.changed && rejected.schedule == Schedule::constant(0.1));
    assert_eq!(rejected.rejected(), 30);
    assert_eq!(rejected.reason, "all 30 futures were rejected, 30 of them because it nowhere has the observed loss");
    let broken = Arc::new(Analytic { encoded: [2000.0, 0.0], ..Analytic::new(1) });
    let infinite = plan(&broken, settings(), &points(300, 1.5, 0.5));
    assert!(!infinite.changed && infinite.reason.contains("not positive and finite"), "{infinite}");
}

#[test]
fn rates_stay_in_the_range_of_the_sweep() {
    for (z0, bound) in [(6.0, 0.3), (-20.0, model_floor())] {
        let model = Arc::new(Analytic { encoded: [z0, 0.0], ..Analytic::new(1) });
        let plan = plan(&model, settings(), &points(300, 1.5, 0.5));
        let rate = plan.schedule.learning_rate(0.8);
        assert!((rate / bound - 1.0).abs() < 1e-9, "{rate} instead of {bound}");
    }
}

/// Smallest rate worth planning: a hundredth of the smallest peak of the sweep.
fn model_floor() -> f64 {
    let experience = crate::plan_models::experience();
    experience.learning_rates.lowest.max(experience.negligible_rate)
}

#[test]
fn a_window_of_which_nothing_can_be_said_is_an_error() {
    let in_force = Schedule::constant(0.1);
    let planner = Planner::new(Forecaster::paper(Analytic::new(1)), settings()).expect("sound settings");
    for observed in [vec![], vec![Point::new(3)], vec![Point::new(3).train_loss(f64::NAN)]] {
        let error = planner.plan(&Situation::after(&observed, TOTAL_STEPS, &in_force)).expect_err("no loss");
        assert!(matches!(error, Error::Window { .. }), "{error}");
    }
}

#[test]
fn impossible_settings_are_named() {
    let sound = aligned_by_loss();
    for (name, settings) in [
        ("window", changed(sound, |it| it.window = Window::Points(0))),
        ("window", changed(sound, |it| it.window = Window::Fraction(f64::NAN))),
        ("candidates", changed(sound, |it| it.candidates = 0)),
        ("noise", changed(sound, |it| it.noise = -0.1)),
        ("grid", changed(sound, |it| it.grid = 1)),
        ("tolerance", changed(sound, |it| it.tolerance = 0.0)),
        ("best", changed(sound, |it| it.best = 0)),
        ("horizon", changed(sound, |it| it.horizon = Some(f64::NAN))),
        ("ramp", changed(sound, |it| it.ramp = -0.1)),
    ] {
        let error = Planner::new(Forecaster::paper(Analytic::new(1)), settings).expect_err(name);
        assert!(matches!(error, Error::Setting { name: found, .. } if found == name), "{name}: {error}");
    }
}
