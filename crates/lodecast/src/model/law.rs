//! The law.
mod curve;
mod features;
mod gaussian_process;
mod residual;
mod least_squares;
mod linear_algebra;
mod posterior;
mod prior;
#[cfg(test)]
mod fixtures;
