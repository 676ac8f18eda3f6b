//! `lodecast.Sweep`.

use std::path::PathBuf;
use std::sync::Arc;

use lodecast::{Metric, Sweep};
use lodecast_sweep_file::{Format, ReadOptions, ReadReport};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PySlice};

use crate::failure::Failure;
use crate::import_summary::ImportSummary;
use crate::metric_argument::{self, Metrics};
use crate::run::PyRun;
use crate::{sweep_folder, table, work};

/// The runs a hyper-parameter search left behind, and the validation metrics they recorded.
///
/// >>> import lodecast
/// >>> sweep = lodecast.Sweep.from_numpy(
/// ...     {
/// ...         "run_id": ["a", "a", "b"],
/// ...         "step": [10, 20, 10],
/// ...         "train_loss": [2.0, 1.5, 1.8],
/// ...         "learning_rate": [0.1, 0.1, 0.2],
/// ...         "accuracy": [0.3, 0.5, 0.4],
/// ...     },
/// ...     metrics="accuracy:max",
/// ... )
/// >>> len(sweep), sweep.metrics, sweep["a"].validation["accuracy"]
/// (2, ['accuracy:max'], array([0.3, 0.5]))
#[pyclass(frozen, name = "Sweep", module = "lodecast")]
pub(crate) struct PySweep {
    pub(crate) sweep: Arc<Sweep>,
    report: Report,
}

/// What came before the sweep was there.
enum Report {
    /// It was read from sweep files or a table.
    Read(ReadReport),
    /// It was imported from the recordings of a tracker.
    Import(Box<ImportSummary>),
}

/// A sweep as an argument, with advice where something else was given.
pub(crate) struct SweepArgument<'py>(pub(crate) PyRef<'py, PySweep>);

impl<'a, 'py> FromPyObject<'a, 'py> for SweepArgument<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(sweep) = given.extract::<PyRef<'py, PySweep>>() {
            return Ok(Self(sweep));
        }
        let kind = given.get_type().name()?.to_string();
        let advice = if given.extract::<PathBuf>().is_ok() {
            "read it with lodecast.Sweep.read(path), or lodecast.import_runs(path) for what a tracker recorded"
        } else if kind == "DataFrame" {
            "make one with lodecast.Sweep.from_pandas or from_polars"
        } else {
            "make one with lodecast.Sweep.from_numpy, or of runs with lodecast.Sweep(runs)"
        };
        Err(Failure::Argument(format!("a lodecast.Sweep is needed, not {kind}; {advice}")).into())
    }
}

/// Which columns to read, by keyword.
fn read_options(metrics: Option<Metrics>, columns: [Option<String>; 4]) -> Result<ReadOptions, Failure> {
    let texts = metrics.map_or_else(Vec::new, Metrics::texts);
    let metrics = texts.iter().map(|text| text.parse()).collect::<lodecast::Result<Vec<Metric>>>()?;
    let mut options = ReadOptions::with_metrics(metrics);
    [options.run_id, options.step, options.train_loss, options.learning_rate] = columns;
    Ok(options)
}

impl PySweep {
    pub(crate) fn new(sweep: Sweep) -> Self {
        Self::read_from((sweep, ReadReport::default()))
    }

    fn read_from((sweep, report): (Sweep, ReadReport)) -> Self {
        Self { sweep: Arc::new(sweep), report: Report::Read(report) }
    }

    pub(crate) fn imported(sweep: Sweep, summary: ImportSummary) -> Self {
        Self { sweep: Arc::new(sweep), report: Report::Import(Box::new(summary)) }
    }

    /// Reads a table that `lodecast.io.tables` takes apart with `reader`.
    fn from_table(
        table: &Bound<'_, PyAny>,
        reader: &str,
        nan_is_missing: bool,
        options: Result<ReadOptions, Failure>,
    ) -> PyResult<Self> {
        let py = table.py();
        let options = options?;
        let arrays = py.import("lodecast.io.tables")?.call_method1(reader, (table,))?;
        let arrays: Vec<table::NamedArray<'_>> = arrays.extract()?;
        Ok(Self::read_from(table::sweep(py, &arrays, nan_is_missing, &options)?))
    }
}

