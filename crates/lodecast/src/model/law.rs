//! The law.
mod calibration;
mod curve;
mod divergence;
mod observation;
mod scale;
mod settings;
mod features;
mod gaussian_process;
mod residual;
mod least_squares;
mod linear_algebra;
mod posterior;
mod prior;
#[cfg(test)]
mod fixtures;
