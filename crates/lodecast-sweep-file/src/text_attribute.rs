//! Text attributes as they are written in a table, and read from it.

use crate::cell::{Cell, Mismatch};

/// A text attribute as it is written in a table: see [`spelled`].
pub(crate) fn spell(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_empty() || text.starts_with('"') {
        serde_json::Value::from(text).to_string().into()
    } else {
        text.into()
    }
}

/// A text attribute. An empty text, which would read as "not known", is written as `""`, a JSON string; so is every text
/// that begins with a quotation mark, so that none is ambiguous.
pub(crate) fn spelled(cell: Cell<'_>) -> Result<Option<String>, Mismatch> {
    Ok(cell.text()?.map(|text| {
        let quoted = text.starts_with('"').then(|| serde_json::from_str(&text).ok()).flatten();
        quoted.unwrap_or_else(|| text.into_owned())
    }))
}
