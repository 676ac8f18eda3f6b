//! The registry of formats, and what is made of it.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use lodecast_import::{FORMATS, Limits, Source, Wanted};

/// The table of formats in the documentation.
fn table() -> String {
    let mut lines = vec!["| name | what it reads | steps |".to_owned(), "|---|---|---|".to_owned()];
    lines.extend(FORMATS.iter().map(|format| {
        let describes = format.describes().replace('|', "\\|");
        format!("| `{}` | {describes} | {} |", format.name(), format.steps())
    }));
    lines.join("\n") + "\n"
}

#[test]
fn the_documentation_has_the_table_of_the_registry() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/import.md");
    let docs = fs::read_to_string(&path).expect("there");
    assert!(docs.contains(&table()), "put this into {}:\n{}", path.display(), table());
}

#[test]
fn every_format_has_a_name_of_its_own_and_says_what_it_looks_for() {
    let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name()).collect();
    assert_eq!(names.len(), FORMATS.len());
    let empty = tempfile::tempdir().expect("a folder");
    let source = Source::open(empty.path().to_str().expect("Unicode"), &Limits::default()).expect("there");
    for format in FORMATS {
        assert!(!format.files().is_empty() && !format.steps().is_empty());
        assert!(!format.recognises(&source), "{}", format.name());
        let read = format.read(&source, &Wanted::default(), &Limits::default(), &mut |_| ControlFlow::Continue(()));
        let error = read.expect_err("nothing is there").to_string();
        assert!(error.contains(&format!("no {} run in it; ", format.name())), "{error}");
    }
}

#[test]
fn any_bytes_are_read_without_panic_by_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { samples: 1 << 12, record_bytes: 1 << 12, series: 64, settings: 64, ..Limits::default() };
    for bytes in [
        &b""[..],
        b"\n",
        b"{",
        b"[",
        b"\xff\xfe\x00",
        b"step,loss\n1,",
        b"{\"step\": 1, \"loss\": NaN}\n",
        b"a: [1, {b",
    ] {
        for format in FORMATS {
            let root = folder.path().join(format.name());
            for file in format.files() {
                let path = root.join(file);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, bytes).expect("written");
            }
            let source = Source::open(root.to_str().expect("Unicode"), &limits).expect("there");
            let _recognised = format.recognises(&source);
            let _read = format.read(&source, &Wanted::default(), &limits, &mut |_| ControlFlow::Continue(()));
        }
    }
}
