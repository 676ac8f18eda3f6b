//! Numerics that know no run: lanes, the layers of networks, and differential equations, each with its exact reverse pass.

pub(crate) mod covariance;
pub(crate) mod lanes;
pub(crate) mod network;
pub(crate) mod ode;
