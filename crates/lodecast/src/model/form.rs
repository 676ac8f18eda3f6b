//! What every form of model can do, and how its file is read.

use std::path::Path;

use serde::Deserialize;

use super::file::{self, Tensors};
use super::{Column, FitRecord, Forecast, Forecaster, ModelKind, Witness};
use crate::data::{Metric, Point, Run, Schedule, Sweep};
use crate::error::{Error, Result};
use crate::experience::Experience;

/// What every form of model can do. A form implements it in its own folder; [`Model`](super::Model) passes everything on.
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

    /// The rest of a run, `now` being the progress at the last point observed; see [`Model::forecast`](super::Model::forecast).
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

/// The kind that the header of a model file states.
pub(super) fn stated_kind(header: &str) -> std::result::Result<ModelKind, String> {
    #[derive(Deserialize)]
    struct Kind {
        kind: ModelKind,
    }
    file::parse_header::<Kind>(header).map(|stated| stated.kind)
}

/// Reads a file that is to hold a model of this `kind`.
pub(super) fn load<F: Form>(path: &Path, kind: ModelKind) -> Result<F> {
    let fail = |reason: String| Error::ModelFile { path: path.to_owned(), reason };
    let (header, tensors) = file::read(path)?;
    match stated_kind(&header).map_err(fail)? {
        stated if stated == kind => F::read(&header, tensors).map_err(fail),
        other => Err(fail(format!("it holds a {other} model, not a {kind} one"))),
    }
}
