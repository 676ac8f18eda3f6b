//! `lodecast.Suggestion`, and how suggestions are asked for.

use std::sync::Arc;

use lodecast::{Forecaster, Model, Suggestion, SuggestionSettings};
use pyo3::prelude::*;

use crate::count::Count;
use crate::failure::Failure;
use crate::pickle::{self, Reduced};
use crate::plan::PyPrediction;
use crate::schedule::PySchedule;
use crate::work;

/// A schedule worth a run in a next round.
#[pyclass(frozen, name = "Suggestion", module = "lodecast")]
pub(crate) struct PySuggestion(pub(crate) Suggestion);

#[pymethods]
impl PySuggestion {
    /// The schedule.
    #[getter]
    fn schedule(&self) -> PySchedule {
        PySchedule(self.0.schedule.clone())
    }

    /// The member of the ensemble that thinks most of it.
    #[getter]
    fn member(&self) -> usize {
        self.0.member
    }

    /// Final metric as the whole ensemble predicts it.
    #[getter]
    fn prediction(&self) -> PyPrediction {
        PyPrediction(self.0.prediction)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Suggestion", &self.0)
    }

    fn __repr__(&self) -> String {
        let Suggestion { member, prediction, .. } = &self.0;
        format!("<lodecast.Suggestion of member {member}: {:.5} +- {:.5}>", prediction.metric, prediction.spread)
    }
}

/// Schedules for a next round of runs, of a model that answers for schedules.
pub(crate) fn suggestions(
    py: Python<'_>,
    model: Arc<Model>,
    count: Option<Count>,
    seed: u64,
) -> PyResult<Vec<PySuggestion>> {
    work::abandonable(py, move || {
        let Forecaster::Controlled(forecaster) = Forecaster::from((*model).clone()) else {
            return Err(Failure::Panic("a model of another kind has this method".to_owned()));
        };
        let mut settings = SuggestionSettings::default();
        settings.seed = seed;
        settings.count = count.map_or(settings.count, Count::size);
        Ok(lodecast::suggest(forecaster.as_ref(), &settings)?)
    })
    .map(|suggestions| suggestions.into_iter().map(PySuggestion).collect())
}
