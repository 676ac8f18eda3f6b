//! Every rival against its public implementation, on numbers that implementation gave.
//!
//! PyTorch 2.15.0, schedulefree 1.4.1, Transformers 5.24.0, all in double precision; the hypergradients by the arithmetic
//! of the authors' repository (gbaydin/hypergradient-descent) in NumPy.

use burn::tensor::{Device, Tensor};

use super::*;
use crate::optimizers::VectorUpdate;
use crate::run::method::Method;
use lodecast::{Direction, Point};

const CURVATURES: [f32; 3] = [0.5, 1.0, 2.0];

/// Ten steps down half the sum of `curvature * weight²`; the rates used, the weights with gradients, the weights arrived at.
fn ten_steps(mut rule: Box<dyn VectorUpdate>, rate: impl Fn(u64) -> f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let device = Device::flex();
    let curvatures = Tensor::<1>::from_data(CURVATURES, &device);
    let mut weights = Tensor::<1>::from_data([1.0_f32, -2.0, 3.0], &device);
    let mut rates = Vec::new();
    for step in 0..10 {
        let gradient = curvatures.clone() * weights.clone();
        let used;
        (weights, used) = rule.step(rate(step), weights, gradient);
        rates.push(used);
    }
    let numbers = |tensor: Tensor<1>| tensor.into_data().iter::<f64>().collect::<Vec<f64>>();
    let arrived = rule.arrived(&weights).unwrap_or_else(|| weights.clone());
    (rates, numbers(weights), numbers(arrived))
}

fn all_close(values: &[f64], expected: &[f64], what: &str) {
    assert_eq!(values.len(), expected.len(), "{what}");
    for (value, expected) in values.iter().zip(expected) {
        assert!((value - expected).abs() < 2e-5 * (1.0 + expected.abs()), "{what}: {value} is not {expected}");
    }
}

#[test]
fn schedule_free_agrees_with_the_authors_package() {
    let rate = |peak: f64| move |step: u64| peak * ((step + 1) as f64 / 3.0).min(1.0);
    let sgd = ScheduleFree { weight_decay: 0.01, ..ScheduleFree::SGD };
    let (_, y, x) = ten_steps(sgd.start(), rate(0.3));
    all_close(&y, &[0.377_335_402_006_686_14, -0.173_662_419_996_903_24, -0.152_290_273_649_739_54], "SGD at y");
    all_close(&x, &[0.408_656_655_227_911_8, -0.234_652_235_876_973_56, -0.133_247_582_451_968_3], "SGD at x");
    let (_, y, x) = ten_steps(ScheduleFree::ADAMW.start(), rate(0.1));
    all_close(&y, &[0.505_871_442_108_153_6, -1.464_989_116_492_536_2, 2.448_310_729_692_726_5], "AdamW at y");
    all_close(&x, &[0.535_607_422_211_222_1, -1.499_560_474_056_617_3, 2.484_642_944_237_736_5], "AdamW at x");
}

#[test]
fn the_warm_up_of_schedule_free_learning_is_that_of_the_package() {
    let mut method = ScheduleFreeLearning::new(0.3, 60, ScheduleFree::SGD);
    let rates: Vec<f64> = (0..5).map(|step| method.learning_rate(step)).collect();
    all_close(&rates, &[0.1, 0.2, 0.3, 0.3, 0.3], "rates");
}

#[test]
fn hypergradients_agree_with_the_authors_arithmetic() {
    let (rates, weights, _) = ten_steps(Hypergradient::SGD.start(), |_| 0.01);
    let expected = [
        0.01,
        0.049_488_75,
        0.110_447_863_041_191_4,
        0.139_220_377_204_314_1,
        0.102_149_025_093_614_37,
        0.049_222_526_329_263_25,
        0.021_837_912_421_419_41,
        0.025_482_898_553_167_994,
        0.054_826_101_636_470_344,
        0.093_761_762_232_591_94,
    ];
    all_close(&rates, &expected, "SGD's rates");
    all_close(&weights, &[-0.000_981_431_732_467, 0.834_382_338_828_995, -0.657_855_262_501_626_1], "SGD's weights");
    let (rates, weights, _) = ten_steps(Hypergradient { hyper_rate: 1e-3, ..Hypergradient::ADAM }.start(), |_| 0.01);
    let expected = [
        0.01,
        0.018_464_999_062_911_82,
        0.026_864_456_508_900_354,
        0.035_167_337_800_653_04,
        0.043_342_246_176_022_864,
        0.051_357_648_360_146_044,
        0.059_182_155_277_719_83,
        0.066_784_860_000_662_7,
        0.074_135_734_096_042_9,
        0.081_206_081_643_204_84,
    ];
    all_close(&rates, &expected, "Adam's rates");
    all_close(
        &weights,
        &[0.544_099_599_219_602_4, -1.538_068_044_767_305_6, 2.536_396_975_992_792_2],
        "Adam's weights",
    );
}

#[test]
fn a_rate_never_goes_below_zero() {
    // A hyper-rate this large overshoots at once.
    let (rates, ..) = ten_steps(Hypergradient { hyper_rate: 10.0, ..Hypergradient::SGD }.start(), |_| 0.3);
    assert!(rates.iter().all(|&rate| rate >= 0.0 && rate.is_finite()), "{rates:?}");
    assert!(rates.contains(&0.0), "{rates:?}");
}

/// Where the rate changes, and to what.
fn changes(rates: &[f64]) -> Vec<(usize, f64)> {
    (0..rates.len()).filter(|&at| at == 0 || rates[at] != rates[at - 1]).map(|at| (at, rates[at])).collect()
}

