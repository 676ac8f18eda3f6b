//! [`Model`]: a fitted model of any form.

use std::path::Path;

use super::file::{self, Tensors};
use super::form::{Form, stated_kind};
use super::{ControlledLatentOde, FitRecord, Forecast, Forecaster, LawModel, ModelKind, PaperLatentOde};
use crate::data::{Attributes, Metric, Point, Run, Schedule};
use crate::error::{Error, Result};
use crate::experience::Experience;
use crate::forms::with_forms;
use crate::whole_file;

/// Makes [`Model`] from the registry of forms.
macro_rules! models {
    ($( $(#[$documentation:meta])* $form:ident = $name:literal $(| $alias:literal)*, $model:ident, $fit:ident; )+) => {
        /// A fitted model of any form.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        // Models are few and live long: how large one is does not matter.
        #[allow(clippy::large_enum_variant)]
        pub enum Model {
            $( $(#[$documentation])* $form($model), )+
        }

        impl From<Model> for Forecaster {
            fn from(model: Model) -> Self {
                match model { $( Model::$form(model) => model.into_forecaster(), )+ }
            }
        }

        $( impl From<$model> for Model {
            fn from(model: $model) -> Self {
                Self::$form(model)
            }
        } )+

        impl Model {
            /// Which form it has.
            pub fn kind(&self) -> ModelKind {
                match self { $( Self::$form(_) => ModelKind::$form, )+ }
            }

            /// What its form can do.
            pub(crate) fn form(&self) -> &dyn Form {
                match self { $( Self::$form(model) => model, )+ }
            }

            fn read(header: &str, tensors: Tensors) -> std::result::Result<Self, String> {
                match stated_kind(header)? { $( ModelKind::$form => $model::read(header, tensors).map(Self::$form), )+ }
            }
        }
    };
}

with_forms!(models);

/// The error of bytes that are in no file.
fn in_memory(reason: String) -> Error {
    Error::ModelFile { path: "(bytes)".into(), reason }
}

/// Deviations beyond which a run is outside the model's experience.
pub(crate) const FAR: f64 = 3.0;

impl Model {
    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (header, tensors) = file::read(path)?;
        Self::read(&header, tensors).map_err(|reason| Error::ModelFile { path: path.to_owned(), reason })
    }

    /// Does `path` hold a model file, whatever its name? Says nothing about whether it is whole.
    pub fn is_file(path: impl AsRef<Path>) -> bool {
        file::is_ours(path.as_ref())
    }

    /// Reads a model from the bytes of its file, as [`Model::to_bytes`] gives them.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        file::parse(bytes).and_then(|(header, tensors)| Self::read(&header, tensors)).map_err(in_memory)
    }

    /// The bytes of its file, for where there is none: a message, a database, a checkpoint of something larger.
    ///
    /// # Errors
    /// If the model cannot be written in the format of the file, or could not be read back.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.checked_bytes().map_err(in_memory)
    }

    /// The bytes of its file, which can be read: JSON has no number that is not finite, and a reader would be the first to tell.
    fn checked_bytes(&self) -> std::result::Result<Vec<u8>, String> {
        let bytes = self.form().to_bytes()?;
        let read = file::parse(&bytes).and_then(|(header, tensors)| Self::read(&header, tensors));
        read.map_err(|reason| {
            format!(
                "a model of this sweep could not be read back ({reason}): correct values that nothing can have, beyond 1e150 \
                 or so, and fit it again"
            )
        })?;
        Ok(bytes)
    }

    /// Writes the model to `path`, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written, or could not be read back.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.checked_bytes().map_err(|reason| Error::ModelFile { path: path.to_owned(), reason })?;
        whole_file::write(path, &bytes)
    }

    /// The validation metric it predicts.
    pub fn metric(&self) -> &Metric {
        self.form().metric()
    }

    /// Number of models in the ensemble.
    pub fn members(&self) -> usize {
        self.form().members()
    }

    /// Why a run with these settings is beyond what the model has seen, if it is: it differs in one that no run of the sweep varied.
    pub fn unknown_settings(&self, attributes: &Attributes) -> Option<String> {
        self.experience().conditions.unknown_settings(attributes)
    }

    /// What its sweep showed.
    pub fn experience(&self) -> &Experience {
        self.form().experience()
    }

    /// How it was fitted.
    pub fn record(&self) -> &FitRecord {
        self.form().record()
    }

    /// Tells this model from others; kept in the state of a scheduler.
    pub fn fingerprint(&self) -> &str {
        self.form().fingerprint()
    }

    /// Forecasts the rest of a run from its points so far.
    ///
    /// The controlled model answers for `schedule`, and then needs no points at all. The paper's model expects what usually
    /// follows such points, whatever schedule that implies; it needs at least one point and no schedule.
    ///
    /// # Errors
    /// If the controlled model gets no schedule, the paper's gets no points with anything measured, the run is over, or the model
    /// is one whose forecasts are no numbers.
    ///
    /// ```no_run
    /// use lodecast::{Model, Point, Schedule};
    /// let model = Model::load("model.lode")?;
    /// let observed = [Point::new(100).train_loss(2.1).learning_rate(1e-3).validation(0.31)];
    /// let forecast = model.forecast(&observed, 23_400, Some(&Schedule::cosine(1e-3)))?;
    /// println!("{:.3} ± {:.3}", forecast.final_validation.mean, forecast.final_validation.high - forecast.final_validation.mean);
    /// # Ok::<(), lodecast::Error>(())
    /// ```
    pub fn forecast(&self, observed: &[Point], total_steps: u64, schedule: Option<&Schedule>) -> Result<Forecast> {
        let now = observed.last().map_or(0.0, |point| point.step as f64 / total_steps.max(1) as f64);
        if now >= 1.0 {
            return Err(Error::Window {
                reason: format!(
                    "its last step is {}, and the run is planned for {total_steps}",
                    now * total_steps as f64
                ),
            });
        }
        let mut forecast = self.form().forecast(observed, total_steps, now, schedule)?;
        // Finite parameters can be so large that what they lead to is not.
        if !forecast.is_finite() {
            return Err(Error::NotFinite { what: "a run" });
        }
        forecast.outside_experience = schedule
            .and_then(|schedule| self.experience().unknown_schedule(schedule))
            .or_else(|| self.objection(&Run::observed(observed, total_steps).ok()?, 0));
        Ok(forecast)
    }

    /// Why a run is beyond what the model has seen, if it is: by its settings, its length, or by what it has come to; `seen` is the run
    /// until now, its metric the column number `metric`.
    pub(crate) fn objection(&self, seen: &Run, metric: usize) -> Option<String> {
        let conditions = &self.experience().conditions;
        conditions
            .unknown_settings(&seen.attributes)
            .or_else(|| conditions.unknown_length(seen.total_steps()))
            .or_else(|| self.form().objection(seen, metric, FAR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sweep;
    use crate::fit::{FitOptions, LawFit, fit};

    #[test]
    fn a_law_before_any_run_is_kept_as_others_are() {
        let knowledge = crate::PriorKnowledge::new(3e-4, 1000, 2.3);
        let model =
            Model::from(LawModel::before_any_run(&"loss:min".parse().expect("a metric"), &knowledge).expect("sound"));
        let again = Model::from_bytes(&model.to_bytes().expect("bytes")).expect("a model");
        assert_eq!(again.fingerprint(), model.fingerprint());
        let schedule = Schedule::cosine(3e-4);
        let forecast = |model: &Model| model.forecast(&[], 1000, Some(&schedule)).expect("a forecast");
        assert_eq!(forecast(&again), forecast(&model));
        assert_eq!(forecast(&model).outside_experience, None);
    }

    #[test]
    fn what_could_not_be_read_is_not_written() {
        let mut sweep = Sweep::new(vec!["val_loss:min".parse().expect("a metric")]);
        for rate in [0.1, 0.2] {
            let loss = |step: u64| 0.2 + 2.0 / (1.0 + rate * step as f64);
            let points = (0..=20).map(|step| Point::new(step).learning_rate(rate).validation(loss(step)));
            sweep.runs.push(Run::from_points(rate.to_string(), points).expect("increasing"));
        }
        let fitted = fit(&sweep, &LawFit::default().into(), FitOptions::default()).expect("a fit");
        let Model::Law(model) = fitted.model else { panic!("a law") };
        let with = |spread: f64| {
            let experience = Experience { log_rate_spread: spread, ..Form::experience(&model).clone() };
            let record = Form::record(&model).clone();
            Model::from(LawModel::new(model.law().clone(), model.settings().clone(), experience, record))
        };
        with(1.0).to_bytes().expect("a sound model");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.lode");
        for error in [with(f64::INFINITY).to_bytes().map(drop), with(f64::NAN).save(&path)] {
            let text = error.expect_err("no model").to_string();
            assert!(text.contains("could not be read back") && text.contains("fit it again"), "{text}");
        }
        assert!(!path.exists());
    }
}
