//! The forward solve: a Runge-Kutta pair with adaptive steps, one initial value problem a lane.

use super::VectorField;
use super::control::Control;
use super::runge_kutta::RungeKutta;
use super::step_control::{LARGEST_FACTOR, Tolerances, accepts, step_factor};
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
    /// Keep the dense output?
    pub(crate) dense: bool,
    /// Keep what the reverse pass needs?
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
    /// Number of the fresh row with that evaluation, if there are such lanes.
    pub(super) fresh_row: Option<usize>,
}

/// Result of a solve and its working memory; reuse it to save allocations.
#[derive(Debug)]
pub(crate) struct Solution<L> {
    /// State at each lane's end.
    pub(crate) end: Vec<L>,
    pub(crate) statistics: Statistics,
    pub(super) attempts: Vec<Attempt<L>>,
    /// Rows of all stages but the first: `attempts x (STAGES - 1) x row` when reversible, else of the last attempt.
    pub(super) rows: Vec<L>,
    /// Rows of first stages that were evaluated anew: of all of them when reversible, else of the last.
    pub(super) fresh_rows: Vec<L>,
    /// Derivatives of the last attempt, `STAGES x size`.
    derivatives: Vec<L>,
    /// Dense output of each attempt, `attempts x (DEGREE + 1) x size`: coefficients of powers of the step's fraction.
    pub(super) dense: Vec<L>,
    /// Degree of the dense output.
    pub(super) degree: usize,
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
            fresh_rows: Vec::new(),
            derivatives: Vec::new(),
            dense: Vec::new(),
            degree: 0,
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
        let attempt_rows = (M::STAGES - 1) * row;
        self.statistics = Statistics::default();
        self.attempts.clear();
        self.dense.clear();
        self.degree = M::DEGREE;
        self.accepted.resize_with(L::COUNT, Vec::new);
        self.accepted.iter_mut().for_each(Vec::clear);
        grow(&mut self.derivatives, M::STAGES * size);
        // The state that the lanes have reached; in the end that of their ends.
        self.end.clear();
        self.end.extend_from_slice(start);

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
        let mut fresh_evaluations = 0;
        while positions.iter().any(|position| !position.done) {
            let attempts = self.statistics.attempts;
            if attempts == problem.tolerances.max_steps {
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
            let fresh_row = positions.iter().any(|position| position.fresh).then_some(fresh_evaluations);
            if fresh_row.is_some() {
                let row = tape(&mut self.fresh_rows, fresh_evaluations, row, problem.reversible);
                if problem.reversible {
                    evaluate_fresh::<L, F, true>(field, &self.end, row, &mut self.derivatives, from, fresh);
                } else {
                    evaluate_fresh::<L, F, false>(field, &self.end, row, &mut self.derivatives, from, fresh);
                }
                fresh_evaluations += 1;
                self.statistics.evaluations += 1;
            }
            let rows = tape(&mut self.rows, attempts, attempt_rows, problem.reversible);
            let (state, derivatives) = (&self.end[..], &mut self.derivatives[..]);
            let error = if problem.reversible {
                attempt::<L, M, F, true>(field, state, rows, derivatives, step, (from, change), problem.tolerances)
            } else {
                attempt::<L, M, F, false>(field, state, rows, derivatives, step, (from, change), problem.tolerances)
            };
            self.statistics.evaluations += M::STAGES - 1;

            let mut accepted = L::zero();
            for (lane, position) in positions.iter_mut().enumerate() {
                let start = position.time;
                let was_done = position.done;
                if position.advance(error.lanes()[lane].to_f64(), M::ORDER, control(lane)) {
                    accepted.lanes_mut()[lane] = L::Real::from_f64(1.0);
                    self.statistics.accepted += 1;
                    self.accepted[lane].push(Accepted { attempt: attempts, start, step: position.step });
                } else if !was_done {
                    self.statistics.rejected += 1;
                }
            }
            self.statistics.attempts += 1;
            if problem.dense {
                push_dense_output::<L, M>(&mut self.dense, &self.end, derivatives, step);
            }
            if problem.reversible {
                self.attempts.push(Attempt { step, accepted, fresh, fresh_row });
            }
            go_on::<L, M>(&mut self.end, &rows[attempt_rows - row..], derivatives, accepted);
        }
        for (lane, _) in positions.iter().enumerate().filter(|(_, position)| !position.done) {
            self.statistics.unfinished += 1;
            for value in &mut self.end {
                value.lanes_mut()[lane] = L::Real::from_f64(f64::NAN);
            }
        }
    }
}