#[pymethods]
impl PySweep {
    /// A sweep of these runs, with all their metrics.
    #[new]
    fn from_runs(runs: Vec<PyRef<'_, PyRun>>) -> PyResult<Self> {
        let sweeps: Vec<Sweep> = runs.iter().map(|run| run.alone()).collect();
        work::guard(|| Ok(Self::new(Sweep::join(sweeps)?)))
    }

    /// Reads a file (.parquet, .csv, .jsonl), or joins those of a folder or of a pattern such as `runs/*.jsonl`.
    #[staticmethod]
    #[pyo3(signature = (path, *, metrics=None, run_id=None, step=None, train_loss=None, learning_rate=None))]
    fn read(
        py: Python<'_>,
        path: PathBuf,
        metrics: Option<Metrics>,
        run_id: Option<String>,
        step: Option<String>,
        train_loss: Option<String>,
        learning_rate: Option<String>,
    ) -> PyResult<Self> {
        let options = read_options(metrics, [run_id, step, train_loss, learning_rate])?;
        let text = path.to_string_lossy();
        let files: Option<Vec<PathBuf>> = if path.is_dir() {
            Some(work::guard(|| Ok(lodecast_sweep_file::files_in(&path)?))?)
        } else if text.contains(['*', '?', '[']) && !path.exists() {
            let found = py.import("glob")?.call_method1("glob", (&*text,))?;
            let mut found: Vec<PathBuf> = found.extract()?;
            found.sort();
            Some(found)
        } else {
            None
        };
        work::abandonable(py, move || match files {
            Some(files) => sweep_folder::read(&files, &path, &options),
            None => Ok(lodecast_sweep_file::read_with_report(&path, &options)?),
        })
        .map(Self::read_from)
    }

    /// Takes anything with Arrow columns: a table of pyarrow, polars, pandas, duckdb, ... One metric point a row.
    ///
    /// A null was not measured; NaN was measured and means that the run diverged, unless `nan_is_missing`.
    #[staticmethod]
    #[pyo3(signature = (table, *, metrics=None, run_id=None, step=None, train_loss=None, learning_rate=None, nan_is_missing=false))]
    #[allow(clippy::too_many_arguments)]
    fn from_arrow(
        table: &Bound<'_, PyAny>,
        metrics: Option<Metrics>,
        run_id: Option<String>,
        step: Option<String>,
        train_loss: Option<String>,
        learning_rate: Option<String>,
        nan_is_missing: bool,
    ) -> PyResult<Self> {
        let options = read_options(metrics, [run_id, step, train_loss, learning_rate]);
        Self::from_table(table, "from_arrow", nan_is_missing, options)
    }

    /// Takes a polars data frame, one metric point a row. Nulls and NaN as in `from_arrow`.
    #[staticmethod]
    #[pyo3(signature = (table, *, metrics=None, run_id=None, step=None, train_loss=None, learning_rate=None, nan_is_missing=false))]
    #[allow(clippy::too_many_arguments)]
    fn from_polars(
        table: &Bound<'_, PyAny>,
        metrics: Option<Metrics>,
        run_id: Option<String>,
        step: Option<String>,
        train_loss: Option<String>,
        learning_rate: Option<String>,
        nan_is_missing: bool,
    ) -> PyResult<Self> {
        let options = read_options(metrics, [run_id, step, train_loss, learning_rate]);
        Self::from_table(table, "from_polars", nan_is_missing, options)
    }

    /// Takes a pandas data frame, one metric point a row. pandas writes NaN for what was not measured, so that is what it
    /// means here unless `nan_is_missing` is false.
    #[staticmethod]
    #[pyo3(signature = (table, *, metrics=None, run_id=None, step=None, train_loss=None, learning_rate=None, nan_is_missing=true))]
    #[allow(clippy::too_many_arguments)]
    fn from_pandas(
        table: &Bound<'_, PyAny>,
        metrics: Option<Metrics>,
        run_id: Option<String>,
        step: Option<String>,
        train_loss: Option<String>,
        learning_rate: Option<String>,
        nan_is_missing: bool,
    ) -> PyResult<Self> {
        let options = read_options(metrics, [run_id, step, train_loss, learning_rate]);
        Self::from_table(table, "from_pandas", nan_is_missing, options)
    }

