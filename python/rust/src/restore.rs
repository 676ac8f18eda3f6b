//! What was pickled or copied, made anew from the plain types that it is made of.

use std::sync::Arc;

use lodecast::tune::{CouldBeBetter, NextRun, Recommendation, Trial};
use lodecast::{
    Alternative, Candidate, Evaluation, Explanation, FinalForecast, Forecast, Interval, Narrowing, Pick, Plan,
    Prediction, Spread, Suggestion,
};
use pyo3::prelude::*;
use serde::de::DeserializeOwned;

use crate::evaluation::PyEvaluation;
use crate::failure::Failure;
use crate::forecast::{PyForecast, PyInterval, PySpread};
use crate::law::PyExplanation;
use crate::narrowing::PyNarrowing;
use crate::observation::{Outcome, PyObservation};
use crate::pick::{PyAlternative, PyFinalForecast, PyPick};
use crate::plan::{PyCandidate, PyPlan, PyPrediction};
use crate::recommendation::{PyCouldBeBetter, PyNextRun, PyRecommendation};
use crate::recorded::Recorded;
use crate::run::PyRun;
use crate::suggestion::PySuggestion;
use crate::trial::{Followed, PyTrial, PyTrialRecord};

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
        "Run" => {
            let sweep = read::<Recorded>(state)?.sweep()?;
            Bound::new(py, PyRun::new(&Arc::new(sweep), 0))?.into_any()
        }
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
