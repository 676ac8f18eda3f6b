//! The registry of the forms of model: what each of them can do, and their names.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::file::{self, Tensors};
use super::witness::Witness;
use super::{Column, ControlledLatentOde, FitRecord, Forecast, Forecaster, LawModel, PaperLatentOde};
use crate::data::{Attributes, Metric, Point, Run, Schedule, Sweep};
use crate::error::{Error, Result};
use crate::experience::Experience;
use crate::whole_file;

/// What every form of model can do. A form implements it in its own folder; [`Model`] passes everything on.
pub(crate) trait Form {
    /// The validation metric that is predicted.
    fn metric(&self) -> &Metric;

    /// What its sweep showed.
    fn experience(&self) -> &Experience;

    /// How it was fitted.
    fn record(&self) -> &FitRecord;

    /// Tells this model from others.
    fn fingerprint(&self) -> &str;

    /// Number of models in the ensemble; 1 for a form that is none.
    fn members(&self) -> usize;

    /// The rest of a run, `now` being the progress at the last point observed; see [`Model::forecast`].
    fn forecast(&self, observed: &[Point], total_steps: u64, now: f64, schedule: Option<&Schedule>)
    -> Result<Forecast>;

    /// The units in which the spread of the validation metric is even.
    fn validation(&self) -> Column;

    /// Why the model should not be asked about a run whose part until now is `seen`, its metric being the column number `metric`: it
    /// is more than `limit` deviations from what the sweep leads to expect.
    fn objection(&self, seen: &Run, metric: usize, limit: f64) -> Option<String> {
        let points: Vec<Point> = seen.points(metric).collect();
        self.experience().objection(&points, seen.total_steps(), limit)
    }

    /// The model as it is evaluated on the runs of `sweep`, whose metric number `metric` is the model's.
    fn witness<'a>(&'a self, sweep: &'a Sweep, metric: usize) -> Box<dyn Witness + 'a>;

    /// The model as a planner sees it.
    fn into_forecaster(self) -> Forecaster
    where
        Self: Sized;

    /// The bytes of its file; says what is wrong with them.
    fn to_bytes(&self) -> std::result::Result<Vec<u8>, String>;

    /// Reads the model from the header and the tensors of its file; says what is wrong with them.
    fn read(header: &str, tensors: Tensors) -> std::result::Result<Self, String>
    where
        Self: Sized;
}

/// Makes [`ModelKind`] and [`Model`] from one line a form: its documentation, its type, its name, and names it had before.
macro_rules! forms {
    ($( $(#[$documentation:meta])* $form:ident($type:ty) = $name:literal $(| $alias:literal)*; )+) => {
        /// The forms of model.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum ModelKind {
            $( $(#[$documentation])* #[serde(rename = $name $(, alias = $alias)*)] $form, )+
        }

        impl ModelKind {
            /// Every form.
            pub const ALL: &'static [Self] = &[$( Self::$form ),+];

            /// Name as written in files and on the command line.
            pub fn name(self) -> &'static str {
                match self { $( Self::$form => $name, )+ }
            }
        }

        impl FromStr for ModelKind {
            type Err = Error;

            /// By its name, or by one that it had in an earlier version.
            fn from_str(text: &str) -> Result<Self> {
                match text {
                    $( $name $(| $alias)* => Ok(Self::$form), )+
                    _ => Err(Error::UnknownModelKind {
                        kind: text.to_owned(),
                        known: Self::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
                    }),
                }
            }
        }

        /// A fitted model of any form.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        // Models are few and live long: how large one is does not matter.
        #[allow(clippy::large_enum_variant)]
        pub enum Model {
            $( $(#[$documentation])* $form($type), )+
        }

        impl From<Model> for Forecaster {
            fn from(model: Model) -> Self {
                match model { $( Model::$form(model) => model.into_forecaster(), )+ }
            }
        }

        $( impl From<$type> for Model {
            fn from(model: $type) -> Self {
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
                match kind(header)? { $( ModelKind::$form => <$type>::read(header, tensors).map(Self::$form), )+ }
            }
        }
    };
}

forms! {
    /// The controlled latent ODE, where the learning rate drives the dynamics.
    Controlled(ControlledLatentOde) = "controlled";
    /// The law with a handful of parameters, for few runs.
    Law(LawModel) = "law";
    /// The paper's path-minimised latent ODE, where the learning rate is an output.
    Paper(PaperLatentOde) = "paper" | "latent-ode";
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kind that the header of a model file states.
fn kind(header: &str) -> std::result::Result<ModelKind, String> {
    #[derive(Deserialize)]
    struct Kind {
        kind: ModelKind,
    }
    file::parse_header::<Kind>(header).map(|stated| stated.kind)
}

/// The error of bytes that are in no file.
fn in_memory(reason: String) -> Error {
    Error::ModelFile { path: "(bytes)".into(), reason }
}

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

    /// The error of a file that holds this model, where another kind was asked for.
    pub(super) fn of_another_kind(&self, asked: ModelKind, path: &Path) -> Error {
        let reason = format!("it holds a {} model, not a {asked} one", self.kind());
        Error::ModelFile { path: path.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::{FitOptions, LawFit, fit};

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
