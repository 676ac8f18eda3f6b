//! Settings by name, over measured defaults.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// The `defaults` with the settings `given` in their place.
pub(crate) fn merged<T: Serialize + DeserializeOwned>(
    defaults: &T,
    given: Option<&Bound<'_, PyDict>>,
) -> Result<T, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Setting(error.to_string());
    let mut value = serde_json::to_value(defaults).map_err(|error| failed(&error))?;
    let Value::Object(settings) = &mut value else {
        return Err(Failure::Panic("settings are no table".to_owned()));
    };
    for (name, setting) in given.into_iter().flatten() {
        let name: String = name.extract()?;
        if name == "kind" || !settings.contains_key(&name) {
            let known = settings.keys().filter(|known| *known != "kind").map(String::as_str).collect::<Vec<_>>();
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
    serde_json::from_value(value).map_err(|error| failed(&error))
}
