//! The solver and its reverse pass against closed forms and finite differences.

use super::runge_kutta::RungeKutta;
use super::{
    Adjoint, BogackiShampine, Control, DenseReader, Problem, Projection, Solution, Tolerances, Tsit5, VectorField,
};
use crate::kernels::lanes::{Lanes, Portable};
use crate::kernels::network::matrix::{Columns, add_rows};

type L = Portable<f64, 8>;

/// `x' = -a x + u`, `y' = b x - y^2`: the first component has a closed form, the second is there to be nonlinear.
struct Decay {
    a: f64,
    b: f64,
}

impl VectorField<L> for Decay {
    fn size(&self) -> usize {
        2
    }

    /// `[x, y, gradient of a, gradient of b]`.
    fn row(&self) -> usize {
        4
    }

    fn evaluate<const REVERSIBLE: bool>(&self, row: &mut [L], control: L, derivative: &mut [L]) {
        let (x, y) = (row[0], row[1]);
        derivative[0] = control - L::constant(self.a) * x;
        derivative[1] = L::constant(self.b) * x - y * y;
    }

    fn pull_back(&self, row: &mut [L], derivative: &[L], state: &mut [L]) {
        let (x, y) = (row[0], row[1]);
        state[0] = state[0] - L::constant(self.a) * derivative[0] + L::constant(self.b) * derivative[1];
        state[1] = state[1] - L::constant(2.0) * y * derivative[1];
        row[2] = -x * derivative[0];
        row[3] = x * derivative[1];
    }

    fn add_gradients(&self, tape: &[L], sums: &mut [L]) {
        add_rows(sums, tape, 4, Columns { offset: 2, size: 2 });
    }
}

const FIELD: Decay = Decay { a: 0.7, b: 0.4 };

fn tolerances(tolerance: f64) -> Tolerances {
    Tolerances { rtol: tolerance, atol: tolerance, first_step: 0.1, max_steps: 1000 }
}

/// Each lane its own end, and its own control: a slope, then a jump, then constant.
fn controls() -> Vec<Control> {
    (0..8)
        .map(|lane| {
            let lane = f64::from(lane);
            let samples =
                [(0.0, 0.2 * lane), (1.0 + 0.1 * lane, 1.0), (1.0 + 0.1 * lane, -0.5), (3.0 + 0.2 * lane, -0.5)];
            Control::simplified(&samples, 1e-12)
        })
        .collect()
}

/// `x(t)` for `x' = -a x + u0 + s t`, from `x0`.
fn exact(x0: f64, u0: f64, slope: f64, t: f64) -> f64 {
    let a = FIELD.a;
    let particular = |t: f64| (u0 + slope * t) / a - slope / (a * a);
    particular(t) + (x0 - particular(0.0)) * (-a * t).exp()
}

fn exact_at(control: &Control, x0: f64, time: f64) -> f64 {
    let (mut x, mut start) = (x0, control.start);
    for segment in &control.segments {
        let slope = (segment.to - segment.from) / (segment.end - start);
        let until = time.min(segment.end);
        x = exact(x, segment.from, slope, until - start);
        if time <= segment.end {
            return x;
        }
        start = segment.end;
    }
    x
}

#[test]
fn lanes_with_their_own_controls_and_ends_meet_the_closed_form() {
    let controls = controls();
    let controls: Vec<&Control> = controls.iter().collect();
    let problem = Problem { controls: &controls, tolerances: tolerances(1e-9), dense: true, reversible: false };
    let mut solution = Solution::default();
    solution.solve::<Tsit5, _>(&FIELD, &[L::constant(1.5), L::constant(0.3)], &problem);
    let times: Vec<L> = (0..40).map(|k| L::from_fn(|lane| controls[lane].end() * f64::from(k) / 39.0)).collect();
    let projection = Projection::new(2, &[1.0, 0.0], &[0.25]);
    let mut values = vec![L::zero(); times.len()];
    DenseReader::default().read(&solution, Some(&projection), &times, &mut values);
    for lane in 0..8 {
        let end = exact_at(controls[lane], 1.5, controls[lane].end());
        assert!((solution.end[0].lanes()[lane] - end).abs() < 1e-8, "lane {lane}");
        for (time, value) in times.iter().zip(&values) {
            let expected = 0.25 + exact_at(controls[lane], 1.5, time.lanes()[lane]);
            let error = (value.lanes()[lane] - expected).abs();
            assert!(error < 1e-6, "lane {lane} at {}: off by {error:.1e}", time.lanes()[lane]);
        }
    }
    assert_eq!(solution.statistics.unfinished, 0);
}

