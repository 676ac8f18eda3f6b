//! `lodecast report`: the report of a study directory.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::output::Output;
use crate::study::StudyDirectory;
use crate::study_report;
use crate::whole_file;

/// Which directory.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Directory that `demo` or `lab compare` wrote to
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Page to write [default: DIR/report.html]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let study = StudyDirectory::read(&self.directory)?;
        let path = self.out.clone().unwrap_or_else(|| self.directory.join("report.html"));
        whole_file::write_text(&path, &study_report::report(&study).to_html())?;
        if output.wants_json() {
            return output.json(&json!({ "report": path }));
        }
        output.line(path.display())
    }
}
