//! Sizes of a latent ODE, the names, shapes and order of its parameters, and their random start.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::vector_field::CONTROL_INPUTS;
use crate::error::{Error, Result};
use crate::kernels::network::mlp::MlpShape;
use crate::random::{Purpose, stream};

/// Sizes of a network. The two latent ODEs differ in what is said here and in what they read and predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Architecture {
    /// Inputs of the encoder for each point: time, columns, and flags for what was measured.
    pub inputs: usize,
    /// Columns that are decoded.
    pub outputs: usize,
    /// State of the GRU.
    pub hidden: usize,
    /// Bottleneck.
    pub latent: usize,
    /// State of the differential equation.
    pub state: usize,
    /// Width of hidden layers.
    pub width: usize,
    /// Hidden layers of the vector field and of the perceptron from latent to state.
    pub depth: usize,
    /// Hidden layers of the decoder; 0 is the paper's linear one.
    pub decoder_depth: usize,
    /// Does the learning rate drive the vector field?
    pub controlled: bool,
}

/// Largest size of anything in an architecture: bounds what a hostile model file can ask for.
const LARGEST: usize = 1024;
/// Most hidden layers.
const DEEPEST: usize = 8;

/// One named tensor in the flat vector of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) offset: usize,
    /// Inputs of the layer it belongs to: decides the spread of its random start.
    fan_in: usize,
}

impl Tensor {
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Where each part of the network begins in the flat vector of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offsets {
    pub(crate) field: usize,
    pub(crate) gru: usize,
    pub(crate) to_latent: usize,
    pub(crate) to_state: usize,
    pub(crate) decoder: usize,
    /// Learned start state of the encoder; only of the controlled model.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Architecture {
    /// Checks that the sizes are possible.
    ///
    /// # Errors
    /// Names the size that is not.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("inputs", self.inputs),
            ("outputs", self.outputs),
            ("hidden", self.hidden),
            ("latent", self.latent),
            ("state", self.state),
            ("width", self.width),
        ];
        for (name, size) in sizes {
            if size == 0 || size > LARGEST {
                return Err(Error::Setting { name, value: size.to_string(), remedy: "choose a size from 1 to 1024" });
            }
        }
        for (name, depth) in [("depth", self.depth), ("decoder_depth", self.decoder_depth)] {
            if depth > DEEPEST {
                return Err(Error::Setting {
                    name,
                    value: depth.to_string(),
                    remedy: "choose at most 8 hidden layers",
                });
            }
        }
        if !self.controlled && self.state != self.hidden {
            return Err(Error::Setting {
                name: "state",
                value: self.state.to_string(),
                remedy: "the paper's model maps encoder and state to the latent space with one matrix: make it equal to hidden",
            });
        }
        Ok(())
    }

    pub(crate) fn field_shape(&self) -> MlpShape {
        let control = if self.controlled { CONTROL_INPUTS } else { 0 };
        MlpShape { inputs: self.state + control, width: self.width, depth: self.depth, outputs: self.state }
    }

    pub(crate) fn to_state_shape(self) -> MlpShape {
        MlpShape { inputs: self.latent, width: self.width, depth: self.depth, outputs: self.state }
    }

    pub(crate) fn decoder_shape(&self) -> MlpShape {
        MlpShape { inputs: self.state, width: self.width, depth: self.decoder_depth, outputs: self.outputs }
    }

    /// All tensors, in the order of the flat vector of parameters.
    pub(crate) fn tensors(&self) -> Vec<Tensor> {
        let mut tensors: Vec<Tensor> = Vec::new();
        let mut push = |name: String, shape: &[usize], fan_in: usize| {
            let offset = tensors.last().map_or(0, |tensor| tensor.offset + tensor.len());
            tensors.push(Tensor { name, shape: shape.to_vec(), offset, fan_in });
        };
        push("vector_field.scale".to_owned(), &[], 0);
        let mlp = |push: &mut dyn FnMut(String, &[usize], usize), name: &str, shape: MlpShape| {
            for (layer, (outputs, inputs)) in shape.layers().enumerate() {
                push(format!("{name}.{layer}.weight"), &[outputs, inputs], inputs);
                push(format!("{name}.{layer}.bias"), &[outputs], inputs);
            }
        };
        mlp(&mut push, "vector_field", self.field_shape());
        push("encoder.input.weight".to_owned(), &[3 * self.hidden, self.inputs], self.hidden);
        push("encoder.recurrent.weight".to_owned(), &[3 * self.hidden, self.hidden], self.hidden);
        push("encoder.bias".to_owned(), &[3 * self.hidden], self.hidden);
        push("encoder.candidate.bias".to_owned(), &[self.hidden], self.hidden);
        push("latent.weight".to_owned(), &[self.latent, self.hidden], self.hidden);
        push("latent.bias".to_owned(), &[self.latent], self.hidden);
        mlp(&mut push, "state", self.to_state_shape());
        mlp(&mut push, "decoder", self.decoder_shape());
        if self.controlled {
            push("encoder.start".to_owned(), &[self.hidden], 0);
        }
        tensors
    }

    pub(crate) fn offsets(&self) -> Offsets {
        let field = 0;
        let gru = field + 1 + self.field_shape().parameters();
        let to_latent = gru + crate::kernels::network::gru::gru_parameters(self.inputs, self.hidden);
        let to_state = to_latent + self.latent * (self.hidden + 1);
        let decoder = to_state + self.to_state_shape().parameters();
        let start = decoder + self.decoder_shape().parameters();
        let end = start + if self.controlled { self.hidden } else { 0 };
        Offsets { field, gru, to_latent, to_state, decoder, start, end }
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.offsets().end
    }

    /// Random parameters: uniform within `1 / sqrt(inputs of the layer)`; the field's scale is 1, a start state 0.
    pub(crate) fn random_parameters(&self, seed: u64) -> Vec<f64> {
        let mut parameters = Vec::with_capacity(self.parameters());
        let mut random = stream(seed, Purpose::Parameters, 0);
        for tensor in self.tensors() {
            for _ in 0..tensor.len() {
                parameters.push(match (tensor.fan_in, tensor.shape.len()) {
                    (0, 0) => 1.0,
                    (0, _) => 0.0,
                    (fan_in, _) => random.random_range(-1.0..1.0) / (fan_in as f64).sqrt(),
                });
            }
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ControlledSizes, PaperSizes};

    fn paper() -> Architecture {
        PaperSizes::default().into()
    }

    fn controlled() -> Architecture {
        ControlledSizes::default().into()
    }

    #[test]
    fn tensors_and_offsets_agree() {
        for architecture in [paper(), controlled()] {
            let tensors = architecture.tensors();
            let offsets = architecture.offsets();
            let at = |name: &str| tensors.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.offset);
            assert_eq!(at("encoder.input.weight"), Some(offsets.gru));
            assert_eq!(at("latent.weight"), Some(offsets.to_latent));
            assert_eq!(at("state.0.weight"), Some(offsets.to_state));
            assert_eq!(at("decoder.0.weight"), Some(offsets.decoder));
            let last = tensors.last().expect("there are tensors");
            assert_eq!(last.offset + last.len(), architecture.parameters());
            assert_eq!(architecture.random_parameters(1).len(), architecture.parameters());
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(Architecture { width: 0, ..paper() }.check().is_err());
        assert!(Architecture { hidden: 1 << 40, ..controlled() }.check().is_err());
        assert!(Architecture { depth: 9, ..controlled() }.check().is_err());
        assert!(Architecture { state: 8, ..paper() }.check().is_err());
        assert!(controlled().check().is_ok());
    }
}
