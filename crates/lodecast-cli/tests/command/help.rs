//! The words of the command line.

use std::path::Path;

use super::data;

#[test]
fn help_texts() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help-runs", &["runs", "--help"]),
        ("help-fit", &["fit", "--help"]),
        ("help-plan", &["plan", "--help"]),
        ("help-lab-sweep", &["lab", "sweep", "--help"]),
        ("help-lab-compare", &["lab", "compare", "--help"]),
        ("help-demo", &["demo", "--help"]),
        ("lab-tasks", &["lab", "tasks"]),
        ("lab-methods", &["lab", "methods"]),
    ] {
        insta::assert_snapshot!(name, data(Path::new("."), arguments));
    }
}
