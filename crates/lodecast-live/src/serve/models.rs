//! [`Models`]: the models of a folder, by name. Each is read once.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use lodecast::{Forecaster, Model};

use super::names::is_name;
use crate::error::{Error, Result};
use crate::http::problem::Problem;

const ENDING: &str = "lode";

/// A model that many runs share.
pub(crate) struct Hosted {
    pub(crate) model: Model,
    pub(crate) forecaster: Forecaster,
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.model.fingerprint())
    }
}

impl From<Model> for Hosted {
    fn from(model: Model) -> Self {
        Self { forecaster: model.clone().into(), model }
    }
}

/// The models of a folder.
#[derive(Debug)]
pub(crate) struct Models {
    folder: PathBuf,
    loaded: Mutex<HashMap<String, Arc<Hosted>>>,
}

impl Models {
    /// Those in `folder`.
    ///
    /// # Errors
    /// If it has none.
    pub(crate) fn open(folder: PathBuf) -> Result<Self> {
        let models = Self { folder, loaded: Mutex::default() };
        if models.names()?.is_empty() {
            let remedy = "put files NAME.lode into it: 'lodecast fit' writes them";
            return Err(Error::Damaged { path: models.folder, reason: "it has no models".to_owned(), remedy });
        }
        Ok(models)
    }

    /// Their names, in order.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let failed = |source| Error::File { path: self.folder.clone(), source };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if let Some(stem) = stem.filter(|stem| is_name(stem) && path.extension().is_some_and(|end| end == ENDING)) {
                names.push(stem.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The model of that name.
    pub(crate) fn get(&self, name: &str) -> std::result::Result<Arc<Hosted>, Problem> {
        super::names::checked("model", name)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hosted) = loaded.get(name) {
            return Ok(Arc::clone(hosted));
        }
        let path = self.folder.join(format!("{name}.{ENDING}"));
        let model = Model::load(&path).map_err(|error| {
            // Where models lie is not for everybody to know.
            let known = self.names().unwrap_or_default().join(", ");
            match error {
                lodecast::Error::File { .. } => Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    format!("there is no model '{name}'"),
                    format!("there are: {known}"),
                ),
                _ => Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    format!("the model '{name}' cannot be read"),
                    "fit it anew with 'lodecast fit'",
                ),
            }
        })?;
        let hosted = Arc::new(Hosted::from(model));
        loaded.insert(name.to_owned(), Arc::clone(&hosted));
        Ok(hosted)
    }
}
