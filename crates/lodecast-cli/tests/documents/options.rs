//! An option that a document names is one that the command has.

use std::collections::BTreeSet;

use crate::{markdown, pages};

/// Options of other programs that stand in documents without the name of theirs.
const OF_OTHERS: [(&str, &str); 2] = [("--short", "the recipes of the Python package"), ("--features", "cargo")];

/// The options in a text: what follows a gap or a bracket and begins with two hyphens.
fn options(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "[](),=`<>|".contains(letter)).filter(|word| {
        word.strip_prefix("--").is_some_and(|name| name.starts_with(|first: char| first.is_ascii_lowercase()))
    })
}

#[test]
fn options_named_in_text_exist() {
    let pages = pages();
    let reference: String =
        pages.iter().filter(|page| page.name.starts_with("docs/commands")).map(|page| page.text.as_str()).collect();
    let mut known: BTreeSet<&str> = options(&reference).collect();
    known.extend(OF_OTHERS.iter().map(|(option, _)| *option));
    let mut unknown = Vec::new();
    // The change log names options that were renamed.
    for page in pages.iter().filter(|page| page.name != "CHANGELOG.md") {
        for (line, span) in markdown::code_spans(&page.text) {
            if span.starts_with("--") || span.starts_with("lodecast ") || span.starts_with("lab ") {
                unknown.extend(
                    options(&span)
                        .filter(|option| !known.contains(option))
                        .map(|option| format!("{}:{line}: {option}", page.name)),
                );
            }
        }
    }
    assert!(unknown.is_empty(), "options that no command has:\n{}", unknown.join("\n"));
}
