//! Nested settings as a flat list: an object's members become settings of their own, their keys joined by dots.

use serde_json::Value;

use crate::error::Result;

/// Hands the settings in `value`, which goes by `key`, to `set`. Lists stay JSON; what is not set is left out.
///
/// The nesting of a [`Value`] is bounded where it is parsed.
///
/// # Errors
/// What `set` returns.
pub(crate) fn flatten(key: &str, value: &Value, set: &mut dyn FnMut(&str, String) -> Result<()>) -> Result<()> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => set(key, text.clone()),
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&format!("{key}.{member}"), value, set)?;
            }
            Ok(())
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => set(key, value.to_string()),
    }
}
