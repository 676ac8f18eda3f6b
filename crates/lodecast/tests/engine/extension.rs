//! Runs that go on beyond their plan, and targets.

use lodecast::{
    Error, ExtensionKind, FitOptions, FitSettings, Law, LawSettings, ModelKind, Point, Run, Schedule, arrival, extend,
    fit,
};

use super::few_runs::{run, search};

fn law() -> Law {
    let mut sweep = search();
    // Some of twice the length, so that length is known to matter.
    for k in [2, 5, 8] {
        sweep.runs.push(run(&Schedule::cosine(0.01 * 1.6_f64.powi(k)), 800));
    }
    Law::fit(&sweep, "loss", &LawSettings::default()).expect("a law")
}

/// The first `steps` of a run.
fn beginning(whole: &Run, steps: u64) -> Run {
    let points = whole.points(0).filter(|point| point.step <= steps);
    let mut run = Run::from_points("begun", points).expect("points in order");
    run.attributes.total_steps = whole.attributes.total_steps;
    run
}

fn last(run: &Run) -> f64 {
    run.final_validation(0).expect("a last value")
}

#[test]
fn every_way_to_go_on_ends_about_where_it_was_said() {
    let law = law();
    let constant = Schedule::constant(0.2);
    let ways = extend(&law, &run(&constant, 400), 0, 800).unwrap();
    let kinds: Vec<ExtensionKind> = ways.iter().map(|way| way.kind).collect();
    assert!(kinds.contains(&ExtensionKind::DecayNow) && kinds.contains(&ExtensionKind::DecayLater), "{kinds:?}");
    assert!(
        !kinds.contains(&ExtensionKind::Rewarm),
        "the rate never fell, so there is nothing to warm up to: {kinds:?}"
    );
    for way in &ways {
        // What was recorded is the past of the schedule; the run is trained anew with all of it.
        let outcome = last(&run(&way.schedule, 800));
        let said = &way.last;
        // The law takes a short decay for a little too good, and no run that it knows has kept its rate and let it fall then.
        let most = if way.kind == ExtensionKind::DecayNow { 0.05 } else { 0.15 };
        assert!((said.median / outcome - 1.0).abs() < most, "{:?}: {outcome} for {said:?}", way.kind);
        assert!((way.schedule.learning_rate(0.25) - 0.2).abs() < 1e-9);
    }
    assert!(ways.windows(2).all(|pair| pair[0].last.expected <= pair[1].last.expected), "the best comes first");
}

#[test]
fn a_run_that_has_annealed_is_warmed_up_again() {
    let ways = extend(&law(), &run(&Schedule::cosine(0.2), 400), 0, 1200).unwrap();
    assert_eq!(ways[0].kind, ExtensionKind::Rewarm, "{ways:?}");
    let peak = (0..=100).map(|k| ways[0].schedule.learning_rate(0.34 + 0.0066 * f64::from(k))).fold(0.0, f64::max);
    assert!(peak > 0.05, "{peak}");
}

#[test]
fn a_target_is_reached_by_a_length_that_reaches_it() {
    let (law, schedule) = (law(), Schedule::constant(0.2));
    let begun = beginning(&run(&schedule, 400), 200);
    // What a run of 800 steps that decays over its last fifth reaches, a run of 400 does not.
    let decayed = Schedule::piecewise_linear([(0.0, 0.2), (0.85, 0.2), (1.0, 0.002)]).unwrap();
    let target = last(&run(&decayed, 800));
    let found = arrival(&law, &begun, 0, &schedule, 400, target).unwrap();
    assert_eq!(found.reached_at, None);
    assert!(found.probability < 0.1, "a constant rate ends far above it: {found:?}");
    let shortest = found.shortest().expect("a length");
    assert!((500..=1600).contains(&shortest.total_steps), "{shortest:?}");
    assert!(found.lengths.iter().all(|outcome| outcome.total_steps > 200), "it has come that far already");
    let seen = begun.validation(0)[3].unwrap();
    assert_eq!(arrival(&law, &begun, 0, &schedule, 400, seen).unwrap().reached_at, Some(begun.steps()[3]));
}

#[test]
fn what_cannot_go_on_is_refused_with_the_reason() {
    let law = law();
    let whole = run(&Schedule::constant(0.2), 400);
    let error = extend(&law, &whole, 0, 400).unwrap_err();
    assert!(matches!(error, Error::Setting { name: "total_steps", .. }), "{error}");
    assert!(extend(&law, &Run::new("empty", 1), 0, 400).unwrap_err().to_string().contains("no points"));
    let mut blind = Run::new("blind", 1);
    blind.push(10, None, None, &[Some(1.0)]).unwrap();
    assert!(extend(&law, &blind, 0, 400).unwrap_err().to_string().contains("no learning rate"));
    let error = arrival(&law, &beginning(&whole, 200), 0, &Schedule::constant(0.2), 400, f64::NAN).unwrap_err();
    assert!(matches!(error, Error::Setting { name: "target", .. }), "{error}");
}

#[test]
fn the_rest_of_a_curve_begins_where_the_run_is_and_ends_where_it_is_said_to() {
    let mut sweep = search();
    let schedule = Schedule::cosine(0.11);
    let whole = run(&schedule, 400);
    // Half as good as everything the law has seen.
    let points: Vec<Point> = whole
        .points(0)
        .map(|point| Point { validation: point.validation.map(|value| 1.5 * value), ..point })
        .take_while(|point| point.step <= 200)
        .collect();
    sweep.runs.retain(|run| run.id != whole.id);
    let model = fit(&sweep, &FitSettings::new(ModelKind::Law), FitOptions::default()).expect("a law").model;
    let forecast = model.forecast(&points, 400, Some(&schedule)).unwrap();
    let last_seen = points.last().unwrap().validation.unwrap();
    let (first, end) = (forecast.validation.mean[0], *forecast.validation.mean.last().unwrap());
    assert!((first / last_seen - 1.0).abs() < 0.05, "{first} after {last_seen}");
    assert!((end / forecast.final_validation.mean - 1.0).abs() < 0.02, "{end}: {:?}", forecast.final_validation);
    let inside = forecast.validation.low.iter().zip(&forecast.validation.high).zip(&forecast.validation.mean);
    assert!(inside.into_iter().all(|((low, high), mean)| low <= mean && mean <= high));
}
