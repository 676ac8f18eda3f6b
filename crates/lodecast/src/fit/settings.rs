//! [`FitSettings`]: how a model of any form is fitted.

use serde::{Deserialize, Serialize};

use super::form::FitForm;
use super::options::FitOptions;
use super::summary::Fitted;
use super::training::Training;
use super::{ControlledFit, LawFit, PaperFit};
use crate::data::Sweep;
use crate::error::Result;
use crate::forms::with_forms;
use crate::model::ModelKind;

/// Makes [`FitSettings`] from the registry of forms.
macro_rules! settings {
    ($( $(#[$documentation:meta])* $form:ident = $name:literal $(| $alias:literal)*, $model:ident, $settings:ident; )+) => {
        /// Settings of a fit. [`FitSettings::new`] gives the measured defaults of each form of model.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum FitSettings {
            $( $(#[$documentation])* $form($settings), )+
        }

        impl FitSettings {
            /// The defaults for a form of model.
            pub fn new(kind: ModelKind) -> Self {
                match kind { $( ModelKind::$form => Self::$form($settings::default()), )+ }
            }

            /// Which form of model is fitted.
            pub fn kind(&self) -> ModelKind {
                match self { $( Self::$form(_) => ModelKind::$form, )+ }
            }

            /// How the networks are trained, for a form that has any.
            pub fn training(&self) -> Option<&Training> {
                match self { $( Self::$form(settings) => FitForm::training(settings), )+ }
            }

            /// See [`Self::training`].
            pub fn training_mut(&mut self) -> Option<&mut Training> {
                match self { $( Self::$form(settings) => FitForm::training_mut(settings), )+ }
            }

            /// The same settings with the training of the networks changed, for a form that has any.
            ///
            /// ```
            /// use lodecast::{FitSettings, ModelKind};
            /// let quick = FitSettings::new(ModelKind::Controlled).with_training(|training| training.iterations = 500);
            /// ```
            #[must_use]
            pub fn with_training(mut self, change: impl FnOnce(&mut Training)) -> Self {
                if let Some(training) = self.training_mut() {
                    change(training);
                }
                self
            }

            /// Checks that every setting is in its range.
            ///
            /// # Errors
            /// Names the first setting that is not.
            pub fn check(&self) -> Result<()> {
                match self { $( Self::$form(settings) => FitForm::check(settings), )+ }
            }

            pub(super) fn fit(&self, sweep: &Sweep, options: FitOptions<'_>) -> Result<Fitted> {
                match self { $( Self::$form(settings) => settings.fit(sweep, options), )+ }
            }
        }

        $( impl From<$settings> for FitSettings {
            fn from(settings: $settings) -> Self {
                Self::$form(settings)
            }
        } )+
    };
}

with_forms!(settings);
