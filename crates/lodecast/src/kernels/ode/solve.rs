//! The forward solve: a Runge-Kutta pair with adaptive steps, one initial value problem a lane.

use super::VectorField;
use super::control::Control;
use super::runge_kutta::RungeKutta;
use super::step_control::{LARGEST_FACTOR, Tolerances, accepts, step_factor};
use super::tsit5::{DEGREE, DENSE};
use crate::kernels::lanes::{Lanes, Real};

/// Counts of one solve, over all lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statistics {
    /// Steps attempted by the vector of lanes.
    pub(crate) attempts: usize,
    /// Steps accepted, summed over lanes.
    pub(crate) accepted: usize,
    /// Steps rejected, summed over lanes.
    pub(crate) rejected: usize,
    /// Evaluations of the vector field by the vector of lanes.
    pub(crate) evaluations: usize,
    /// Lanes that did not reach their end within the allowed number of steps.
    pub(crate) unfinished: usize,
}

/// What to solve and what to keep of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem<'a> {
    /// Control of each lane, which also says where the lane starts and ends. Lanes beyond the last are idle.
    pub(crate) controls: &'a [&'a Control],
    pub(crate) tolerances: Tolerances,
    /// Keep the dense output? Only [`super::Tsit5`] has one.
    pub(crate) dense: bool,
    /// Keep what the reverse pass needs? Only [`super::Tsit5`] has one.
    pub(crate) reversible: bool,
}

/// An attempted step, as the reverse pass needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<L> {
    /// Step size.
    pub(super) step: L,
    /// 1 in lanes that accepted the step, else 0.
    pub(super) accepted: L,
    /// 1 in lanes whose first stage was evaluated anew, else 0: at the start and after a jump of the control.
    pub(super) fresh: L,
}

/// Result of a solve and its working memory; reuse it to save allocations.
#[derive(Debug)]
pub(crate) struct Solution<L> {
    /// State at each lane's end.
    pub(crate) end: Vec<L>,
    pub(crate) statistics: Statistics,
    pub(super) attempts: Vec<Attempt<L>>,
    /// `attempts x STAGES x row` when reversible, else the rows of the last attempt.
    pub(super) rows: Vec<L>,
    /// `attempts x STAGES x size` when reversible, else of the last attempt.
    pub(super) derivatives: Vec<L>,
    /// Dense output of each attempt, `attempts x (DEGREE + 1) x size`: coefficients of powers of the step's fraction.
    pub(super) dense: Vec<L>,
    /// For each lane its accepted attempts, with start time and size of the step.
    pub(super) accepted: Vec<Vec<Accepted>>,
}

/// A step that a lane accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) attempt: usize,
    pub(super) start: f64,
    pub(super) step: f64,
}

impl<L> Default for Solution<L> {
    fn default() -> Self {
        Self {
            end: Vec::new(),
            statistics: Statistics::default(),
            attempts: Vec::new(),
            rows: Vec::new(),
            derivatives: Vec::new(),
            dense: Vec::new(),
            accepted: Vec::new(),
        }
    }
}

/// Where a lane stands.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    time: f64,
    /// Step size the controller proposes.
    proposed: f64,
    /// Step size of the attempt, cut at the end of the segment.
    step: f64,
    segment: usize,
    /// Start of the segment.
    segment_start: f64,
    done: bool,
    fresh: bool,
}

impl Position {
    /// Chooses the next step; a lane that is done takes steps of size zero.
    fn prepare(&mut self, control: &Control) {
        if self.done {
            self.step = 0.0;
            return;
        }
        let left = control.segments[self.segment].end - self.time;
        // Rather one slightly longer step than a sliver afterwards.
        self.step = if self.proposed * (1.0 + 1e-9) >= left { left } else { self.proposed };
    }

    /// Control at the start of the step, and its change over it.
    fn control(&self, control: &Control) -> (f64, f64) {
        let Some(segment) = control.segments.get(self.segment) else { return (0.0, 0.0) };
        let slope = (segment.to - segment.from) / (segment.end - self.segment_start);
        (segment.from + slope * (self.time - self.segment_start), slope * self.step)
    }

