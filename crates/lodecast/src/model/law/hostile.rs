//! Whatever a sweep holds, the law says something finite or says why not.

use proptest::prelude::*;

use super::{Law, LawSettings, Objective};
use crate::{Attributes, Direction, Metric, PickSettings, Point, Run, Schedule, Sweep, pick};

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -2.0..3.0f64,
        4 => 0.0..1.0f64,
        1 => prop::sample::select(vec![
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, 100.0, 1e308, -1e308, 1e-320, f64::MIN_POSITIVE,
        ]),
    ]
}

fn rate() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        6 => (1e-4..1.0f64).prop_map(Some),
        1 => Just(None),
        1 => prop::sample::select(vec![0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300, 1e25]).prop_map(Some),
    ]
}

prop_compose! {
    fn run()(
        steps in prop::collection::btree_set(prop_oneof![8 => 0..2000u64, 1 => Just(u64::MAX), 1 => 0..5u64], 0..14),
        values in prop::collection::vec(prop::option::weighted(0.8, value()), 14),
        losses in prop::collection::vec(prop::option::weighted(0.5, value()), 14),
        base in rate(), rates in prop::collection::vec(rate(), 14), same in any::<bool>(),
        total in prop::option::weighted(0.3, prop::sample::select(vec![0u64, 1, 100, 5000, u64::MAX])),
        other in prop::collection::btree_map(
            prop::sample::select(vec!["weight_decay", "momentum", "warmup", "optimizer", "width"]).prop_map(str::to_owned),
            prop::sample::select(vec!["0", "0.9", "1", "nan", "-3", "adam", "1e300", ""]).prop_map(str::to_owned), 0..4,
        ),
        id in 0..50u32,
    ) -> Run {
        let points = steps.into_iter().enumerate().map(|(k, step)| Point {
            step, train_loss: losses[k], learning_rate: if same { base } else { rates[k] }, validation: values[k],
        });
        let mut run = Run::from_points(id.to_string(), points).expect("increasing");
        run.attributes = Attributes { total_steps: total, other, ..Attributes::default() };
        run
    }
}

