//! What a form of model brings to its fit: its settings do it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::options::FitOptions;
use super::sample::Windows;
use super::summary::Fitted;
use super::training::Training;
use crate::data::Sweep;
use crate::error::Result;
use crate::model::ensemble::Ensemble;
use crate::model::{Architecture, Model, Scaler};

/// How one form of model is fitted. The settings of the form implement it.
pub(super) trait FitForm: Default {
    /// Refuses a setting that is out of its range.
    fn check(&self) -> Result<()>;

    /// How its networks are trained, if it has any.
    fn training(&self) -> Option<&Training>;

    /// See [`Self::training`].
    fn training_mut(&mut self) -> Option<&mut Training>;

    /// Fits a model; the settings have been checked.
    fn fit(&self, sweep: &Sweep, options: FitOptions<'_>) -> Result<Fitted>;
}

/// Of so many steps that a fit from nothing takes, one that starts from an earlier model takes one.
const SHORTER: u64 = 3;

/// The fit of one form of network. Its settings implement it.
pub(crate) trait NetworkFit: Clone + Default + PartialEq + Serialize + DeserializeOwned + Sync {
    /// What the network is shown and asked.
    type Windows: Windows;

    /// Refuses a setting that is out of its range.
    fn check(&self) -> Result<()>;

    /// How the ensemble is trained.
    fn training(&self) -> &Training;

    /// See [`Self::training`].
    fn training_mut(&mut self) -> &mut Training;

    /// The same settings with fewer steps, for a fit that starts `from_model`.
    #[must_use]
    fn shortened(mut self, from_model: bool) -> Self {
        if from_model {
            let training = self.training_mut();
            training.iterations = (training.iterations / SHORTER).max(1);
        }
        self
    }

    /// Sizes of a network.
    fn architecture(&self) -> Architecture;

    /// The windows that it learns from, of series in the units of `scaler`.
    fn windows(&self, scaler: &Scaler) -> Self::Windows;

    /// Longest window that the encoder reads, as a fraction of the run.
    fn longest_window(&self) -> f64 {
        1.0
    }

    /// Points that a run has at most in the model's eyes; denser logs are averaged.
    fn most_points(&self) -> f64;

    /// The model that the fitted ensemble is.
    fn model(ensemble: Ensemble) -> Model;

    /// The ensemble that a model of this form is; nothing if it is of another.
    fn ensemble(model: &Model) -> Option<&Ensemble>;
}
