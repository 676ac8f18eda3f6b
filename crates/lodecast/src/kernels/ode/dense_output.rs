//! Reading a solution off at any times, and the reverse of that.
//!
//! The dense output of a step is a polynomial in the step's fraction. Its coefficients are projected once a step, so
//! that reading a linear function of the state costs one polynomial a component and time, however large the state.

use super::solve::Solution;
use crate::kernels::lanes::{Lanes, Real};
use crate::kernels::network::matrix::{Columns, Matrix, add_outer_products, add_rows};

/// A linear function of the state that is to be read off.
#[derive(Clone, Debug)]
pub(crate) struct Projection<R> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    weight: Matrix<R>,
    transpose: Matrix<R>,
    bias: Vec<R>,
}

impl<R: Real> Projection<R> {
    /// `weight` is row-major, `bias.len()` x `columns`.
    pub(crate) fn new(columns: usize, weight: &[f64], bias: &[f64]) -> Self {
        let rows = bias.len();
        Self {
            rows,
            columns,
            weight: Matrix::new(rows, columns, weight),
            transpose: Matrix::transposed(rows, columns, columns, weight),
            bias: bias.iter().map(|&value| R::from_f64(value)).collect(),
        }
    }
}

/// Reads projections of a solution off at given times; keeps its working memory.
#[derive(Debug)]
pub(crate) struct DenseReader<L> {
    /// Projected dense output: `attempts x terms x rows`, a term for each power.
    coefficients: Vec<L>,
    /// The polynomials that the lanes are at, `terms x rows`.
    current: Vec<L>,
    /// Which of its accepted steps each lane is at.
    at: Vec<usize>,
    /// Start and inverse size of the step each lane is at.
    start: L,
    inverse_step: L,
}

impl<L: Lanes> Default for DenseReader<L> {
    fn default() -> Self {
        Self {
            coefficients: Vec::new(),
            current: Vec::new(),
            at: Vec::new(),
            start: L::zero(),
            inverse_step: L::zero(),
        }
    }
}

impl<L: Lanes> DenseReader<L> {
    /// Puts each lane at its accepted step number `at`.
    fn enter(&mut self, solution: &Solution<L>, lane: usize, at: usize) {
        self.at[lane] = at;
        if let Some(step) = solution.accepted[lane].get(at) {
            self.start.lanes_mut()[lane] = L::Real::from_f64(step.start);
            self.inverse_step.lanes_mut()[lane] = L::Real::from_f64(1.0 / step.step);
        }
    }

    /// Copies the polynomials of the lane's step.
    fn load(&mut self, solution: &Solution<L>, projected: bool, lane: usize) {
        let Some(step) = solution.accepted[lane].get(self.at[lane]) else { return };
        let size = self.current.len();
        let all = if projected { &self.coefficients } else { &solution.dense };
        let coefficients = &all[step.attempt * size..][..size];
        for (current, coefficient) in self.current.iter_mut().zip(coefficients) {
            current.lanes_mut()[lane] = coefficient.lanes()[lane];
        }
    }

    /// Reads `projection` of the solution, or without one its state, at `times`, which do not decrease within a lane and lie in
    /// its solved range. `values` is `times x rows`. A lane that did not solve anything reads as the bias, or as zero.
    pub(crate) fn read(
        &mut self,
        solution: &Solution<L>,
        projection: Option<&Projection<L::Real>>,
        times: &[L],
        values: &mut [L],
    ) {
        let (degree, terms) = (solution.degree, solution.degree + 1);
        let rows = projection.map_or(solution.end.len(), |projection| projection.rows);
        self.current.clear();
        self.current.resize(terms * rows, L::zero());
        if let Some(projection) = projection {
            let columns = projection.columns;
            let polynomials = solution.dense.len() / columns;
            self.coefficients.resize(polynomials * rows, L::zero());
            L::vectorize(
                #[inline(always)]
                || {
                    let outputs = self.coefficients.chunks_exact_mut(rows);
                    for (index, (output, input)) in outputs.zip(solution.dense.chunks_exact(columns)).enumerate() {
                        let constant = index % terms == 0;
                        for (value, &bias) in output.iter_mut().zip(&projection.bias) {
                            *value = if constant { L::splat(bias) } else { L::zero() };
                        }
                        projection.weight.multiply_add(input, output);
                    }
                },
            );
            for (value, &bias) in self.current.iter_mut().zip(&projection.bias) {
                *value = L::splat(bias);
            }
        }
        let projected = projection.is_some();
        self.at.resize(L::COUNT, 0);
        for lane in 0..L::COUNT {
            self.enter(solution, lane, 0);
            self.load(solution, projected, lane);
        }
        for (&time, values) in times.iter().zip(values.chunks_exact_mut(rows)) {
            for lane in 0..L::COUNT {
                let steps = &solution.accepted[lane];
                let now = time.lanes()[lane].to_f64();
                let before = self.at[lane];
                while self.at[lane] + 1 < steps.len() && now >= steps[self.at[lane] + 1].start {
                    self.at[lane] += 1;
                }
                if self.at[lane] > before {
                    self.enter(solution, lane, self.at[lane]);
                    self.load(solution, projected, lane);
                }
            }
            let current = &self.current[..];
            let (start, inverse_step) = (self.start, self.inverse_step);
            L::vectorize(
                #[inline(always)]
                || {
                    let x = (time - start) * inverse_step;
                    for (row, value) in values.iter_mut().enumerate() {
                        let mut sum = current[degree * rows + row];
                        for power in (0..degree).rev() {
                            sum = sum.mul_add(x, current[power * rows + row]);
                        }
                        *value = sum;
                    }
                },
            );
        }
    }