    /// Moves on after an attempt with this error. Returns whether the lane accepted it.
    fn advance(&mut self, error: f64, order: f64, control: &Control) -> bool {
        self.fresh = false;
        if self.done {
            return false;
        }
        let accepted = accepts(error);
        if accepted && self.step < self.proposed {
            // A step that was cut says nothing against the proposed size, and seldom something for a larger one.
            if self.step * LARGEST_FACTOR > self.proposed {
                self.proposed = self.proposed.max(self.step * step_factor(error, order));
            }
        } else {
            self.proposed = self.step * step_factor(error, order);
        }
        if !accepted {
            return false;
        }
        let segment = control.segments[self.segment];
        let arrived = self.step >= segment.end - self.time;
        self.time += self.step;
        if arrived {
            self.time = segment.end;
            self.segment_start = segment.end;
            self.segment += 1;
            match control.segments.get(self.segment) {
                Some(next) => self.fresh = next.from != segment.to,
                None => self.done = true,
            }
        }
        true
    }
}

impl<L: Lanes> Solution<L> {
    /// 1 in lanes that reached their end, else 0.
    pub(crate) fn finished(&self) -> L {
        // Unfinished lanes end in NaN, of which no magnitude is above a negative number.
        let end = self.end.first().copied().unwrap_or(L::zero());
        (end.abs() + L::constant(1.0)).where_positive(L::constant(1.0), L::zero())
    }

    /// Ends of the steps that a lane accepted.
    #[cfg(test)]
    pub(crate) fn step_ends(&self, lane: usize) -> Vec<f64> {
        self.accepted[lane].iter().map(|step| step.start + step.step).collect()
    }

