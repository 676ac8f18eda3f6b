//! Either of the two models, as it comes out of a file or a fit.

use std::path::Path;

use super::ensemble::{Ensemble, FitRecord};
use super::{Architecture, ControlledLatentOde, LatentOde, Scaler};
use crate::error::{Error, Result};
use crate::fit::ModelKind;
use crate::plan::{Experience, Forecaster};
use crate::run::Metric;

/// A fitted model of either kind.
#[derive(Clone, Debug)]
pub enum Model {
    /// The paper's model.
    LatentOde(LatentOde),
    /// The controlled model.
    Controlled(ControlledLatentOde),
}

impl Model {
    pub(crate) fn new(ensemble: Ensemble) -> Self {
        match ensemble.header.kind {
            ModelKind::LatentOde => Self::LatentOde(LatentOde(ensemble)),
            ModelKind::Controlled => Self::Controlled(ControlledLatentOde(ensemble)),
        }
    }

    fn ensemble(&self) -> &Ensemble {
        match self {
            Self::LatentOde(model) => &model.0,
            Self::Controlled(model) => &model.0,
        }
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Ensemble::load(path.as_ref()).map(Self::new)
    }

    /// Reads a model from the bytes of its file.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let named = |reason| Error::ModelFile { path: "(bytes)".into(), reason };
        Ensemble::from_bytes(bytes).map(Self::new).map_err(named)
    }

    /// Writes the model to `path`, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.ensemble().save(path.as_ref())
    }

    /// Which of the two models it is.
    pub fn kind(&self) -> ModelKind {
        self.ensemble().header.kind
    }

    /// The validation metric it predicts.
    pub fn metric(&self) -> &Metric {
        &self.ensemble().header.metric
    }

    /// Its sizes.
    pub fn architecture(&self) -> Architecture {
        self.ensemble().header.architecture
    }

    /// Its units.
    pub fn scaler(&self) -> &Scaler {
        &self.ensemble().header.scaler
    }

    /// Number of models in the ensemble.
    pub fn members(&self) -> usize {
        self.ensemble().networks.len()
    }

    /// What its sweep showed.
    pub fn experience(&self) -> &Experience {
        &self.ensemble().header.experience
    }

    /// How it was fitted.
    pub fn record(&self) -> &FitRecord {
        &self.ensemble().header.record
    }

    /// Tells this model from others; kept in the state of a scheduler.
    pub fn fingerprint(&self) -> &str {
        &self.ensemble().fingerprint
    }
}

impl From<Model> for Forecaster {
    fn from(model: Model) -> Self {
        match model {
            Model::LatentOde(model) => Self::generative(model),
            Model::Controlled(model) => Self::controlled(model),
        }
    }
}

impl Ensemble {
    /// Refuses a model of the other kind.
    pub(crate) fn expect_kind(&self, kind: ModelKind, path: &Path) -> Result<()> {
        if self.header.kind == kind {
            return Ok(());
        }
        let reason = format!("it holds a {} model, not a {kind} one", self.header.kind);
        Err(Error::ModelFile { path: path.to_owned(), reason })
    }
}
