//! Names in addresses: of runs and of models. They are never paths.

use axum::http::StatusCode;

use crate::http::problem::Problem;

/// Characters of a name at most.
const LONGEST: usize = 128;

/// Is this a name: letters, digits, `.`, `_` and `-`, not beginning with a dot?
pub(crate) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(allowed)
}

/// The name of a run or a model, or what is wrong with it.
pub(super) fn checked<'a>(what: &str, text: &'a str) -> Result<&'a str, Problem> {
    if is_name(text) {
        return Ok(text);
    }
    let remedy =
        format!("the name of a {what} has 1 to {LONGEST} letters, digits, '.', '_' and '-', and begins with no dot");
    Err(Problem::new(StatusCode::BAD_REQUEST, format!("that is no name of a {what}"), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere() {
        for name in ["run-1", "a", "2026.11.29_b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "../a", "a/b", "a\\b", ".hidden", "a b", "a\0", "ü", &"a".repeat(129)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
