//! The path-minimised latent ODE (method section 2) and its controlled sibling (section 6).

mod architecture;
mod equinox;
#[cfg(test)]
mod parity;
pub(crate) mod pass;
mod vector_field;

pub use architecture::Architecture;