/// Errors of `x` at the end and of the dense output, over `[0, 2]` in steps of a fixed size: a control ends each of them,
/// with tolerances that accept them.
fn errors<M: RungeKutta>(steps: usize) -> (f64, f64) {
    let ends = (1..=steps).map(|k| 2.0 * k as f64 / steps as f64);
    let segments = ends.map(|end| super::control::Segment { end, from: 0.0, to: 0.0 }).collect();
    let control = Control { start: 0.0, segments };
    let wide = Tolerances { rtol: 1.0, atol: 1.0, first_step: 10.0, max_steps: 1000 };
    let problem = Problem { controls: &[&control], tolerances: wide, dense: true, reversible: false };
    let mut solution = Solution::default();
    solution.solve::<M, _>(&FIELD, &[L::constant(1.5), L::constant(0.0)], &problem);
    let error = |time: f64, value: f64| (value - 1.5 * (-FIELD.a * time).exp()).abs();
    let end = error(2.0, solution.end[0].lanes()[0]);
    let times: Vec<L> = (0..101).map(|k| L::constant(2.0 * f64::from(k) / 100.0)).collect();
    let mut values = vec![L::zero(); times.len()];
    DenseReader::default().read(&solution, Some(&Projection::new(2, &[1.0, 0.0], &[0.0])), &times, &mut values);
    let errors = times.iter().zip(&values).map(|(t, v)| error(t.lanes()[0], v.lanes()[0]));
    (end, errors.fold(0.0, f64::max))
}

#[test]
fn tsit5_has_at_least_order_five_and_its_dense_output_order_four() {
    let (coarse, fine) = (errors::<Tsit5>(4), errors::<Tsit5>(8));
    let order = |a: f64, b: f64| (a / b).log2();
    assert!(order(coarse.0, fine.0) > 4.7, "end: {}", order(coarse.0, fine.0));
    assert!(order(coarse.1, fine.1) > 3.7, "dense: {}", order(coarse.1, fine.1));
}

#[test]
fn bogacki_shampine_and_its_dense_output_have_order_three_and_it_takes_steps_of_its_own() {
    let (coarse, fine) = (errors::<BogackiShampine>(8), errors::<BogackiShampine>(16));
    for order in [(coarse.0 / fine.0).log2(), (coarse.1 / fine.1).log2()] {
        assert!((2.7..3.5).contains(&order), "{order}");
    }

    let controls = controls();
    let controls: Vec<&Control> = controls.iter().collect();
    let problem = Problem { controls: &controls, tolerances: tolerances(1e-7), dense: false, reversible: false };
    let mut solution = Solution::default();
    solution.solve::<BogackiShampine, _>(&FIELD, &[L::constant(1.5), L::constant(0.3)], &problem);
    for (lane, control) in controls.iter().enumerate() {
        let error = (solution.end[0].lanes()[lane] - exact_at(control, 1.5, control.end())).abs();
        assert!(error < 1e-6, "lane {lane}: off by {error:.1e}");
    }
    assert_eq!(solution.statistics.unfinished, 0);
}

