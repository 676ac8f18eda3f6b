//! The registry of fits: one type of settings a form of model, and what the networks have in common.

use serde::{Deserialize, Serialize};

use super::controlled::ControlledFit;
use super::law::LawFit;
use super::paper::PaperFit;
use super::{FitOptions, Fitted};
use crate::data::Sweep;
use crate::error::{Result, setting};
use crate::model::ModelKind;

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

/// Makes [`FitSettings`] from one line a form: its name in [`ModelKind`], and its settings.
macro_rules! fits {
    ($( $(#[$documentation:meta])* $form:ident($settings:ty); )+) => {
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
                match kind { $( ModelKind::$form => Self::$form(<$settings>::default()), )+ }
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

fits! {
    /// Of a [`ControlledLatentOde`](crate::ControlledLatentOde).
    Controlled(ControlledFit);
    /// Of a [`LawModel`](crate::LawModel).
    Law(LawFit);
    /// Of the paper's model, a [`PaperLatentOde`](crate::PaperLatentOde).
    Paper(PaperFit);
}

/// How an ensemble of networks is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Models in the ensemble. Each is first fitted without another fifth of the configurations and measured on them, then
    /// on all.
    pub members: usize,
    /// Optimizer steps of each member.
    pub iterations: u64,
    /// Windows in a batch.
    pub batch_size: usize,
    /// Peak of the one-cycle learning rate of the fit itself.
    pub peak_lr: f64,
    /// Relative and absolute tolerance of the ODE solver.
    pub tolerance: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Name of the validation metric; the sweep's first one when not given.
    pub metric: Option<String>,
    /// End a member's first cycle after this many held-out checks (of 20) without a new best; 20 never does.
    pub patience: u32,
}

impl Training {
    pub(super) fn check(&self) -> Result<()> {
        setting("members", self.members, (1..=64).contains(&self.members), "choose from 1 to 64")?;
        let iterations = (1..=10_000_000).contains(&self.iterations);
        setting("iterations", self.iterations, iterations, "choose from 1 to 10,000,000")?;
        setting("batch_size", self.batch_size, (1..=65_536).contains(&self.batch_size), "choose from 1 to 65,536")?;
        let peak_lr = self.peak_lr > 0.0 && self.peak_lr <= 1.0;
        setting("peak_lr", self.peak_lr, peak_lr, "choose a rate above 0 and up to 1")?;
        setting("tolerance", self.tolerance, (1e-6..=0.1).contains(&self.tolerance), "choose from 1e-6 to 0.1")
    }
}
