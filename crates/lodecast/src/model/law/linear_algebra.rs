//! Dense symmetric linear algebra for some 20 to 500 unknowns: Cholesky factors and what is solved with them.

use crate::kernels::lanes::{Dispatch, LaneKernel, Lanes};

/// Unknowns from which the widest vector unit is used: below, it does not pay to ask for it.
const MANY: usize = 64;

/// A lower triangular factor `L` of `A = L Lᵀ`, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cholesky {
    size: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factor of the symmetric matrix `a`, `size x size`, of which the lower triangle is read. `None` if it is not positive
    /// definite.
    pub(crate) fn of(mut a: Vec<f64>, size: usize) -> Option<Self> {
        debug_assert_eq!(a.len(), size * size);
        let factor = Factor { a: &mut a, size };
        let found = if size < MANY { factor.by::<Few>() } else { f64::dispatch(factor) };
        found.then_some(Self { size, lower: a })
    }

    /// Row `row` of the factor, up to its diagonal.
    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.lower[row * self.size..=row * self.size + row]
    }

    /// `ln det A`.
    pub(crate) fn ln_determinant(&self) -> f64 {
        2.0 * (0..self.size).map(|k| self.lower[k * self.size + k].ln()).sum::<f64>()
    }

    /// `L v`.
    pub(crate) fn multiply(&self, v: &[f64]) -> Vec<f64> {
        (0..self.size).map(|row| dot(self.row(row), &v[..=row])).collect()
    }

    /// Solves `L x = b` in place.
    pub(crate) fn solve_lower(&self, b: &mut [f64]) {
        let forward = Forward { factor: self, b };
        if self.size < MANY { forward.by::<Few>() } else { f64::dispatch(forward) }
    }

    /// Solves `Lᵀ x = b` in place.
    pub(crate) fn solve_upper(&self, b: &mut [f64]) {
        for row in (0..self.size).rev() {
            let entries = self.row(row);
            let value = b[row] / entries[row];
            b[row] = value;
            for (entry, target) in entries[..row].iter().zip(b.iter_mut()) {
                *target -= entry * value;
            }
        }
    }

    /// Solves `A x = b` in place.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        self.solve_lower(b);
        self.solve_upper(b);
    }

    /// `A⁻¹`, all of it, row by row.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let size = self.size;
        let mut inverse = vec![0.0; size * size];
        let mut column = vec![0.0; size];
        for k in 0..size {
            column.fill(0.0);
            column[k] = 1.0;
            self.solve(&mut column);
            for row in 0..size {
                inverse[row * size + k] = column[row];
            }
        }
        inverse
    }
}

/// A symmetric matrix that becomes its factor.
struct Factor<'a> {
    a: &'a mut [f64],
    size: usize,
}

impl Factor<'_> {
    /// Has it one?
    #[inline(always)]
    fn by<D: InnerProduct>(self) -> bool {
        let Self { a, size } = self;
        for row in 0..size {
            let (done, rest) = a.split_at_mut(row * size);
            let current = &mut rest[..size];
            for column in 0..row {
                let above = &done[column * size..column * size + column];
                let sum = D::dot(above, &current[..column]);
                current[column] = (current[column] - sum) / done[column * size + column];
            }
            let pivot = current[row] - D::dot(&current[..row], &current[..row]);
            if !(pivot > 0.0 && pivot.is_finite()) {
                return false;
            }
            current[row] = pivot.sqrt();
            current[row + 1..].fill(0.0);
        }
        true
    }
}

impl LaneKernel<f64> for Factor<'_> {
    type Output = bool;

    fn run<L: Lanes<Real = f64>>(self) -> bool {
        L::vectorize(
            #[inline(always)]
            || self.by::<L>(),
        )
    }
}

/// A right side that becomes the solution of `L x = b`.
struct Forward<'a> {
    factor: &'a Cholesky,
    b: &'a mut [f64],
}

impl Forward<'_> {
    #[inline(always)]
    fn by<D: InnerProduct>(self) {
        let Self { factor, b } = self;
        for row in 0..factor.size {
            let entries = factor.row(row);
            b[row] = (b[row] - D::dot(&entries[..row], &b[..row])) / entries[row];
        }
    }
}

impl LaneKernel<f64> for Forward<'_> {
    type Output = ();

    fn run<L: Lanes<Real = f64>>(self) {
        L::vectorize(
            #[inline(always)]
            || self.by::<L>(),
        );
    }
}

/// How inner products are taken.
trait InnerProduct {
    fn dot(a: &[f64], b: &[f64]) -> f64;
}

/// Of short vectors.
struct Few;

impl InnerProduct for Few {
    #[inline(always)]
    fn dot(a: &[f64], b: &[f64]) -> f64 {
        dot(a, b)
    }
}

