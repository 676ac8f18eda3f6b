//! `lodecast.Forecast`, and the curves and intervals it is made of.

use lodecast::{Forecast, Interval, Spread};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::pickle::{self, Reduced};

/// A curve with its spread: arrays of the mean, and of one standard deviation to either side.
#[pyclass(frozen, name = "Spread", module = "lodecast")]
pub(crate) struct PySpread(pub(crate) Spread);

#[pymethods]
impl PySpread {
    /// Mean.
    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.0.mean)
    }

    /// Lower end.
    #[getter]
    fn low<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.0.low)
    }

    /// Upper end.
    #[getter]
    fn high<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.0.high)
    }

    /// Half the distance of the ends: about one standard deviation.
    #[getter]
    fn spread<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_iter(py, self.0.low.iter().zip(&self.0.high).map(|(low, high)| 0.5 * (high - low)))
    }

    fn __len__(&self) -> usize {
        self.0.mean.len()
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Spread", &self.0)
    }

    fn __repr__(&self) -> String {
        let last = self.0.mean.len().saturating_sub(1);
        let at = |values: &[f64]| values.get(last).copied().unwrap_or(f64::NAN);
        let [mean, low, high] = [&self.0.mean, &self.0.low, &self.0.high].map(|values| at(values));
        format!("<lodecast.Spread: {} values, the last {mean:.5} from {low:.5} to {high:.5}>", self.0.mean.len())
    }
}

/// A number with the range of one standard deviation around it.
#[pyclass(frozen, name = "Interval", module = "lodecast")]
pub(crate) struct PyInterval(pub(crate) Interval);

#[pymethods]
impl PyInterval {
    /// Mean.
    #[getter]
    fn mean(&self) -> f64 {
        self.0.mean
    }

    /// Lower end.
    #[getter]
    fn low(&self) -> f64 {
        self.0.low
    }

    /// Upper end.
    #[getter]
    fn high(&self) -> f64 {
        self.0.high
    }

    /// Half the distance of the ends: about one standard deviation.
    #[getter]
    fn spread(&self) -> f64 {
        0.5 * (self.0.high - self.0.low)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Interval", &self.0)
    }

    fn __repr__(&self) -> String {
        format!("<lodecast.Interval: {:.5} from {:.5} to {:.5}>", self.0.mean, self.0.low, self.0.high)
    }
}

/// The future of a run as a model sees it.
#[pyclass(frozen, name = "Forecast", module = "lodecast")]
pub(crate) struct PyForecast {
    pub(crate) forecast: Forecast,
    /// The metric that is forecast, with its direction.
    pub(crate) metric: String,
}

#[pymethods]
impl PyForecast {
    /// The metric that is forecast, as `name:max` or `name:min`.
    #[getter]
    fn metric(&self) -> &str {
        &self.metric
    }

    /// Times, as fractions of the planned run.
    #[getter]
    fn progress<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.forecast.progress)
    }

    /// Learning rate: the schedule asked about, or what the paper's model expects to follow.
    #[getter]
    fn learning_rate<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.forecast.learning_rate)
    }

    /// Train loss.
    #[getter]
    fn train_loss(&self) -> PySpread {
        PySpread(self.forecast.train_loss.clone())
    }

    /// Validation metric.
    #[getter]
    fn validation(&self) -> PySpread {
        PySpread(self.forecast.validation.clone())
    }

    /// The final metric; its ends contain the error that held-out runs had.
    #[getter]
    fn final_validation(&self) -> PyInterval {
        PyInterval(self.forecast.final_validation)
    }

    /// Why the forecast is beyond what the model has seen, if it is: it then holds for the nearest that it has seen.
    #[getter]
    fn outside_experience(&self) -> Option<&str> {
        self.forecast.outside_experience.as_deref()
    }

    /// The forecast as plain types.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.forecast)?)
    }

    fn __eq__(&self, other: &Self) -> bool {
        (&self.forecast, &self.metric) == (&other.forecast, &other.metric)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduce(py, "Forecast", &(&self.forecast, &self.metric))
    }

    /// Draws it with matplotlib, or with plotly if `interactive`: loss, metric and learning rate. `run` is drawn beside it.
    #[pyo3(signature = (run=None, **options))]
    fn plot<'py>(
        slf: &Bound<'py, Self>,
        run: Option<Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.view.plots")?.call_method("forecast", (slf, run), options)
    }

    fn __repr__(&self) -> String {
        let Interval { mean, low, high } = self.forecast.final_validation;
        format!("<lodecast.Forecast: final {} {mean:.5} ({low:.5} to {high:.5})>", self.metric)
    }
}
