//! The path-minimised latent ODE (method section 2) and its controlled sibling (section 6).

mod architecture;
mod controlled;
pub(crate) mod ensemble;
mod equinox;
pub(crate) mod file;
mod futures;
mod generative;
mod model;
#[cfg(test)]
mod parity;
pub(crate) mod pass;
mod scaler;
pub(crate) mod series;
mod vector_field;

pub use architecture::Architecture;
pub use controlled::ControlledLatentOde;
pub use ensemble::FitRecord;
pub(crate) use equinox::read_equinox;
pub use generative::LatentOde;
pub use model::Model;
pub use scaler::{Column, Scaler, Transform};
