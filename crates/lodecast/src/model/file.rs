//! Model and checkpoint files: safetensors with a JSON header.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// Key of the JSON header in the safetensors metadata.
const HEADER: &str = "lodecast";
/// Files beyond this size are no models of ours.
const LARGEST: u64 = 1 << 30;

/// Named arrays of `f64` with their shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tensors(pub(crate) Vec<(String, Vec<usize>, Vec<f64>)>);

impl Tensors {
    pub(crate) fn push(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f64>) {
        self.0.push((name.into(), shape.to_vec(), values));
    }

    /// Takes the tensor `name`, which must have `shape`.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> std::result::Result<Vec<f64>, String> {
        let at = self.0.iter().position(|(known, ..)| known == name);
        let at = at.ok_or_else(|| format!("the tensor '{name}' is missing"))?;
        let (_, found, values) = self.0.swap_remove(at);
        if found != shape {
            return Err(format!("the tensor '{name}' has the shape {found:?}, not {shape:?}"));
        }
        Ok(values)
    }
}

impl Tensors {
    /// Takes the matrix `name` of `rows` rows, and their length.
    pub(crate) fn take_rows(&mut self, name: &str, rows: usize) -> std::result::Result<(Vec<f64>, usize), String> {
        let at = self.0.iter().position(|(known, ..)| known == name);
        let at = at.ok_or_else(|| format!("the tensor '{name}' is missing"))?;
        let (_, shape, values) = self.0.swap_remove(at);
        match shape[..] {
            [found, width] if found == rows && values.len() == rows * width => Ok((values, width)),
            _ => Err(format!("the tensor '{name}' has the shape {shape:?}, not {rows} rows")),
        }
    }
}

/// The bytes of a file with header and tensors; says what is wrong with them.
pub(crate) fn serialize(header: &impl Serialize, tensors: &Tensors) -> std::result::Result<Vec<u8>, String> {
    let header = serde_json::to_string(header).map_err(|error| error.to_string())?;
    let bytes: Vec<Vec<u8>> =
        tensors.0.iter().map(|(.., values)| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = tensors
        .0
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| {
            TensorView::new(Dtype::F64, shape.clone(), bytes).map(|view| (name.clone(), view))
        })
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let metadata = HashMap::from([(HEADER.to_owned(), header)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
}

/// Does a file begin as one of ours does, whatever its name? The length of the safetensors header, and in that our own first.
pub(crate) fn is_ours(path: &Path) -> bool {
    let expected = format!("{{\"__metadata__\":{{\"{HEADER}\":");
    let mut start = vec![0; size_of::<u64>() + expected.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start.ends_with(expected.as_bytes())
}

/// Reads header and tensors back.
pub(crate) fn read(path: &Path) -> Result<(String, Tensors)> {
    let file_error = |source: std::io::Error| Error::File { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(file_error)?.len();
    if size > LARGEST {
        let reason = format!("it has {size} bytes; models have at most {LARGEST}");
        return Err(Error::ModelFile { path: path.to_owned(), reason });
    }
    let bytes = std::fs::read(path).map_err(file_error)?;
    parse(&bytes).map_err(|reason| Error::ModelFile { path: path.to_owned(), reason })
}

/// What to do about a damaged file.
const AGAIN: &str = "; write it again with 'lodecast fit'";

/// Understands the header of a file.
pub(crate) fn parse_header<H: DeserializeOwned>(header: &str) -> std::result::Result<H, String> {
    serde_json::from_str(header).map_err(|error| format!("its header is not understood ({error}){AGAIN}"))
}

/// Reads header and tensors from the bytes of a file; says what is wrong with them.
pub(crate) fn parse(bytes: &[u8]) -> std::result::Result<(String, Tensors), String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)
        .map_err(|error| format!("it is damaged, cut short or no safetensors file ({error}){AGAIN}"))?;
    let header = metadata.metadata().as_ref().and_then(|metadata| metadata.get(HEADER));
    let header = header.ok_or_else(|| "it is a safetensors file, but was not written by lodecast".to_owned())?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| format!("it is damaged ({error}){AGAIN}"))?;
    let mut tensors = Tensors::default();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F64 {
            return Err(format!("the tensor '{name}' has the type {:?}, not F64", view.dtype()));
        }
        let (values, _) = view.data().as_chunks::<8>();
        let values = values.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        tensors.push(name, view.shape(), values);
    }
    Ok((header.clone(), tensors))
}
