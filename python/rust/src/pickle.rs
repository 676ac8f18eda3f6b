//! How results are pickled and copied: as the plain types that they are made of.

use lodecast::tune::{CouldBeBetter, NextRun, Recommendation, Trial};
use lodecast::{
    Alternative, Attributes, Candidate, Evaluation, Explanation, FinalForecast, Forecast, Interval, Metric, Narrowing,
    Pick, Plan, Prediction, Run, Spread, Suggestion, Sweep,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::evaluation::PyEvaluation;
use crate::failure::Failure;
use crate::forecast::{PyForecast, PyInterval, PySpread};
use crate::law::PyExplanation;
use crate::narrowing::PyNarrowing;
use crate::pick::{PyAlternative, PyFinalForecast, PyPick};
use crate::plan::{PyCandidate, PyPlan, PyPrediction};
use crate::recommendation::{PyCouldBeBetter, PyNextRun, PyRecommendation};
use crate::run::PyRun;
use crate::scheduler::{Outcome, PyObservation};
use crate::suggestion::PySuggestion;
use crate::trial::{Followed, PyTrial, PyTrialRecord};

/// What `__reduce__` returns: the function that makes the object anew, and its arguments.
pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>);

/// An object of a kind that [`restore`] knows, as its plain types.
pub(crate) fn reduce<'py>(py: Python<'py>, kind: &str, state: &impl Serialize) -> PyResult<Reduced<'py>> {
    let restore = py.import("lodecast._engine")?.getattr("_restore")?;
    Ok((restore, (kind, pythonize::pythonize(py, state)?).into_pyobject(py)?))
}

/// An object that was pickled or copied.
#[pyfunction]
#[pyo3(name = "_restore")]
pub(crate) fn restore<'py>(py: Python<'py>, kind: &str, state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match kind {
        "Alternative" => Bound::new(py, PyAlternative(read::<Alternative>(state)?))?.into_any(),
        "Candidate" => Bound::new(py, PyCandidate(read::<Candidate>(state)?))?.into_any(),
        "Evaluation" => Bound::new(py, PyEvaluation(read::<Evaluation>(state)?))?.into_any(),
        "Explanation" => Bound::new(py, PyExplanation(read::<Explanation>(state)?))?.into_any(),
        "FinalForecast" => Bound::new(py, PyFinalForecast(read::<FinalForecast>(state)?))?.into_any(),
        "Forecast" => {
            let (forecast, metric) = read::<(Forecast, String)>(state)?;
            Bound::new(py, PyForecast { forecast, metric })?.into_any()
        }
        "Interval" => Bound::new(py, PyInterval(read::<Interval>(state)?))?.into_any(),
        "CouldBeBetter" => Bound::new(py, PyCouldBeBetter(read::<CouldBeBetter>(state)?))?.into_any(),
        "Narrowing" => Bound::new(py, PyNarrowing(read::<Narrowing>(state)?))?.into_any(),
        "NextRun" => Bound::new(py, PyNextRun(read::<NextRun>(state)?))?.into_any(),
        "Observation" => Bound::new(py, PyObservation(read::<Outcome>(state)?))?.into_any(),
        "Pick" => {
            let (pick, metric, total_steps) = read::<(Pick, String, u64)>(state)?;
            Bound::new(py, PyPick { pick, metric, total_steps })?.into_any()
        }
        "Plan" => {
            let (plan, metric) = read::<(Plan, String)>(state)?;
            Bound::new(py, PyPlan { plan, metric })?.into_any()
        }
        "Prediction" => Bound::new(py, PyPrediction(read::<Prediction>(state)?))?.into_any(),
        "Recommendation" => {
            let (recommendation, metric) = read::<(Recommendation, String)>(state)?;
            Bound::new(py, PyRecommendation { recommendation, metric })?.into_any()
        }
        "Run" => Bound::new(py, read::<Recorded>(state)?.run()?)?.into_any(),
        "Spread" => Bound::new(py, PySpread(read::<Spread>(state)?))?.into_any(),
        "Suggestion" => Bound::new(py, PySuggestion(read::<Suggestion>(state)?))?.into_any(),
        "Trial" => Bound::new(py, PyTrial(read::<Trial>(state)?))?.into_any(),
        "TrialRecord" => Bound::new(py, PyTrialRecord(read::<Followed>(state)?))?.into_any(),
        _ => return Err(Failure::Setting(format!("nothing of lodecast's is a '{kind}'")).into()),
    })
}

fn read<T: DeserializeOwned>(state: &Bound<'_, PyAny>) -> PyResult<T> {
    let damaged = |error| Failure::Setting(format!("{error}; what was pickled is damaged"));
    Ok(pythonize::depythonize(state).map_err(damaged)?)
}

/// A run with the metrics of its sweep.
#[derive(Serialize, Deserialize)]
pub(crate) struct Recorded {
    metrics: Vec<Metric>,
    id: String,
    steps: Vec<u64>,
    train_loss: Vec<Option<f64>>,
    learning_rate: Vec<Option<f64>>,
    validation: Vec<Vec<Option<f64>>>,
    attributes: Attributes,
}

impl Recorded {
    pub(crate) fn new(metrics: &[Metric], run: &Run) -> Self {
        Self {
            metrics: metrics.to_vec(),
            id: run.id.clone(),
            steps: run.steps().to_vec(),
            train_loss: run.train_loss().to_vec(),
            learning_rate: run.learning_rate().to_vec(),
            validation: run.validations().map(<[_]>::to_vec).collect(),
            attributes: run.attributes.clone(),
        }
    }

    fn run(self) -> PyResult<PyRun> {
        let Self { metrics, id, steps, train_loss, learning_rate, validation, attributes } = self;
        let run = Run::from_columns(id, steps, train_loss, learning_rate, validation).map_err(Failure::from)?;
        let runs = vec![run.with_attributes(attributes)];
        Ok(PyRun::new(&Arc::new(Sweep { metrics, runs }), 0))
    }
}
