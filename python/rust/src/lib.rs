//! The engine for Python: `lodecast._engine`, of which the package `lodecast` is made.
//!
//! One file a class; those of models are declared together, for what one is asked may give another. Every call into the engine goes
//! through [`work`], so that no panic crosses into Python.

// Arguments come from Python by value.
#![allow(clippy::needless_pass_by_value)]
// Docstrings are Python's: their quotes are no links, and what pickle wants back is a nested tuple.
#![allow(clippy::doc_link_with_quotes, clippy::type_complexity)]

mod added_runs;
mod count;
mod evaluation;
mod failure;
mod fit;
mod forecast;
mod import;
mod import_summary;
mod law;
mod metric_argument;
mod model;
mod model_classes;
mod model_file;
mod narrowing;
mod observation;
mod pick;
mod pickle;
mod plan;
mod recommendation;
mod recorded;
mod restore;
mod run;
mod schedule;
mod scheduler;
mod search_space;
mod settings;
mod suggestion;
mod sweep;
mod sweep_folder;
mod table;
mod threads;
mod trial;
mod trial_report;
mod tuner;
mod work;

use pyo3::prelude::*;

/// The engine of lodecast; use the package `lodecast`.
#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    threads::at_home();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<sweep::PySweep>()?;
    module.add_class::<run::PyRun>()?;
    module.add_class::<schedule::PySchedule>()?;
    module.add_class::<model_classes::PyModel>()?;
    module.add_class::<model_classes::PyPaperLatentOde>()?;
    module.add_class::<model_classes::PyControlledLatentOde>()?;
    module.add_class::<model_classes::PyLawModel>()?;
    module.add_class::<law::PyExplanation>()?;
    module.add_class::<pick::PyPick>()?;
    module.add_class::<pick::PyAlternative>()?;
    module.add_class::<narrowing::PyNarrowing>()?;
    module.add_class::<pick::PyFinalForecast>()?;
    module.add_class::<tuner::PyTuner>()?;
    module.add_class::<trial::PyTrial>()?;
    module.add_class::<trial::PyTrialRecord>()?;
    module.add_class::<recommendation::PyRecommendation>()?;
    module.add_class::<recommendation::PyCouldBeBetter>()?;
    module.add_class::<recommendation::PyNextRun>()?;
    module.add_class::<forecast::PyForecast>()?;
    module.add_class::<forecast::PySpread>()?;
    module.add_class::<forecast::PyInterval>()?;
    module.add_class::<evaluation::PyEvaluation>()?;
    module.add_class::<plan::PyPlan>()?;
    module.add_class::<plan::PyPrediction>()?;
    module.add_class::<plan::PyCandidate>()?;
    module.add_class::<suggestion::PySuggestion>()?;
    module.add_class::<scheduler::PyScheduler>()?;
    module.add_class::<observation::PyObservation>()?;
    module.add_function(wrap_pyfunction!(fit::fit, module)?)?;
    module.add_function(wrap_pyfunction!(import::import_runs, module)?)?;
    module.add_function(wrap_pyfunction!(model_file::load, module)?)?;
    module.add_function(wrap_pyfunction!(restore::restore, module)?)?;
    module.add_function(wrap_pyfunction!(scheduler::restore_scheduler, module)?)?;
    module.add_function(wrap_pyfunction!(tuner::restore_tuner, module)?)?;
    module.add_function(wrap_pyfunction!(sweep::sweep_from_bytes, module)?)
}
