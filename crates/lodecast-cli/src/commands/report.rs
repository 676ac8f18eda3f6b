//! `lodecast report`: the report of a study directory.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::output::Output;
use crate::studies::directory::StudyDirectory;
use crate::studies::report::report;
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
    /// Also write each drawing as an SVG file into this directory, made if it is not there
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        let study = StudyDirectory::read(&self.directory)?;
        let path = self.out.clone().unwrap_or_else(|| self.directory.join("report.html"));
        let report = report(&study);
        whole_file::write_page(&path, &report.to_html())?;
        if let Some(folder) = &self.pictures {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            for (name, picture) in report.to_pictures() {
                whole_file::write_text(&folder.join(name), &picture)?;
            }
            output.say(format_args!("pictures in {}", folder.display()));
        }
        if output.wants_json() {
            return output.json(&json!({ "report": path }));
        }
        output.line(path.display())
    }
}