fn same_changes(rates: &[f64], expected: &[(usize, f64)]) {
    let changes = changes(rates);
    let places = |changes: &[(usize, f64)]| changes.iter().map(|change| change.0).collect::<Vec<_>>();
    assert_eq!(places(&changes), places(expected), "{changes:?}");
    let values = |changes: &[(usize, f64)]| changes.iter().map(|change| change.1).collect::<Vec<_>>();
    all_close(&values(&changes), &values(expected), "rates");
}

const ACCURACY: [f64; 40] = [
    0.003, 0.103, 0.212, 0.284, 0.343, 0.425, 0.501, 0.544, 0.555, 0.583, 0.63, 0.673, 0.653, 0.718, 0.719, 0.747,
    0.767, 0.786, 0.813, 0.837, 0.824, 0.862, 0.829, 0.856, 0.873, 0.862, 0.85, 0.851, 0.864, 0.88, 0.859, 0.877, 0.88,
    0.896, 0.891, 0.896, 0.877, 0.889, 0.908, 0.923,
];

#[test]
fn the_plateau_is_that_of_pytorch() {
    let default = PlateauSettings::default();
    let rates = |direction: Direction, settings: PlateauSettings| -> Vec<f64> {
        let mut method = ReduceOnPlateau::new(0.1, direction, settings);
        let seen = ACCURACY.map(|value| if direction == Direction::Max { value } else { 1.0 - value });
        let points = seen.iter().enumerate().map(|(at, &value)| Point::new(at as u64 + 1).validation(value));
        points.map(|point| method.observe(&point).map(|()| method.learning_rate(point.step)).unwrap()).collect()
    };
    let eager = PlateauSettings { factor: 0.5, patience: 2, ..default };
    same_changes(&rates(Direction::Max, eager), &[(0, 0.1), (27, 0.05), (32, 0.025), (36, 0.0125)]);
    let absolute =
        PlateauSettings { factor: 0.5, patience: 1, threshold: Threshold::Absolute(0.01), cooldown: 3, lowest: 0.02 };
    same_changes(&rates(Direction::Max, absolute), &[(0, 0.1), (23, 0.05), (28, 0.025), (35, 0.02)]);
    let relative =
        PlateauSettings { factor: 0.3, patience: 2, threshold: Threshold::Relative(0.05), cooldown: 1, ..default };
    same_changes(&rates(Direction::Min, relative), &[(0, 0.1), (27, 0.03), (32, 0.009), (36, 0.0027)]);
}

const LOSSES: [f64; 60] = [
    1.962, 1.81, 1.598, 1.398, 1.221, 1.061, 0.988, 0.893, 0.79, 0.689, 0.584, 0.469, 0.446, 0.414, 0.309, 0.319,
    0.284, 0.26, 0.175, 0.166, 0.151, 0.11, 0.18, 0.098, 0.109, 0.08, 0.125, 0.108, 0.079, -0.013, 0.303, 0.334, 0.35,
    0.269, 0.391, 0.234, 0.267, 0.347, 0.302, 0.4, 0.309, 0.268, 0.281, 0.245, 0.236, 0.332, 0.329, 0.365, 0.262,
    0.384, 0.286, 0.379, 0.278, 0.263, 0.312, 0.352, 0.308, 0.271, 0.233, 0.23,
];

#[test]
fn greed_is_that_of_transformers() {
    let rates = |settings: GreedySettings| -> Vec<f64> {
        let mut method = Greedy::new(0.1, settings);
        let watch = |loss: &f64| {
            method.observe_loss(*loss);
            method.learning_rate(0)
        };
        LOSSES.iter().map(watch).collect()
    };
    let default = GreedySettings::starting_at(0.1);
    // Reaches both ends of its range, and starts anew after the second fall at the lower one.
    let narrow = GreedySettings { factor: 0.9, patience: 2, window: 1, range: (0.08, 0.15), reset_after: 2, ..default };
    let expected = [
        (0, 0.1),
        (2, 0.111_111_111),
        (5, 0.123_456_790),
        (8, 0.137_174_211),
        (11, 0.15),
        (32, 0.135),
        (35, 0.1215),
        (38, 0.109_35),
        (41, 0.098_415),
        (44, 0.088_573_5),
        (47, 0.08),
        (50, 0.1),
        (53, 0.111_111_111),
        (56, 0.1),
    ];
    same_changes(&rates(narrow), &expected);
    let smooth = GreedySettings { patience: 3, window: 8, cooldown: 2, warmup: 3, range: (1e-3, 1.0), ..default };
    let expected = [
        (0, 0.1),
        (3, 0.105_263_158),
        (10, 0.110_803_324),
        (17, 0.116_635_078),
        (24, 0.122_773_766),
        (33, 0.116_635_078),
        (39, 0.110_803_324),
        (45, 0.105_263_158),
        (51, 0.1),
        (57, 0.095),
    ];
    same_changes(&rates(smooth), &expected);
}

#[test]
fn rivals_are_called_by_name() {
    for rival in Rival::ALL {
        assert_eq!(rival.name().parse::<Rival>().unwrap(), rival);
    }
    let error = "lion".parse::<Rival>().unwrap_err().to_string();
    assert!(error.starts_with("no method 'lion'; choose one of constant, cosine"), "{error}");
    let contender = |rate| plateau::RIVAL.contender("plateau".to_owned(), rate, Direction::Max, None);
    assert!(contender(f64::NAN).is_err() && contender(0.0).is_err() && contender(0.1).is_ok());
    let error = controller::RIVAL.contender("controller".to_owned(), 0.1, Direction::Max, None).err().unwrap();
    assert!(error.to_string().contains("train one first"), "{error}");
}
