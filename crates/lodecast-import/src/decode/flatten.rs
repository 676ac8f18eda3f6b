//! Nested settings as a flat list: an object's members become settings of their own, their keys joined by dots.

use serde_json::Value;

/// Hands the settings in `value`, which goes by `key` or is the whole, to `set`. Lists stay JSON; what is not set is left out.
///
/// The nesting of a [`Value`] is bounded where it is parsed.
///
/// # Errors
/// What `set` returns.
pub(crate) fn flatten<E>(
    key: &str,
    value: &Value,
    set: &mut dyn FnMut(&str, String) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => set(key, text.clone()),
        Value::Object(members) => {
            for (member, value) in members {
                let key = if key.is_empty() { member.clone() } else { format!("{key}.{member}") };
                flatten(&key, value, set)?;
            }
            Ok(())
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => set(key, value.to_string()),
    }
}
