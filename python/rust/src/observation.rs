//! `lodecast.Observation`: what a scheduler made of a point.

use std::borrow::Cow;

use lodecast::{Metric, Observation, Plan};
use pyo3::prelude::*;
use serde::{Deserialize, Serialize};

use crate::pickle::{self, Reduced};
use crate::plan::PyPlan;

/// What a scheduler made of a point.
#[pyclass(frozen, name = "Observation", module = "lodecast")]
pub(crate) struct PyObservation(pub(crate) Outcome);

/// What became of a point, as plain data.
#[derive(PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    kind: Cow<'static, str>,
    reason: Option<String>,
    plan: Option<Plan>,
    /// The metric of the plan.
    #[serde(default)]
    metric: String,
}

#[pymethods]
impl PyObservation {
    /// `nothing`, `replanned`, `kept` or `ignored`.
    #[getter]
    fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Why, if there is something to say.
    #[getter]
    fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The plan, if the schedule changed.
    #[getter]
    fn plan(&self) -> Option<PyPlan> {
        self.0.plan.clone().map(|plan| PyPlan { plan, metric: self.0.metric.clone() })
    }

    /// Did the schedule change?
    #[getter]
    fn replanned(&self) -> bool {
        self.0.plan.is_some()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Observation", &self.0)
    }

    fn __repr__(&self) -> String {
        let reason = self.0.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
        format!("<lodecast.Observation: {}{reason}>", self.0.kind)
    }
}

impl PyObservation {
    pub(crate) fn new(kind: &'static str, reason: Option<String>) -> Self {
        Self(Outcome { kind: Cow::Borrowed(kind), reason, plan: None, metric: String::new() })
    }

    /// Was something decided, if only that the schedule stays?
    pub(crate) fn is_decision(&self) -> bool {
        matches!(self.0.kind.as_ref(), "replanned" | "kept")
    }

    /// What a scheduler for `metric` has made of a point.
    pub(crate) fn of(observation: Observation<'_>, metric: &Metric) -> Self {
        match observation {
            Observation::Nothing => Self::new("nothing", None),
            Observation::Replanned(plan) => Self(Outcome {
                kind: Cow::Borrowed("replanned"),
                reason: Some(plan.reason.clone()),
                plan: Some(plan.clone()),
                metric: metric.to_string(),
            }),
            Observation::Kept(reason) => Self::new("kept", Some(reason.to_owned())),
            Observation::Ignored(reason) => Self::new("ignored", Some(reason.to_owned())),
        }
    }
}
