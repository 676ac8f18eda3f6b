//! Damaged and hostile tables and logs in text, and folders that lead out of themselves, each with what is to be said about it.

use std::fs;

use lodecast_import::{Limits, Source};

use crate::reading::{self, said};

/// File or folder in `hostile/`, its format, and what the error, the reason for leaving the run out, or a note has to contain.
const CASES: [(&str, &str, &str); 12] = [
    ("nul_bytes.csv", "csv", "'loss' is fine"),
    ("not_utf8.csv", "csv", "line 2: field 2 is not UTF-8"),
    ("open_quote.csv", "csv", "the last line (2) is cut off"),
    ("too_many_fields.csv", "csv", "line 3: not as many fields as the 3 columns"),
    ("no_step.csv", "csv", "line 3, column 'step': 'minus' is not a step"),
    ("cut_off.jsonl", "json-lines", "the last line is cut off"),
    ("damaged.jsonl", "json-lines", "line 2: EOF while parsing a string"),
    ("no_object.jsonl", "json-lines", "line 2: not an object"),
    ("cut_off", "huggingface", "the file is damaged or was cut off"),
    ("no_history", "huggingface", "no list 'log_history'"),
    ("burn", "burn", "line 2: 'half' is not a value"),
    ("no_table.parquet", "parquet", "no_table.parquet"),
];

/// Limits that need no gigabytes to be met.
fn limits() -> Limits {
    Limits { record_bytes: 1 << 20, document_bytes: 1 << 22, ..Limits::default() }
}

#[test]
fn each_says_what_is_wrong() {
    reading::each_says_what_is_wrong(&CASES, &limits());
}

#[test]
fn what_is_too_large_is_refused_before_it_is_taken_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let columns: Vec<String> = (0..1_000_000).map(|number: u32| number.to_string()).collect();
    let columns = columns.join(",");
    let cases = [
        ("columns.csv", "csv", format!("step,{columns}\n1\n"), "beyond"),
        ("row.csv", "csv", format!("step,loss\n1,\"{}", "\n".repeat(4 << 20)), "the length of a row is beyond 1048576"),
        ("line.jsonl", "json-lines", format!("{{\"step\": {}", " ".repeat(4 << 20)), "its length is beyond 1048576"),
        ("deep.jsonl", "json-lines", format!("{{\"step\": 1, \"a\": {}\n", "[".repeat(100_000)), "recursion limit"),
        ("deep.json", "huggingface", "{\"a\":".repeat(100_000), "recursion limit"),
        ("large.json", "huggingface", " ".repeat((1 << 22) + 1), "its size is beyond 4194304"),
        ("count.csv", "csv", "step,loss\n18446744073709551616,1\n".to_owned(), "is not a step"),
    ];
    for (name, format, text, expected) in cases {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        let said = said(format, &path, &limits());
        assert!(said.contains(expected), "{name}: {}", said.chars().take(500).collect::<String>());
        assert!(said.len() < 5_000, "{name}: a message of {} bytes", said.len());
    }
}

#[cfg(unix)]
#[test]
fn links_and_names_do_not_lead_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside"));
    fs::create_dir_all(tree.join("a")).expect("made");
    fs::create_dir_all(&outside).expect("made");
    fs::write(outside.join("secret.csv"), "step,loss\n1,7\n").expect("written");
    fs::write(tree.join("run.csv"), "step,loss,run_id\n1,1,../../outside/secret\n").expect("written");
    symlink(&tree, tree.join("a/circle")).expect("linked");
    symlink(&outside, tree.join("a/out")).expect("linked");
    symlink(outside.join("secret.csv"), tree.join("link.csv")).expect("linked");
    let source = Source::open(tree.to_str().expect("Unicode"), &limits()).expect("a folder");
    assert_eq!(source.files(), [tree.join("run.csv")]);
    let said = said("csv", &tree, &limits());
    assert!(said.contains("a/out, ") && said.contains("link.csv are links out of the folder: not followed"), "{said}");
    assert!(said.contains("'loss' is fine"), "{said}");
}
