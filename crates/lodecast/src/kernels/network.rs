//! Layers in lanes: forward, and the reverse pass with weight gradients summed afterwards in register tiles.
//!
//! The forward pass leaves what it computed in rows of a tape; the reverse pass replaces what it no longer needs there
//! by adjoints, so that one sweep over many rows then yields the weight gradients at the speed of a matrix product.

pub(crate) mod gru;
pub(crate) mod gru_window;
pub(crate) mod matrix;
pub(crate) mod mlp;
