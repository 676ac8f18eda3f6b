//! Suggestions from models whose truth is known.

use crate::plan_models::{Told, changed, mean_log_rate};
use lodecast::{Error, Schedule, Suggestion, SuggestionSettings, suggest};

/// Each member thinks another mean rate best.
fn divided() -> Told {
    Told::new(3, |member, schedule, _| {
        let target = [0.04f64, 0.06, 0.08][member].ln();
        -(mean_log_rate(schedule, 0.0) - target).powi(2)
    })
}

fn curve(schedule: &Schedule) -> Vec<f64> {
    (0..=32).map(|k| schedule.learning_rate(f64::from(k) / 32.0).max(1e-4).ln()).collect()
}

fn distance(a: &Schedule, b: &Schedule) -> f64 {
    let (a, b) = (curve(a), curve(b));
    (a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

fn suggestions(settings: SuggestionSettings) -> Vec<Suggestion> {
    suggest(&divided(), &settings).expect("suggestions")
}

#[test]
fn each_member_in_turn_says_what_it_thinks_best() {
    let all = suggestions(changed(SuggestionSettings::default(), |it| {
        it.count = 6;
        it.trust_weight = 0.0;
    }));
    assert_eq!(all.iter().map(|suggestion| suggestion.member).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    for Suggestion { schedule, member, prediction, .. } in &all {
        let target = [0.04f64, 0.06, 0.08][*member].ln();
        let found = mean_log_rate(schedule, 0.0);
        // To keep away from what is known, a member may leave its optimum a little.
        assert!((found - target).abs() < 0.25, "member {member}: {found} instead of {target}");
        assert!(prediction.spread > 0.0, "the members disagree");
    }
}

#[test]
fn suggestions_keep_away_from_what_is_known_and_from_each_other() {
    let model = divided();
    let known: Vec<Schedule> = model.experience.configurations.iter().map(|known| known.schedule.clone()).collect();
    let spaced = suggestions(SuggestionSettings::default());
    let nearest = |all: &[Suggestion]| {
        let pairs = all.iter().enumerate().flat_map(|(index, one)| {
            let others = all[..index].iter().map(|other| &other.schedule).chain(&known);
            others.map(|other| distance(&one.schedule, other)).collect::<Vec<_>>()
        });
        pairs.fold(f64::INFINITY, f64::min)
    };
    let crowded = suggestions(changed(SuggestionSettings::default(), |it| it.repulsion = 0.0));
    assert!(nearest(&spaced) > 0.1, "{}", nearest(&spaced));
    assert!(nearest(&crowded) < nearest(&spaced), "{} and {}", nearest(&crowded), nearest(&spaced));
}

#[test]
fn rates_stay_within_the_factor_of_what_was_good() {
    let greedy = Told::new(2, |_, schedule, _| mean_log_rate(schedule, 0.0));
    let settings = changed(SuggestionSettings::default(), |it| {
        it.trust_weight = 0.0;
        it.range_factor = 1.5;
    });
    let highest = greedy.experience.good_learning_rates.highest;
    let all = suggest(&greedy, &settings).expect("suggestions");
    let rates = all.iter().flat_map(|suggestion| curve(&suggestion.schedule)).map(f64::exp);
    let most = rates.fold(0.0, f64::max);
    assert!(most > highest && most <= 1.5 * highest * (1.0 + 1e-9), "{most} with {highest}");
}

#[test]
fn the_same_seed_gives_the_same_and_another_one_others() {
    let settings = changed(SuggestionSettings::default(), |it| it.count = 3);
    assert_eq!(suggestions(settings), suggestions(settings));
    assert_ne!(suggestions(settings), suggestions(changed(settings, |it| it.seed = 1)));
}

#[test]
fn settings_out_of_range_are_named() {
    let usual = SuggestionSettings::default();
    for (name, settings) in [
        ("count", changed(usual, |it| it.count = 0)),
        ("range_factor", changed(usual, |it| it.range_factor = 0.5)),
        ("repulsion", changed(usual, |it| it.repulsion = f64::NAN)),
        ("repulsion_distance", changed(usual, |it| it.repulsion_distance = 0.0)),
        ("trust_weight", changed(usual, |it| it.trust_weight = -1.0)),
    ] {
        let error = suggest(&divided(), &settings).unwrap_err();
        assert!(matches!(error, Error::Setting { name: found, .. } if found == name), "{error}");
    }
}