/// A weighted sum of readings, and its derivative by start state, `a` and `b`, summed over lanes.
fn sum_and_gradient<M: RungeKutta>(field: &Decay, start: [f64; 2], tolerance: f64) -> (f64, [f64; 4]) {
    let controls = controls();
    let controls: Vec<&Control> = controls.iter().take(7).collect();
    let tolerances = Tolerances { max_steps: 5000, ..tolerances(tolerance) };
    let problem = Problem { controls: &controls, tolerances, dense: true, reversible: true };
    let mut solution = Solution::default();
    solution.solve::<M, _>(field, &[L::constant(start[0]), L::constant(start[1])], &problem);
    let times: Vec<L> = (0..12)
        .map(|k| L::from_fn(|lane| controls.get(lane).map_or(0.0, |control| control.end() * f64::from(k) / 11.0)))
        .collect();
    let projection = Projection::new(2, &[1.0, 0.5, -0.3, 2.0], &[0.1, 0.2]);
    let mut values = vec![L::zero(); 2 * times.len()];
    let mut reader = DenseReader::default();
    reader.read(&solution, Some(&projection), &times, &mut values);
    let weight = |index: usize, lane: usize| if lane < 7 { ((index * 5 + lane * 3) % 7) as f64 - 2.5 } else { 0.0 };
    let weights: Vec<L> = (0..values.len()).map(|index| L::from_fn(|lane| weight(index, lane))).collect();
    let total = values.iter().zip(&weights).map(|(&value, &weight)| (value * weight).sum()).sum();
    let mut dense = Vec::new();
    let (mut weight_sums, mut bias_sums) = (vec![L::zero(); 4], vec![L::zero(); 2]);
    reader.pull_back(&solution, Some(&projection), &times, &weights, &mut dense, (&mut weight_sums, &mut bias_sums));
    let (mut state, mut sums) = (vec![L::zero(); 2], vec![L::zero(); 2]);
    Adjoint::default().pull_back::<M, _>(field, &mut solution, &dense, &mut state, &mut sums);
    // The idle lane must not contribute.
    (total, [state[0].sum(), state[1].sum(), sums[0].sum(), sums[1].sum()])
}

#[test]
fn gradients_through_rejections_jumps_and_ragged_ends_agree_with_finite_differences() {
    // Tight: what the step control does to the differences is then far below the tolerance of this test.
    agree_with_finite_differences::<Tsit5>(1e-10);
    agree_with_finite_differences::<BogackiShampine>(1e-8);
}

fn agree_with_finite_differences<M: RungeKutta>(tolerance: f64) {
    let (_, gradient) = sum_and_gradient::<M>(&FIELD, [1.5, 0.3], tolerance);
    let epsilon = 1e-5;
    let difference = |change: [f64; 4]| {
        let at = |sign: f64| {
            let field = Decay { a: FIELD.a + sign * change[2], b: FIELD.b + sign * change[3] };
            sum_and_gradient::<M>(&field, [1.5 + sign * change[0], 0.3 + sign * change[1]], tolerance).0
        };
        (at(1.0) - at(-1.0)) / (2.0 * epsilon)
    };
    for parameter in 0..4 {
        let mut change = [0.0; 4];
        change[parameter] = epsilon;
        let expected = difference(change);
        let error = (gradient[parameter] - expected).abs() / expected.abs().max(1.0);
        assert!(error < 1e-5, "parameter {parameter}: {} is not {expected}", gradient[parameter]);
    }
}

#[test]
fn statistics_of_a_stiff_start_do_not_change_unnoticed() {
    let control = Control::none(0.0, 5.0);
    let field = Decay { a: 60.0, b: 1.0 };
    let problem = Problem { controls: &[&control], tolerances: tolerances(1e-6), dense: false, reversible: false };
    let mut solution = Solution::default();
    solution.solve::<Tsit5, _>(&field, &[L::constant(1.0), L::constant(0.0)], &problem);
    let counts = solution.statistics;
    assert!(counts.rejected > 0, "the first step is too large for this field: {counts:?}");
    assert_eq!(counts.accepted + counts.rejected, counts.attempts, "one lane");
    assert_eq!(counts.evaluations, 1 + 6 * counts.attempts, "the last stage is reused as the next first one");
    assert_eq!((counts.accepted, counts.rejected), SNAPSHOT, "{counts:?}");
}

/// Accepted and rejected steps of the test above: more of them mean a slower solver.
const SNAPSHOT: (usize, usize) = (102, 25);

#[test]
fn a_lane_that_runs_out_of_steps_is_told_apart() {
    let (long, short) = (Control::none(0.0, 1000.0), Control::none(0.0, 0.005));
    let few = Tolerances { max_steps: 6, ..tolerances(1e-6) };
    let problem = Problem { controls: &[&long, &short], tolerances: few, dense: false, reversible: false };
    let mut solution = Solution::default();
    solution.solve::<Tsit5, _>(&Decay { a: 60.0, b: 1.0 }, &[L::constant(1.0), L::constant(0.0)], &problem);
    let finished = solution.finished();
    assert_eq!((finished.lanes()[0], finished.lanes()[1]), (0.0, 1.0));
    assert_eq!(solution.statistics.unfinished, 1);
}
