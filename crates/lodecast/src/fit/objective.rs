//! What a fit minimises, with its derivative by the predicted values.

use crate::kernels::lanes::{Lanes, Real};

/// Weighted squared error of the decoded columns, and for the paper's model the length of the latent path.
pub(crate) struct Objective<'a, L: Lanes> {
    /// `times x outputs`.
    pub(crate) targets: &'a [L],
    pub(crate) weights: &'a [L],
    pub(crate) outputs: usize,
    pub(crate) path: Option<PathTerm<'a, L::Real>>,
}

/// The path length of section 2: `sum_k sqrt(dz_k^T S^-1 dz_k) / |S|`.
#[derive(Clone, Copy)]
pub(crate) struct PathTerm<'a, R> {
    /// Diagonal of `S`: the spread of the latent start over the batch.
    pub(crate) spread: &'a [R],
    /// Weight of the term.
    pub(crate) weight: R,
}

/// Keeps the root's derivative finite where the path stands still.
const STANDSTILL: f64 = 1e-12;

impl<L: Lanes> Objective<'_, L> {
    /// Loss of each lane; writes the adjoints of `values` (`times x (outputs, then latent)`). Lanes where `counts` is 0 have
    /// neither loss nor adjoint.
    pub(crate) fn evaluate(&self, values: &[L], counts: L, adjoints: &mut [L]) -> L {
        let times = self.targets.len() / self.outputs;
        let width = values.len() / times.max(1);
        adjoints.fill(L::zero());
        L::vectorize(
            #[inline(always)]
            || {
                let mut loss = L::zero();
                for time in 0..times {
                    for output in 0..self.outputs {
                        let at = time * width + output;
                        let error = values[at] - self.targets[time * self.outputs + output];
                        let weighted = self.weights[time * self.outputs + output] * error;
                        // One half of the square: its derivative is the weighted error itself.
                        loss = (weighted * L::constant(0.5)).mul_add(error, loss);
                        adjoints[at] = counts.where_positive(weighted, L::zero());
                    }
                }
                if let Some(path) = &self.path {
                    loss = loss + path.evaluate(values, width, self.outputs, counts, adjoints);
                }
                counts.where_positive(loss, L::zero())
            },
        )
    }
}

impl<R: Real> PathTerm<'_, R> {
    #[inline(always)]
    fn evaluate<L: Lanes<Real = R>>(
        &self,
        values: &[L],
        width: usize,
        outputs: usize,
        counts: L,
        adjoints: &mut [L],
    ) -> L {
        let norm = self.spread.iter().map(|s| s.to_f64().powi(2)).sum::<f64>().sqrt();
        let weight = L::splat(self.weight) * L::constant(1.0 / norm);
        let mut length = L::zero();
        for (row, pair) in values.windows(2 * width).step_by(width).enumerate() {
            let mut sum = L::constant(STANDSTILL);
            for (j, &spread) in self.spread.iter().enumerate() {
                let step = pair[width + outputs + j] - pair[outputs + j];
                sum = (step * L::constant(1.0 / spread.to_f64())).mul_add(step, sum);
            }
            let root = sum.sqrt();
            length = length + root;
            let outer = counts.where_positive(weight / root, L::zero());
            for (j, &spread) in self.spread.iter().enumerate() {
                let step = pair[width + outputs + j] - pair[outputs + j];
                let adjoint = outer * step * L::constant(1.0 / spread.to_f64());
                let (before, after) = (row * width + outputs + j, (row + 1) * width + outputs + j);
                adjoints[after] = adjoints[after] + adjoint;
                adjoints[before] = adjoints[before] - adjoint;
            }
        }
        weight * length
    }
}