/// Part number `index` of `size` elements of a tape, or its only part where nothing is kept for a reverse pass.
fn tape<L: Lanes>(memory: &mut Vec<L>, index: usize, size: usize, kept: bool) -> &mut [L] {
    let at = if kept { index * size } else { 0 };
    grow(memory, at + size);
    &mut memory[at..at + size]
}

/// Makes room for `size` elements. Memory is never given back, so that repeated solves allocate and clear nothing.
fn grow<L: Lanes>(memory: &mut Vec<L>, size: usize) {
    if memory.len() < size {
        memory.resize(size, L::zero());
    }
}

/// Evaluates the first stage anew, and takes its derivative in the lanes that ask for it.
fn evaluate_fresh<L: Lanes, F: VectorField<L>, const REVERSIBLE: bool>(
    field: &F,
    state: &[L],
    row: &mut [L],
    derivatives: &mut [L],
    control: L,
    fresh: L,
) {
    L::vectorize(
        #[inline(always)]
        || {
            row[..state.len()].copy_from_slice(state);
            // The derivative of the second stage is about to be overwritten anyway: put it there.
            let (first, spare) = derivatives.split_at_mut(state.len());
            let spare = &mut spare[..state.len()];
            field.evaluate::<REVERSIBLE>(row, control, spare);
            for (value, &new) in first.iter_mut().zip(&*spare) {
                *value = fresh.where_positive(new, *value);
            }
        },
    );
}

/// Evaluates all stages but the first of a step from `start`; returns each lane's error in units of the tolerance.
fn attempt<L: Lanes, M: RungeKutta, F: VectorField<L>, const REVERSIBLE: bool>(
    field: &F,
    start: &[L],
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
            for (stage, row) in (1..M::STAGES).zip(rows.chunks_exact_mut(row)) {
                let (known, rest) = derivatives.split_at_mut(stage * size);
                combine_stages::<L, M>(stage, start, known, step, &mut row[..size]);
                let control = L::constant(M::TIMES[stage]).mul_add(change, from);
                field.evaluate::<REVERSIBLE>(row, control, &mut rest[..size]);
            }
            let end = &rows[(M::STAGES - 2) * row..][..size];
            let (atol, rtol) = (L::constant(tolerances.atol), L::constant(tolerances.rtol));
            let mut sum = L::zero();
            for i in 0..size {
                let mut error = L::zero();
                for (stage, &weight) in M::ERROR.iter().enumerate() {
                    error = L::constant(weight).mul_add(derivatives[stage * size + i], error);
                }
                let scaled = step * error / rtol.mul_add(start[i].abs().max(end[i].abs()), atol);
                sum = scaled.mul_add(scaled, sum);
            }
            (sum * L::constant(1.0 / size as f64)).sqrt()
        },
    )
}

/// `state = start + step * sum of weights times derivatives of earlier stages`.
#[inline(always)]
fn combine_stages<L: Lanes, M: RungeKutta>(stage: usize, start: &[L], known: &[L], step: L, state: &mut [L]) {
    let size = start.len();
    for i in 0..size {
        let mut sum = L::zero();
        for (earlier, &weight) in M::WEIGHTS[stage].iter().enumerate().take(stage) {
            sum = L::constant(weight).mul_add(known[earlier * size + i], sum);
        }
        state[i] = step.mul_add(sum, start[i]);
    }
}

/// Appends the coefficients of the step's dense output: the start, then those of the powers of the step's fraction.
fn push_dense_output<L: Lanes, M: RungeKutta>(dense: &mut Vec<L>, start: &[L], derivatives: &[L], step: L) {
    let (at, size) = (dense.len(), start.len());
    dense.resize(at + (M::DEGREE + 1) * size, L::zero());
    let dense = &mut dense[at..];
    L::vectorize(
        #[inline(always)]
        || {
            dense[..size].copy_from_slice(start);
            for power in 0..M::DEGREE {
                for i in 0..size {
                    let mut sum = L::zero();
                    for (stage, coefficients) in M::DENSE.iter().enumerate() {
                        sum = L::constant(coefficients[power]).mul_add(derivatives[stage * size + i], sum);
                    }
                    dense[(power + 1) * size + i] = step * sum;
                }
            }
        },
    );
}

/// Where the step was accepted, its end is the next state and its last derivative the next first one.
fn go_on<L: Lanes, M: RungeKutta>(state: &mut [L], end: &[L], derivatives: &mut [L], accepted: L) {
    L::vectorize(
        #[inline(always)]
        || {
            let (first, rest) = derivatives.split_at_mut(state.len());
            let last = &rest[(M::STAGES - 2) * state.len()..];
            let pairs = state.iter_mut().zip(end).chain(first.iter_mut().zip(last));
            for (value, &new) in pairs {
                *value = accepted.where_positive(new, *value);
            }
        },
    );
}