    /// Takes a mapping of names to arrays or lists of equal length, one metric point a row.
    #[staticmethod]
    #[pyo3(signature = (table, *, metrics=None, run_id=None, step=None, train_loss=None, learning_rate=None, nan_is_missing=true))]
    #[allow(clippy::too_many_arguments)]
    fn from_numpy(
        table: &Bound<'_, PyAny>,
        metrics: Option<Metrics>,
        run_id: Option<String>,
        step: Option<String>,
        train_loss: Option<String>,
        learning_rate: Option<String>,
        nan_is_missing: bool,
    ) -> PyResult<Self> {
        let options = read_options(metrics, [run_id, step, train_loss, learning_rate]);
        Self::from_table(table, "from_numpy", nan_is_missing, options)
    }

    /// One sweep of the runs of several, with all their metrics.
    #[staticmethod]
    fn join(sweeps: Vec<PyRef<'_, PySweep>>) -> PyResult<Self> {
        let sweeps: Vec<Sweep> = sweeps.iter().map(|sweep| (*sweep.sweep).clone()).collect();
        work::guard(|| Ok(Self::new(Sweep::join(sweeps)?)))
    }

    /// Writes the sweep (.parquet, .csv, .jsonl). The file is replaced whole or not at all.
    fn write(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let sweep = Arc::clone(&self.sweep);
        work::abandonable(py, move || Ok(lodecast_sweep_file::write(&path, &sweep)?))
    }

    /// The validation metrics with their directions, as `name:max` or `name:min`.
    #[getter]
    fn metrics(&self) -> Vec<String> {
        self.sweep.metrics.iter().map(ToString::to_string).collect()
    }

    /// The runs.
    #[getter]
    fn runs(&self) -> Vec<PyRun> {
        (0..self.sweep.runs.len()).map(|index| PyRun::new(&self.sweep, index)).collect()
    }