    /// Solves from `start` (the state at the start of every lane's control) to the end of every lane's control.
    ///
    /// A lane that cannot finish within the allowed steps counts in [`Statistics::unfinished`] and ends in NaN.
    pub(crate) fn solve<M: RungeKutta, F: VectorField<L>>(&mut self, field: &F, start: &[L], problem: &Problem<'_>) {
        let (size, row) = (field.size(), field.row());
        let stages = M::STAGES;
        self.statistics = Statistics::default();
        self.attempts.clear();
        self.dense.clear();
        self.accepted.resize_with(L::COUNT, Vec::new);
        self.accepted.iter_mut().for_each(Vec::clear);
        grow(&mut self.rows, stages * row);
        grow(&mut self.derivatives, stages * size);
        self.rows[..size].copy_from_slice(start);

        let idle = Control::none(0.0, 0.0);
        let control = |lane: usize| problem.controls.get(lane).copied().unwrap_or(&idle);
        let mut positions = [Position::default(); 16];
        let positions = &mut positions[..L::COUNT];
        for (lane, position) in positions.iter_mut().enumerate() {
            let control = control(lane);
            position.time = control.start;
            position.segment_start = control.start;
            position.proposed = problem.tolerances.first_step;
            position.done = control.segments.is_empty() || control.end() <= control.start;
            position.fresh = !position.done;
        }
        let mut first_row = 0;
        let mut first_derivative = 0;
        while positions.iter().any(|position| !position.done) {
            if self.statistics.attempts == problem.tolerances.max_steps {
                break;
            }
            for (lane, position) in positions.iter_mut().enumerate() {
                position.prepare(control(lane));
            }
            let step = L::from_fn(|lane| positions[lane].step);
            let (mut from, mut change) = (L::zero(), L::zero());
            for lane in 0..problem.controls.len() {
                let (value, delta) = positions[lane].control(control(lane));
                from.lanes_mut()[lane] = L::Real::from_f64(value);
                change.lanes_mut()[lane] = L::Real::from_f64(delta);
            }
            let fresh = L::from_fn(|lane| f64::from(u8::from(positions[lane].fresh)));
            let rows = &mut self.rows[first_row..first_row + stages * row];
            let derivatives = &mut self.derivatives[first_derivative..first_derivative + stages * size];
            if positions.iter().any(|position| position.fresh) {
                if problem.reversible {
                    evaluate_fresh::<L, M, F, true>(field, rows, derivatives, from, fresh);
                } else {
                    evaluate_fresh::<L, M, F, false>(field, rows, derivatives, from, fresh);
                }
                self.statistics.evaluations += 1;
            }
            let error = if problem.reversible {
                attempt::<L, M, F, true>(field, rows, derivatives, step, (from, change), problem.tolerances)
            } else {
                attempt::<L, M, F, false>(field, rows, derivatives, step, (from, change), problem.tolerances)
            };
            self.statistics.evaluations += stages - 1;

            let mut accepted = L::zero();
            for (lane, position) in positions.iter_mut().enumerate() {
                let start = position.time;
                let was_done = position.done;
                if position.advance(error.lanes()[lane].to_f64(), M::ORDER, control(lane)) {
                    accepted.lanes_mut()[lane] = L::Real::from_f64(1.0);
                    self.statistics.accepted += 1;
                    self.accepted[lane].push(Accepted {
                        attempt: self.statistics.attempts,
                        start,
                        step: position.step,
                    });
                } else if !was_done {
                    self.statistics.rejected += 1;
                }
            }
            self.statistics.attempts += 1;
            if problem.dense {
                push_dense_output(&mut self.dense, rows, derivatives, size, step);
            }
            if problem.reversible {
                self.attempts.push(Attempt { step, accepted, fresh });
                grow(&mut self.rows, first_row + 2 * stages * row);
                grow(&mut self.derivatives, first_derivative + 2 * stages * size);
                first_row += stages * row;
                first_derivative += stages * size;
                let (before, after) = self.rows.split_at_mut(first_row);
                carry_over::<L, M>(&before[first_row - stages * row..], &mut after[..row], row, accepted);
                let (before, after) = self.derivatives.split_at_mut(first_derivative);
                carry_over::<L, M>(&before[first_derivative - stages * size..], &mut after[..size], size, accepted);
            } else {
                carry_over_in_place::<L, M>(rows, row, size, accepted);
                carry_over_in_place::<L, M>(derivatives, size, size, accepted);
            }
        }
        self.end.clear();
        self.end.extend_from_slice(&self.rows[first_row..first_row + size]);
        for (lane, _) in positions.iter().enumerate().filter(|(_, position)| !position.done) {
            self.statistics.unfinished += 1;
            for value in &mut self.end {
                value.lanes_mut()[lane] = L::Real::from_f64(f64::NAN);
            }
        }
    }
}

/// Makes room for `size` elements. Memory is never given back, so that repeated solves allocate and clear nothing.
fn grow<L: Lanes>(memory: &mut Vec<L>, size: usize) {
    if memory.len() < size {
        memory.resize(size, L::zero());
    }
}

/// Evaluates the first stage anew in the lanes that ask for it.
fn evaluate_fresh<L: Lanes, M: RungeKutta, F: VectorField<L>, const REVERSIBLE: bool>(
    field: &F,
    rows: &mut [L],
    derivatives: &mut [L],
    control: L,
    fresh: L,
) {
    let (size, row) = (field.size(), field.row());
    L::vectorize(
        #[inline(always)]
        || {
            // The last stage is about to be overwritten anyway: evaluate there.
            let (first, rest) = rows.split_at_mut(row);
            let spare = &mut rest[(M::STAGES - 2) * row..];
            spare[..size].copy_from_slice(&first[..size]);
            let (first_derivative, rest) = derivatives.split_at_mut(size);
            let spare_derivative = &mut rest[(M::STAGES - 2) * size..];
            field.evaluate::<REVERSIBLE>(spare, control, spare_derivative);
            for (value, &new) in
                first.iter_mut().zip(&*spare).chain(first_derivative.iter_mut().zip(&*spare_derivative))
            {
                *value = fresh.where_positive(new, *value);
            }
        },
    );
}

