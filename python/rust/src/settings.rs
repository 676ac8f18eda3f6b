//! Settings by name, over measured defaults.

use lodecast::{Forecaster, Model, PlannerSettings};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::work;

/// The name of the form among its settings, which is no setting.
const KIND: &str = "kind";

/// The `defaults` with the settings `given` in their place.
pub(crate) fn merged<T: Serialize + DeserializeOwned>(
    defaults: &T,
    given: Option<&Bound<'_, PyDict>>,
) -> Result<T, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Setting(error.to_string());
    let mut settings = table(defaults)?;
    for (name, setting) in given.into_iter().flatten() {
        let name: String = name.extract()?;
        if name == KIND || !settings.contains_key(&name) {
            let known = settings.keys().filter(|known| *known != KIND).map(String::as_str).collect::<Vec<_>>();
            return Err(Failure::Setting(format!("no setting '{name}'; choose from {}", known.join(", "))));
        }
        let setting = pythonize::depythonize(&setting).map_err(|error| failed(&format!("{name}: {error}")))?;
        // Whole numbers are numbers, too.
        let setting = match (&settings[&name], setting) {
            (Value::Number(default), Value::Number(given)) if default.is_f64() => Value::from(given.as_f64()),
            (_, setting) => setting,
        };
        settings.insert(name, setting);
    }
    serde_json::from_value(Value::Object(settings)).map_err(|error| failed(&error))
}

/// Are all settings `given` among those of `defaults`?
pub(crate) fn has_all<T: Serialize>(defaults: &T, given: Option<&Bound<'_, PyDict>>) -> Result<bool, Failure> {
    let settings = table(defaults)?;
    for name in given.into_iter().flat_map(PyDictMethods::keys) {
        let name: String = name.extract()?;
        if name == KIND || !settings.contains_key(&name) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Settings of the planner, by name over the measured ones.
pub(crate) fn planner_settings(model: &Model, given: Option<&Bound<'_, PyDict>>) -> PyResult<PlannerSettings> {
    let defaults = PlannerSettings::default_for(&Forecaster::from(model.clone()));
    work::guard(|| merged(&defaults, given))
}

/// Settings by name.
fn table<T: Serialize>(settings: &T) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(settings).map_err(|error| Failure::Setting(error.to_string()))? {
        Value::Object(settings) => Ok(settings),
        _ => Err(Failure::Panic("settings are no table".to_owned())),
    }
}