    /// Reverse of [`Self::read`], to be called right after it: from the adjoints of the values (`times x rows`) to those
    /// of the solution's dense output; adds gradients of the projection, if there is one, to `weight_sums` and `bias_sums`.
    pub(crate) fn pull_back(
        &mut self,
        solution: &Solution<L>,
        projection: Option<&Projection<L::Real>>,
        times: &[L],
        adjoints: &[L],
        dense_adjoints: &mut Vec<L>,
        (weight_sums, bias_sums): (&mut [L], &mut [L]),
    ) {
        let terms = solution.degree + 1;
        let rows = self.current.len() / terms;
        self.coefficients.clear();
        self.coefficients.resize(solution.dense.len() / solution.end.len() * rows, L::zero());
        self.current.fill(L::zero());
        for (&time, adjoint) in times.iter().zip(adjoints.chunks_exact(rows)).rev() {
            for lane in 0..L::COUNT {
                let now = time.lanes()[lane].to_f64();
                while self.at[lane] > 0 && now < solution.accepted[lane][self.at[lane]].start {
                    self.unload(solution, lane);
                    self.enter(solution, lane, self.at[lane] - 1);
                }
            }
            let current = &mut self.current[..];
            let (start, inverse_step) = (self.start, self.inverse_step);
            L::vectorize(
                #[inline(always)]
                || {
                    let x = (time - start) * inverse_step;
                    let mut weight = L::constant(1.0);
                    for current in current.chunks_exact_mut(rows) {
                        for (sum, &adjoint) in current.iter_mut().zip(adjoint) {
                            *sum = adjoint.mul_add(weight, *sum);
                        }
                        weight = weight * x;
                    }
                },
            );
        }
        for lane in 0..L::COUNT {
            self.unload(solution, lane);
        }
        let Some(projection) = projection else {
            std::mem::swap(dense_adjoints, &mut self.coefficients);
            return;
        };
        let columns = projection.columns;
        dense_adjoints.clear();
        dense_adjoints.resize(solution.dense.len(), L::zero());
        L::vectorize(
            #[inline(always)]
            || {
                let pairs = dense_adjoints.chunks_exact_mut(columns).zip(self.coefficients.chunks_exact(rows));
                for (state, values) in pairs {
                    projection.transpose.multiply_add(values, state);
                }
                let all = |size| Columns { offset: 0, size };
                let inputs = (&solution.dense[..], columns, all(columns));
                add_outer_products(weight_sums, (&self.coefficients[..], rows, all(rows)), inputs);
                add_rows(bias_sums, &self.coefficients, terms * rows, all(rows));
            },
        );
    }

    /// Moves the lane's summed adjoints to those of its step's polynomials.
    fn unload(&mut self, solution: &Solution<L>, lane: usize) {
        let size = self.current.len();
        let Some(step) = solution.accepted[lane].get(self.at[lane]) else { return };
        let coefficients = &mut self.coefficients[step.attempt * size..][..size];
        for (current, coefficient) in self.current.iter_mut().zip(coefficients) {
            coefficient.lanes_mut()[lane] = current.lanes()[lane];
            current.lanes_mut()[lane] = L::Real::default();
        }
    }
}
