//! What the solver asks of an explicit Runge-Kutta pair.

/// An explicit pair whose last stage is evaluated at the step's end and serves as the first of the next step.
pub(crate) trait RungeKutta {
    /// Order of the method that is propagated.
    const ORDER: f64;
    /// Times of the stages within a step.
    const TIMES: &'static [f64];
    /// Weights of earlier stages in each stage; the last row holds the weights of the solution.
    const WEIGHTS: &'static [&'static [f64]];
    /// Weights of the error estimate: the solution minus the embedded one of the order below.
    const ERROR: &'static [f64];
    /// Degree of the dense output within a step.
    const DEGREE: usize;
    /// Dense output: `y(t + x h) = y + h sum_i k_i sum_p DENSE[i][p] x^(p + 1)`.
    const DENSE: &'static [&'static [f64]];
    /// Number of stages.
    const STAGES: usize = Self::TIMES.len();
}