fn check(law: &Law, sweep: &Sweep) {
    let schedules = [
        Schedule::constant(1e-8),
        Schedule::cosine(0.1),
        Schedule::one_cycle(1e6),
        Schedule::piecewise_linear([(0.0, 0.0), (1.0, 0.0)]).expect("valid"),
    ];
    for total_steps in [1, 1000, u64::MAX] {
        let mut forecasts = law.final_values(&schedules, total_steps).expect("usable schedules");
        forecasts.extend(sweep.runs.iter().filter_map(|run| law.final_value_of(run, 0, 0.3).ok()));
        for forecast in forecasts {
            let ordered = [forecast.low_95, forecast.low_68, forecast.median, forecast.high_68, forecast.high_95];
            assert!(ordered.iter().all(|number| number.is_finite()) && ordered.is_sorted(), "{forecast:?}");
            assert!(forecast.expected.is_finite() && forecast.deviation.is_finite(), "{forecast:?}");
            assert!((0.0..=1.0).contains(&forecast.probability_diverged), "{forecast:?}");
        }
        let samples = law.samples(&schedules, total_steps, 3, 1).expect("usable schedules");
        assert!(samples.iter().flatten().all(|value| value.is_finite()), "{samples:?}");
    }
    let curve = law.forecast(&schedules[1], 500).expect("usable");
    assert!(curve.median.iter().chain(&curve.low_68).chain(&curve.high_68).all(|value| value.is_finite()));
    assert!(law.explain().quantities.iter().all(|quantity| quantity.low <= quantity.high));
    let settings = PickSettings { candidates: 20, draws: 4, ..PickSettings::default() };
    let picked = pick(law, 1000, &settings).expect("a pick");
    picked.schedule.check().expect("a usable schedule");
    assert!(picked.predicted.expected.is_finite() && (0.0..=1.0).contains(&picked.probability_better_than_best));
    let text = serde_json::to_string(law).expect("plain data");
    let back: Law = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {}", &text[error.column().saturating_sub(300)..error.column()]));
    assert_eq!(back.final_values(&schedules, 700).expect("usable"), law.final_values(&schedules, 700).expect("usable"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn any_sweep_is_answered_or_refused(
        runs in prop::collection::vec(run(), 0..6), maximised in any::<bool>(), best in any::<bool>(),
        name in prop::sample::select(vec!["loss", "accuracy", "reward"]),
    ) {
        let direction = if maximised { Direction::Max } else { Direction::Min };
        let mut sweep = Sweep::new(vec![Metric::new(name, direction)]);
        sweep.runs = runs;
        let objective = if best { Objective::Best } else { Objective::Last };
        match Law::fit(&sweep, name, &LawSettings { objective, ..LawSettings::default() }) {
            Ok(law) => check(&law, &sweep),
            Err(error) => prop_assert!(error.to_string().len() > 20),
        }
    }
}

/// Runs with these final losses that fall from 2 along a hyperbola.
fn sweep(metric: &str, runs: &[(f64, &dyn Fn(f64) -> f64)]) -> Sweep {
    let mut sweep = Sweep::new(vec![metric.parse().expect("a metric")]);
    for (k, (rate, value)) in runs.iter().enumerate() {
        let points = (0..=40u64).map(|at| Point::new(25 * at).learning_rate(*rate).validation(value(at as f64 / 40.0)));
        sweep.runs.push(Run::from_points(k.to_string(), points).expect("increasing"));
    }
    sweep
}

#[test]
fn what_cannot_be_learned_from_is_refused_with_a_remedy() {
    let refuse = |sweep: &Sweep, words: &[&str]| {
        let error = Law::fit(sweep, "m", &LawSettings::default()).expect_err("nothing to learn").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    refuse(&sweep("m:min", &[]), &["no runs", "prior"]);
    refuse(&sweep("m:min", &[(0.1, &|_| f64::NAN), (0.2, &|_| f64::NAN)]), &["finite"]);
    let diverging = |at: f64| if at < 0.5 { 2.0 } else { f64::NAN };
    refuse(&sweep("m:min", &[(0.1, &diverging), (0.2, &diverging)]), &["all 2", "lower rate", "1.000e-1"]);
    refuse(&sweep("m:min", &[(0.1, &|_| 2.0), (0.2, &|_| 2.0)]), &["never improves", "direction"]);
    refuse(&sweep("m:min", &[(0.1, &|at| 1.0 + at), (0.2, &|at| 1.0 + 2.0 * at)]), &["never improves"]);
    let accuracy = sweep("accuracy:max", &[(0.1, &|at| 0.2 + 0.9 * at)]);
    let error = Law::fit(&accuracy, "accuracy", &LawSettings::default()).expect_err("above 1").to_string();
    assert!(error.contains("1.1") && error.contains("ideal"), "{error}");
    assert!(Law::fit(&accuracy, "other", &LawSettings::default()).is_err());
}

#[test]
fn a_rate_beyond_all_bounds_is_a_rate_that_diverged() {
    let falling = |at: f64| 0.3 + 1.7 / (1.0 + 20.0 * at);
    let diverging = |at: f64| if at < 0.1 { 2.0 } else { f64::NAN };
    let sweep = sweep("m:min", &[(1e-12, &falling), (1e300, &diverging)]);
    check(&Law::fit(&sweep, "m", &LawSettings::default()).expect("one sound run"), &sweep);
}

#[test]
fn what_says_little_is_answered_with_the_reason() {
    let falling = |at: f64| 0.3 + 1.7 / (1.0 + 20.0 * at);
    let one = Law::fit(&sweep("m:min", &[(0.1, &falling)]), "m", &LawSettings::default()).expect("one run");
    assert!(one.notes()[0].contains("1 of 1 run"), "{:?}", one.notes());
    let same: [(f64, &dyn Fn(f64) -> f64); 3] = [(0.1, &falling), (0.1, &falling), (0.1, &|at| falling(at) * 1.02)];
    let same = Law::fit(&sweep("m:min", &same), "m", &LawSettings::default()).expect("one rate");
    assert!(same.notes()[0].contains("1.000e-1"), "{:?}", same.notes());
    let width = |law: &Law, rate: f64| {
        let forecast = law.final_values(&[Schedule::constant(rate)], 1000).expect("usable")[0];
        forecast.high_95 - forecast.low_95
    };
    assert!(width(&same, 1.0) > 3.0 * width(&same, 0.1), "what nobody tried is doubtful");
    // Negative losses and rewards: the ideal is learned, and said.
    let negative = |at: f64| -1.0 + 2.0 / (1.0 + 20.0 * at);
    let runs: [(f64, &dyn Fn(f64) -> f64); 2] = [(0.1, &negative), (0.2, &negative)];
    let law = Law::fit(&sweep("m:min", &runs), "m", &LawSettings::default()).expect("a learned ideal");
    assert!(
        law.scale().ideal < negative(1.0) && law.notes().iter().any(|note| note.contains("learned")),
        "{:?}",
        law.notes()
    );
    let forecast = law.final_values(&[Schedule::constant(0.15)], 1000).expect("usable")[0];
    assert!((forecast.median - negative(1.0)).abs() < 0.1, "{forecast:?}");
}