/// Evaluates all stages but the first of a step; returns each lane's error in units of the tolerance.
fn attempt<L: Lanes, M: RungeKutta, F: VectorField<L>, const REVERSIBLE: bool>(
    field: &F,
    rows: &mut [L],
    derivatives: &mut [L],
    step: L,
    (from, change): (L, L),
    tolerances: Tolerances,
) -> L {
    let (size, row) = (field.size(), field.row());
    L::vectorize(
        #[inline(always)]
        || {
            for stage in 1..M::STAGES {
                let (earlier, rest) = rows.split_at_mut(stage * row);
                let state = &mut rest[..row];
                let (known, rest) = derivatives.split_at_mut(stage * size);
                combine_stages::<L, M>(stage, &earlier[..size], known, size, step, &mut state[..size]);
                let control = L::constant(M::TIMES[stage]).mul_add(change, from);
                field.evaluate::<REVERSIBLE>(state, control, &mut rest[..size]);
            }
            let (atol, rtol) = (L::constant(tolerances.atol), L::constant(tolerances.rtol));
            let mut sum = L::zero();
            for i in 0..size {
                let mut error = L::zero();
                for (stage, &weight) in M::ERROR.iter().enumerate() {
                    error = L::constant(weight).mul_add(derivatives[stage * size + i], error);
                }
                let (before, after) = (rows[i], rows[(M::STAGES - 1) * row + i]);
                let scaled = step * error / rtol.mul_add(before.abs().max(after.abs()), atol);
                sum = scaled.mul_add(scaled, sum);
            }
            (sum * L::constant(1.0 / size as f64)).sqrt()
        },
    )
}

/// `state = start + step * sum of weights times derivatives of earlier stages`.
#[inline(always)]
fn combine_stages<L: Lanes, M: RungeKutta>(
    stage: usize,
    start: &[L],
    known: &[L],
    size: usize,
    step: L,
    state: &mut [L],
) {
    for i in 0..size {
        let mut sum = L::zero();
        for (earlier, &weight) in M::WEIGHTS[stage].iter().enumerate().take(stage) {
            sum = L::constant(weight).mul_add(known[earlier * size + i], sum);
        }
        state[i] = step.mul_add(sum, start[i]);
    }
}

/// Appends the coefficients of the step's dense output: the start, then those of powers 1 to 4 of the step's fraction.
fn push_dense_output<L: Lanes>(dense: &mut Vec<L>, rows: &[L], derivatives: &[L], size: usize, step: L) {
    let at = dense.len();
    dense.resize(at + (DEGREE + 1) * size, L::zero());
    let dense = &mut dense[at..];
    L::vectorize(
        #[inline(always)]
        || {
            dense[..size].copy_from_slice(&rows[..size]);
            for power in 0..DEGREE {
                for i in 0..size {
                    let mut sum = L::zero();
                    for (stage, coefficients) in DENSE.iter().enumerate() {
                        sum = L::constant(coefficients[power]).mul_add(derivatives[stage * size + i], sum);
                    }
                    dense[(power + 1) * size + i] = step * sum;
                }
            }
        },
    );
}

/// The first stage of the next attempt: the last one where the step was accepted, else the first one again.
fn carry_over<L: Lanes, M: RungeKutta>(attempt: &[L], next: &mut [L], size: usize, accepted: L) {
    L::vectorize(
        #[inline(always)]
        || {
            let (first, last) = (&attempt[..size], &attempt[(M::STAGES - 1) * size..M::STAGES * size]);
            for ((next, &first), &last) in next.iter_mut().zip(first).zip(last) {
                *next = accepted.where_positive(last, first);
            }
        },
    );
}

/// [`carry_over`] to the attempt's own first stage: of rows of `stride` the first `size` values, as nobody will read the rest.
fn carry_over_in_place<L: Lanes, M: RungeKutta>(attempt: &mut [L], stride: usize, size: usize, accepted: L) {
    L::vectorize(
        #[inline(always)]
        || {
            let (first, rest) = attempt.split_at_mut(stride);
            for (first, &last) in first[..size].iter_mut().zip(&rest[(M::STAGES - 2) * stride..]) {
                *first = accepted.where_positive(last, *first);
            }
        },
    );
}
