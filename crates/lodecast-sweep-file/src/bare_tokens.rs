//! Quotes the tokens `NaN` and `Infinity`, which Python writes as JSON numbers though JSON has none.

use std::borrow::Cow;

/// `line` with every bare `NaN`, `Infinity` and `-Infinity` put in quotes, and the place of each in `line`.
pub fn quote_bare_tokens(line: &str) -> (Cow<'_, str>, Vec<usize>) {
    const TOKENS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
    if !(line.contains("NaN") || line.contains("Infinity")) {
        return (Cow::Borrowed(line), Vec::new());
    }
    let mut quoted = String::with_capacity(line.len() + 16);
    let mut places = Vec::new();
    let (mut in_text, mut escaped) = (false, false);
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = line.as_bytes().get(at) {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
        } else if byte == b'"' {
            in_text = true;
        } else if matches!(byte, b'N' | b'I' | b'-')
            && let Some(token) = TOKENS.iter().find(|token| line.as_bytes()[at..].starts_with(token.as_bytes()))
        {
            quoted.push_str(&line[copied..at]);
            quoted.push('"');
            quoted.push_str(token);
            quoted.push('"');
            places.push(at);
            at += token.len();
            copied = at;
            continue;
        }
        at += 1;
    }
    quoted.push_str(&line[copied..]);
    (Cow::Owned(quoted), places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_tokens_are_quoted() {
        let (quoted, places) = quote_bare_tokens(r#"{"NaN": NaN, "a\"NaN": [-Infinity,Infinity], "é": "NaN"}"#);
        assert_eq!(quoted, r#"{"NaN": "NaN", "a\"NaN": ["-Infinity","Infinity"], "é": "NaN"}"#);
        assert_eq!(places.len(), 3);
    }
}