/// On the lanes of this machine; four sums, since an addition waits for the one before.
impl<L: Lanes<Real = f64>> InnerProduct for L {
    #[inline(always)]
    fn dot(a: &[f64], b: &[f64]) -> f64 {
        let mut sums = [L::zero(); 4];
        let (a_blocks, b_blocks) = (a.chunks_exact(4 * L::COUNT), b.chunks_exact(4 * L::COUNT));
        let (a_rest, b_rest) = (a_blocks.remainder(), b_blocks.remainder());
        for (a, b) in a_blocks.zip(b_blocks) {
            for (k, sum) in sums.iter_mut().enumerate() {
                let lanes = k * L::COUNT..(k + 1) * L::COUNT;
                *sum = L::load(&a[lanes.clone()]).mul_add(L::load(&b[lanes]), *sum);
            }
        }
        let (a_lanes, b_lanes) = (a_rest.chunks_exact(L::COUNT), b_rest.chunks_exact(L::COUNT));
        let (a_rest, b_rest) = (a_lanes.remainder(), b_lanes.remainder());
        for (a, b) in a_lanes.zip(b_lanes) {
            sums[0] = L::load(a).mul_add(L::load(b), sums[0]);
        }
        let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
        ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum() + rest
    }
}

/// Inner product, summed in four lanes so that the compiler can vectorise it.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a_lanes, a_rest) = a.as_chunks::<4>();
    let (b_lanes, b_rest) = b.as_chunks::<4>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// `vᵀ A v` for a symmetric `A`, row by row.
pub(crate) fn quadratic_form(a: &[f64], v: &[f64]) -> f64 {
    let size = v.len();
    (0..size).map(|row| v[row] * dot(&a[row * size..(row + 1) * size], v)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn factors_solve_what_they_were_made_of(
            size in 1..12usize, entries in prop::collection::vec(-1.0..1.0f64, 144), b in prop::collection::vec(-5.0..5.0f64, 12),
        ) {
            // G Gᵀ + I is positive definite.
            let g = |row: usize, column: usize| entries[row * 12 + column];
            let a: Vec<f64> = (0..size * size)
                .map(|at| {
                    let (row, column) = (at / size, at % size);
                    (0..size).map(|k| g(row, k) * g(column, k)).sum::<f64>() + f64::from(u8::from(row == column))
                })
                .collect();
            let factor = Cholesky::of(a.clone(), size).expect("positive definite");
            let mut x = b[..size].to_vec();
            factor.solve(&mut x);
            for row in 0..size {
                prop_assert!((dot(&a[row * size..(row + 1) * size], &x) - b[row]).abs() < 1e-9);
            }
            let inverse = factor.inverse();
            let expected = quadratic_form(&inverse, &b[..size]);
            let mut half = b[..size].to_vec();
            factor.solve_lower(&mut half);
            prop_assert!((dot(&half, &half) - expected).abs() < 1e-9 * (1.0 + expected.abs()));
            // L (Lᵀ x) = b.
            let upper: Vec<f64> = (0..size).map(|k| (k..size).map(|row| factor.row(row)[k] * x[row]).sum()).collect();
            let back = factor.multiply(&upper);
            prop_assert!(back.iter().zip(&b).all(|(found, expected)| (found - expected).abs() < 1e-9));
        }
    }

    #[test]
    fn many_unknowns_are_solved_as_few_are() {
        for size in [MANY - 1, MANY, 2 * MANY + 5] {
            // A covariance that falls with the distance.
            let entry = |row: usize, column: usize| (-0.1 * row.abs_diff(column) as f64).exp();
            let a: Vec<f64> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
            let factor = Cholesky::of(a.clone(), size).expect("positive definite");
            for row in 0..size {
                for column in 0..=row {
                    let product = dot(factor.row(row).split_at(column + 1).0, factor.row(column));
                    assert!((product - entry(row, column)).abs() < 1e-12, "{size}: {row} {column}");
                }
            }
            let b: Vec<f64> = (0..size).map(|k| (k as f64).sin()).collect();
            let mut x = b.clone();
            factor.solve(&mut x);
            for row in 0..size {
                assert!((dot(&a[row * size..(row + 1) * size], &x) - b[row]).abs() < 1e-10, "{size}: {row}");
            }
            let mut indefinite = a;
            indefinite[size * size - 1] = 0.5 * entry(0, 1);
            assert_eq!(Cholesky::of(indefinite, size), None);
        }
    }

    #[test]
    fn determinants_and_what_has_no_factor() {
        let factor = Cholesky::of(vec![4.0, 0.0, 2.0, 5.0], 2).expect("positive definite");
        assert!((factor.ln_determinant() - 16.0f64.ln()).abs() < 1e-12);
        assert_eq!(Cholesky::of(vec![1.0, 0.0, 2.0, 1.0], 2), None);
        assert_eq!(Cholesky::of(vec![f64::NAN], 1), None);
    }
}
