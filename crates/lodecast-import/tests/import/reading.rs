//! What a user is told when damaged or hostile input is read.

use std::ops::ControlFlow;
use std::path::Path;

use lodecast_import::{Limits, Outcome, Source, Wanted, format_named};

/// Everything that is said when a source is read: notes, reasons for leaving runs out, the error, and which series are fine.
pub(crate) fn said(format: &str, path: &Path, limits: &Limits) -> String {
    let mut said = Vec::new();
    let source = Source::open(path.to_str().expect("Unicode"), limits).expect("there");
    said.extend(source.notes().iter().cloned());
    let result = format_named(format).expect("a format").read(&source, &Wanted::default(), limits, &mut |outcome| {
        match outcome {
            Outcome::Skipped(run) => said.push(run.reason),
            Outcome::Recording(run) => {
                said.extend(run.notes);
                said.extend(run.series.keys().map(|name| format!("'{name}' is fine")));
            }
        }
        ControlFlow::Continue(())
    });
    said.extend(result.err().map(|error| error.to_string()));
    said.join("\n")
}

/// Reads each case, a file or folder in `hostile/` with its format, and looks for what has to be said about it.
pub(crate) fn each_says_what_is_wrong(cases: &[(&str, &str, &str)], limits: &Limits) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    for (name, format, expected) in cases {
        let said = said(format, &folder.join(name), limits);
        assert!(said.contains(expected), "{name}: {said}");
    }
}
