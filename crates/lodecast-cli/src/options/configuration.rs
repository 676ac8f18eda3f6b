//! Configurations of the lab in JSON files.

use std::path::Path;

use anyhow::{Context, Result};

/// Reads a configuration of the lab from a JSON file.
pub(crate) fn read_configuration<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .map_err(lodecast_lab::Error::from)
        .with_context(|| format!("cannot use {}", path.display()))
}