    /// What reading did besides taking the values as they are: rows, joined rows, sorted runs, columns not used. Of imported
    /// runs: the columns chosen and why, what was read of each run, and what was left out.
    #[getter]
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.report {
            Report::Import(summary) => Ok(pythonize::pythonize(py, summary)?),
            Report::Read(read) => {
                let report = PyDict::new(py);
                report.set_item("rows", read.rows)?;
                report.set_item("merged_rows", read.merged_rows)?;
                report.set_item("sorted_runs", &read.sorted_runs)?;
                report.set_item("runs_without_points", &read.runs_without_points)?;
                report.set_item("ignored_columns", &read.ignored_columns)?;
                Ok(report.into_any())
            }
        }
    }

    /// The configuration with the best mean final value over its seeds: its name, that value, its runs. `None` if no run
    /// measured the metric. Runs that diverged count as the worst.
    #[pyo3(signature = (metric=None))]
    fn best_configuration(&self, metric: Option<&str>) -> PyResult<Option<(String, f64, Vec<PyRun>)>> {
        work::guard(|| {
            let best = self.sweep.best_configuration(metric_argument::index_in(&self.sweep, metric)?);
            Ok(best.map(|(name, value, runs)| {
                (name, value, runs.into_iter().map(|run| PyRun::new(&self.sweep, run)).collect())
            }))
        })
    }

    fn __len__(&self) -> usize {
        self.sweep.runs.len()
    }

    /// Draws its runs with matplotlib, metric and learning rate; the best configurations have colours and names.
    #[pyo3(signature = (**options))]
    fn plot<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.view.plots")?.call_method("sweep", (slf,), options)
    }

    /// A run by its id or its position, or with a slice a sweep of some of the runs.
    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let count = self.sweep.runs.len();
        if let Ok(slice) = key.cast::<PySlice>() {
            let found = slice.indices(isize::try_from(count)?)?;
            let positions =
                (0..found.slicelength).map(|k| (found.start + k.cast_signed() * found.step).cast_unsigned());
            let runs = positions.map(|position| self.sweep.runs[position].clone()).collect();
            let part = Self::new(Sweep { metrics: self.sweep.metrics.clone(), runs });
            return Ok(Bound::new(py, part)?.into_any());
        }
        let found = if let Ok(id) = key.extract::<String>() {
            let found = self.sweep.runs.iter().position(|run| run.id == id);
            found.ok_or_else(|| Failure::Missing(format!("no run '{id}' in this sweep of {count}")))?
        } else {
            let index: isize = key.extract().map_err(|_| {
                let kind = key.get_type().name().map_or_else(|_| "that".to_owned(), |name| name.to_string());
                Failure::Argument(format!("a run is asked for by its id or its position, not by {kind}"))
            })?;
            let index = if index < 0 { index.checked_add_unsigned(count) } else { Some(index) };
            let index = index.and_then(|index| usize::try_from(index).ok()).filter(|&index| index < count);
            index.ok_or_else(|| Failure::Position(format!("the sweep has {count} runs")))?
        };
        Ok(Bound::new(py, PyRun::new(&self.sweep, found))?.into_any())
    }

    /// Is there a run of this id, or this run?
    fn __contains__(&self, key: &Bound<'_, PyAny>) -> bool {
        if let Ok(id) = key.extract::<String>() {
            return self.sweep.runs.iter().any(|run| run.id == id);
        }
        key.extract::<PyRef<'_, PyRun>>().is_ok_and(|run| self.sweep.runs.contains(run.run()))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.runs().into_iter().map(|run| Bound::new(py, run)).collect::<PyResult<Vec<_>>>()?)?
            .try_iter()
    }

    /// The columns as numpy arrays, one metric point a row; `from_numpy` takes them back. What was not measured is NaN.
    fn to_numpy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.io.tables")?.call_method1("to_numpy", (slf,))
    }

    /// A pandas data frame, one metric point a row; `from_pandas` takes it back. What was not measured is NaN, as a value is that diverged:
    /// `to_polars` and Arrow tell the two apart.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.io.tables")?.call_method1("to_pandas", (slf,))
    }

    /// A polars data frame, one metric point a row; `from_polars` takes it back. What was not measured is null.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.io.tables")?.call_method1("to_polars", (slf,))
    }

    /// The columns for anything that takes Arrow data: `pyarrow.table(sweep)`, `polars.DataFrame(sweep)`, duckdb, ...
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        slf: &Bound<'py, Self>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("lodecast.io.tables")?.call_method1("to_stream", (slf, requested_schema))
    }

    /// The columns: a name, the values, and where they were measured.
    fn _columns<'py>(&self, py: Python<'py>) -> PyResult<Vec<table::OutColumn<'py>>> {
        table::columns(py, &self.sweep)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.sweep == other.sweep
    }

    fn __repr__(&self) -> String {
        let configurations = self.sweep.configurations().len();
        let runs = self.sweep.runs.len();
        format!("<lodecast.Sweep: {runs} runs of {configurations} configurations, {}>", self.metrics().join(", "))
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        slf.py().import("lodecast.view.notebook")?.call_method1("sweep", (slf,))?.extract()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let bytes = work::detached(py, || Ok(lodecast_sweep_file::write_bytes(&self.sweep, Format::Parquet)?))?;
        Ok((py.import("lodecast._engine")?.getattr("_sweep_from_bytes")?, (PyBytes::new(py, &bytes),)))
    }
}

/// A sweep that was pickled.
#[pyfunction]
#[pyo3(name = "_sweep_from_bytes")]
pub(crate) fn sweep_from_bytes(bytes: Vec<u8>) -> PyResult<PySweep> {
    let options = ReadOptions::default();
    let read = || Ok(lodecast_sweep_file::read_bytes(bytes, Format::Parquet, "a pickled sweep", &options)?);
    work::guard(read).map(PySweep::read_from)
}
