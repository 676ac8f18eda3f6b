//! `lodecast.Schedule`.

use lodecast::{Family, Schedule};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::count::Count;
use crate::failure::Failure;
use crate::{table, work};

/// A learning-rate schedule over the progress of a run, from 0 to 1.
///
/// >>> import lodecast
/// >>> schedule = lodecast.Schedule.cosine(0.1, warmup=0.5)
/// >>> schedule.learning_rate(0.25), schedule.at_step(500, 1000)
/// (0.05, 0.1)
#[pyclass(frozen, name = "Schedule", module = "lodecast")]
pub(crate) struct PySchedule(pub(crate) Schedule);

fn parametric(family: Family, peak_lr: f64, warmup: f64) -> PyResult<PySchedule> {
    work::guard(|| {
        let schedule = Schedule::Parametric { family, peak_lr, warmup };
        schedule.check()?;
        Ok(PySchedule(schedule))
    })
}

#[pymethods]
impl PySchedule {
    /// Draws its learning rate over the progress of a run, with matplotlib.
    #[pyo3(signature = (**options))]
    fn plot<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.view.plots")?.call_method("schedule", (slf,), options)
    }

    /// A family by name: constant, cosine, one-cycle, staircase, linear or warmup-stable-decay, after a linear warm-up over
    /// a fraction of the run.
    #[staticmethod]
    #[pyo3(name = "parametric", signature = (family, peak_lr, warmup=0.0))]
    fn named(family: &str, peak_lr: f64, warmup: f64) -> PyResult<Self> {
        let family = family.replace('_', "-").parse::<Family>().map_err(Failure::from)?;
        parametric(family, peak_lr, warmup)
    }

    /// The same rate throughout.
    #[staticmethod]
    #[pyo3(signature = (learning_rate, warmup=0.0))]
    fn constant(learning_rate: f64, warmup: f64) -> PyResult<Self> {
        parametric(Family::Constant, learning_rate, warmup)
    }

    /// Half a cosine from the peak to zero.
    #[staticmethod]
    #[pyo3(signature = (peak_lr, warmup=0.0))]
    fn cosine(peak_lr: f64, warmup: f64) -> PyResult<Self> {
        parametric(Family::Cosine, peak_lr, warmup)
    }

    /// Up to the peak over 30 % of the run, then down.
    #[staticmethod]
    #[pyo3(signature = (peak_lr, warmup=0.0))]
    fn one_cycle(peak_lr: f64, warmup: f64) -> PyResult<Self> {
        parametric(Family::OneCycle, peak_lr, warmup)
    }

    /// Halved at each tenth of the run.
    #[staticmethod]
    #[pyo3(signature = (peak_lr, warmup=0.0))]
    fn staircase(peak_lr: f64, warmup: f64) -> PyResult<Self> {
        parametric(Family::Staircase, peak_lr, warmup)
    }

    /// A straight line from the peak to zero.
    #[staticmethod]
    #[pyo3(signature = (peak_lr, warmup=0.0))]
    fn linear(peak_lr: f64, warmup: f64) -> PyResult<Self> {
        parametric(Family::Linear, peak_lr, warmup)
    }

    /// The peak until 80 % of the run, then a straight line to zero.
    #[staticmethod]
    #[pyo3(signature = (peak_lr, warmup=0.0))]
    fn warmup_stable_decay(peak_lr: f64, warmup: f64) -> PyResult<Self> {
        parametric(Family::WarmupStableDecay, peak_lr, warmup)
    }

    /// Straight lines between (progress, learning rate) knots.
    #[staticmethod]
    fn piecewise_linear(knots: Vec<(f64, f64)>) -> PyResult<Self> {
        work::guard(|| Ok(Self(Schedule::piecewise_linear(knots)?)))
    }

    /// From what `to_dict` gave.
    #[staticmethod]
    fn from_dict(state: &Bound<'_, PyAny>) -> PyResult<Self> {
        let schedule: Schedule = pythonize::depythonize(state)
            .map_err(|error| Failure::Schedule(format!("no schedule ({error}): give what to_dict() gave")))?;
        work::guard(|| Ok(schedule.check()?))?;
        Ok(Self(schedule))
    }

    /// The schedule as plain types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.0)?)
    }

    /// Learning rate at a progress in [0, 1].
    fn learning_rate(&self, progress: f64) -> f64 {
        self.0.learning_rate(progress)
    }

    /// Learning rates at several progresses.
    fn learning_rates<'py>(&self, progress: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let progress_values = table::numbers(progress)?;
        Ok(PyArray1::from_iter(progress.py(), progress_values.into_iter().map(|at| self.0.learning_rate(at))))
    }

    /// Learning rate at an optimizer step of a run of so many steps.
    fn at_step(&self, step: Count, total_steps: Count) -> f64 {
        self.0.at_step(step.0, total_steps.0)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __repr__(&self) -> String {
        format!("<lodecast.Schedule: {}>", self.0.describe())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        let py = slf.py();
        Ok((PyType::new::<Self>(py).getattr("from_dict")?, (slf.get().to_dict(py)?,)))
    }
}
