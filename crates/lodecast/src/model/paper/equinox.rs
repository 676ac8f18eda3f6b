//! Reader for model files of the paper's reference implementation: Equinox leaves, which are concatenated `.npy` arrays.

use std::path::Path;

use crate::error::{Error, Result};
use crate::model::Architecture;

/// A model of the reference implementation.
#[derive(Clone, Debug)]
pub(crate) struct ReferenceModel {
    pub(crate) architecture: Architecture,
    /// In the order of [`Architecture::tensors`], which is the reference's.
    pub(crate) parameters: Vec<f64>,
    /// Weight of the path length it was fitted with; for comparisons with the reference only.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) alpha: f64,
    /// First step of the solver.
    pub(crate) first_step: f64,
}

/// One array of the file.
struct Leaf {
    shape: Vec<usize>,
    values: Vec<f64>,
}

/// Reads the bytes of an `.eqx` file; `path` is for messages.
///
/// # Errors
/// If the bytes are no such file, are damaged, or hold another kind of model.
pub(crate) fn read_equinox(bytes: &[u8], path: &Path) -> Result<ReferenceModel> {
    let fail = |reason: String| Error::ModelFile { path: path.to_owned(), reason };
    let mut rest = bytes;
    let mut leaves = Vec::new();
    while !rest.is_empty() {
        let index = leaves.len();
        leaves.push(read_leaf(&mut rest).map_err(|reason| fail(format!("array {index}: {reason}")))?);
    }
    // Six scalars end the file: input, output, hidden and latent size, alpha, first step.
    let Some(arrays) = leaves.len().checked_sub(6).filter(|&arrays| arrays >= 9) else {
        return Err(fail(format!(
            "{} arrays are too few for a latent ODE of the reference implementation",
            leaves.len()
        )));
    };
    let scalar = |index: usize| leaves[arrays + index].values.first().copied().unwrap_or(f64::NAN);
    let size = |index: usize| scalar(index).max(0.0) as usize;
    let (columns, outputs, hidden, latent) = (size(0), size(1), size(2), size(3));
    let width = leaves[1].shape.first().copied().unwrap_or(0);
    // Arrays: scale, 2 (depth + 1) of the field, 4 of the encoder, 2 of the latent map, 2 (depth + 1), 2 of the decoder.
    if !(arrays - 9).is_multiple_of(4) || arrays < 13 {
        return Err(fail(format!("{arrays} arrays do not make up a latent ODE of the reference implementation")));
    }
    let depth = (arrays - 9) / 4 - 1;
    let architecture = Architecture {
        inputs: columns.saturating_add(1),
        outputs,
        hidden,
        latent,
        state: hidden,
        width,
        depth,
        decoder_depth: 0,
        controlled: false,
    };
    architecture.check().map_err(|error| fail(error.to_string()))?;
    let tensors = architecture.tensors();
    for (index, (leaf, tensor)) in leaves.iter().zip(&tensors).enumerate() {
        if leaf.shape != tensor.shape {
            return Err(fail(format!(
                "array {index} has the shape {:?}, where {} of the sizes it states has {:?}",
                leaf.shape, tensor.name, tensor.shape
            )));
        }
        if let Some(value) = leaf.values.iter().find(|value| !value.is_finite()) {
            return Err(fail(format!("array {index} ({}) contains {value}", tensor.name)));
        }
    }
    let parameters = leaves[..arrays].iter().flat_map(|leaf| leaf.values.iter().copied()).collect();
    let (alpha, first_step) = (scalar(4), scalar(5));
    if !(alpha.is_finite() && first_step.is_finite() && first_step > 0.0) {
        return Err(fail(format!("alpha {alpha} and first step {first_step} are not usable")));
    }
    Ok(ReferenceModel { architecture, parameters, alpha, first_step })
}

/// Reads one `.npy` array (format version 1 to 3) of little-endian numbers from the front of `rest`.
fn read_leaf(rest: &mut &[u8]) -> std::result::Result<Leaf, String> {
    let mut take = |count: usize| {
        let (taken, later) = rest.split_at_checked(count).ok_or_else(|| "the file ends within it".to_owned())?;
        *rest = later;
        Ok::<&[u8], String>(taken)
    };
    if take(6)? != b"\x93NUMPY" {
        return Err("no .npy array starts here".to_owned());
    }
    let version = take(2)?[0];
    let header = match version {
        1 => usize::from(u16::from_le_bytes(array(take(2)?))),
        2 | 3 => u32::from_le_bytes(array(take(4)?)) as usize,
        other => return Err(format!("its format version is {other}; 1 to 3 are known")),
    };
    let header = std::str::from_utf8(take(header)?).map_err(|_| "its header is not text".to_owned())?;
    if entry(header, "fortran_order")?.starts_with("True") {
        return Err("it is stored by columns".to_owned());
    }
    let shape = entry(header, "shape")?;
    let shape = shape.strip_prefix('(').and_then(|shape| shape.split_once(')')).map(|(shape, _)| shape);
    let shape: Vec<usize> = shape
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().map_err(|_| format!("its shape contains '{size}'")))
        .collect::<std::result::Result<_, _>>()?;
    let kind = entry(header, "descr")?;
    let kind = kind.get(1..4).unwrap_or_default();
    let count = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    let bytes = |size: usize| count.and_then(|count| count.checked_mul(size)).unwrap_or(usize::MAX);
    let values = match kind {
        "<f8" => take(bytes(8))?.chunks_exact(8).map(|value| f64::from_le_bytes(array(value))).collect(),
        "<f4" => take(bytes(4))?.chunks_exact(4).map(|value| f64::from(f32::from_le_bytes(array(value)))).collect(),
        "<i8" => take(bytes(8))?.chunks_exact(8).map(|value| i64::from_le_bytes(array(value)) as f64).collect(),
        "<i4" => take(bytes(4))?.chunks_exact(4).map(|value| f64::from(i32::from_le_bytes(array(value)))).collect(),
        other => return Err(format!("its type is '{other}'; f8, f4, i8 and i4 are known")),
    };
    Ok(Leaf { shape, values })
}

/// The text after `'name':` in the header's dictionary.
fn entry<'a>(header: &'a str, name: &str) -> std::result::Result<&'a str, String> {
    let key = format!("'{name}':");
    let at = header.find(&key).ok_or_else(|| format!("its header does not give '{name}'"))?;
    Ok(header[at + key.len()..].trim_start())
}

/// The first `N` bytes of a slice that has them.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|index| bytes.get(index).copied().unwrap_or_default())
}
