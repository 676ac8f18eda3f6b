//! Every command line that stands in a document is understood: also those that take too long to be run there.

use std::fs;
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;

use super::Cli;

#[path = "../../tests/documents/markdown.rs"]
#[allow(dead_code, reason = "what else is in a page is the business of the documents' own tests")]
mod markdown;

/// The words of a line of a shell, up to whatever follows the command: `None` where only a shell knows them.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('"') | None, '$' | '`') => return None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '|' | ';' | '&' | '>' | '<' | '(' | ')') => break,
            (None, ' ' | '\n' | '\\') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Some(words)
}

/// A script with its variables replaced by the first value that they have: `name=value`, or `for name in value ...`.
fn with_values(script: &str) -> String {
    let mut values: Vec<(String, String)> = Vec::new();
    let name_of = |text: &str| {
        let start = text.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').map_or(0, |at| at + 1);
        let bounded = text[..start].chars().next_back().is_none_or(|before| before.is_whitespace() || before == ';');
        (bounded && start < text.len()).then(|| text[start..].to_owned())
    };
    let first = |text: &str| match text.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
        Some((quoted, _)) => quoted.to_owned(),
        None => {
            text.split(|letter: char| letter.is_whitespace() || letter == ';').next().unwrap_or_default().to_owned()
        }
    };
    for line in script.lines() {
        for (at, _) in line.match_indices('=') {
            values.extend(name_of(&line[..at]).map(|name| (name, first(&line[at + 1..]))));
        }
        if let Some((name, list)) = line.split_once("for ").and_then(|(_, rest)| rest.split_once(" in ")) {
            values.push((name.to_owned(), first(list)));
        }
    }
    // `$seeds` is not `$seed` and an s.
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut script = script.to_owned();
    // A value may have another in it.
    for _ in 0..2 {
        for (name, value) in &values {
            script = script.replace(&format!("${name}"), value);
        }
    }
    script
}

/// The command lines of `lodecast` in a page, with the lines they are on.
fn command_lines(page: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    for block in markdown::blocks(page) {
        let commands: Vec<String> = match block.language.as_str() {
            "console" => markdown::shown(&block.text).into_iter().map(|shown| shown.command).collect(),
            "sh" => with_values(&block.text.replace("\\\n", " ")).lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        lines.extend(commands.into_iter().map(|command| (block.line, command.trim_start().to_owned())));
    }
    lines.retain(|(_, line)| line.starts_with("lodecast "));
    lines
}

#[test]
fn command_lines_of_the_documents_are_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut understood, mut faults) = (0, Vec::new());
    for folder in ["", "docs", "docs/plug-in", "python"] {
        for file in fs::read_dir(root.join(folder)).expect("a folder") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|ending| ending != "md") {
                continue;
            }
            for (line, command) in command_lines(&fs::read_to_string(&path).expect("a text")) {
                let Some(words) = words(&command) else { continue };
                match Cli::try_parse_from(words) {
                    Ok(_) => understood += 1,
                    Err(error) if !error.use_stderr() => understood += 1,
                    // A file that a command before it writes.
                    Err(error)
                        if error.kind() == ErrorKind::ValueValidation && error.to_string().contains("os error 2") =>
                    {
                        understood += 1;
                    }
                    Err(error) => faults.push(format!("{}:{line}: {command}\n{error}", path.display())),
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(understood > 50, "{understood}");
}

#[test]
fn a_line_of_a_shell_is_taken_apart() {
    assert_eq!(
        words("lodecast fit 'a b' \\\n  --members 2  # why").expect("plain"),
        ["lodecast", "fit", "a b", "--members", "2"]
    );
    assert_eq!(words("lodecast runs sweep.parquet --json | jq .").expect("plain").len(), 4);
    assert_eq!(words("lodecast lab sweep $@"), None);
    let script = "task=\"--epochs 5\"; seeds=1,2\nfor which in sgd adam; do\n  lodecast lab sweep $task --seeds $seeds -o $which.parquet";
    assert!(with_values(script).ends_with("lodecast lab sweep --epochs 5 --seeds 1,2 -o sgd.parquet"));
}
