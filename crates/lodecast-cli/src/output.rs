//! Where the command's words go: data to standard output, talk to standard error.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::Result;
use comfy_table::presets;
use comfy_table::{CellAlignment, ContentArrangement};
use serde::Serialize;

use crate::report::Table;

/// The two streams of a command. Data is either words and tables or JSON, never both.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    data: Box<dyn Write>,
    talk: Box<dyn Write>,
}

impl Output {
    /// Standard output for data and standard error for talk.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, data: Box::new(io::stdout()), talk: Box::new(io::stderr()) }
    }

    /// Was JSON asked for?
    pub(crate) fn wants_json(&self) -> bool {
        self.json
    }

    /// Was silence asked for?
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line of data.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<()> {
        writeln!(self.data, "{text}")?;
        Ok(())
    }

    /// Data as it is, without a line end of ours.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.data.write_all(bytes)?;
        self.data.flush()?;
        Ok(())
    }

    /// Data as JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer_pretty(&mut self.data, value).map_err(io::Error::from)?;
        self.line("")
    }

    /// Data as JSON on one line, for those who read line by line while the work goes on.
    #[cfg(feature = "live")]
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.data, value).map_err(io::Error::from)?;
        self.line("")?;
        self.flush()
    }

    /// Hands over what was written so far.
    #[cfg(feature = "live")]
    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.data.flush()?)
    }

    /// A table of data.
    pub(crate) fn table(&mut self, table: &Table) -> Result<()> {
        let mut drawn = comfy_table::Table::new();
        drawn.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        drawn.set_header(table.columns.iter().map(|column| column.heading.clone()));
        for row in &table.rows {
            drawn.add_row(row.cells.clone());
        }
        for (index, column) in table.columns.iter().enumerate() {
            if let Some(drawn) = drawn.column_mut(index) {
                drawn.set_padding((0, 2));
                drawn.set_cell_alignment(if column.numeric { CellAlignment::Right } else { CellAlignment::Left });
            }
        }
        for line in drawn.lines() {
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// A line of talk, left out when silence was asked for. That it cannot be written stops no work.
    pub(crate) fn say(&mut self, text: impl Display) {
        if !self.quiet {
            let _ = writeln!(self.talk, "{text}");
        }
    }

    /// A warning: said also when silence was asked for.
    pub(crate) fn warn(&mut self, text: impl Display) {
        let _ = writeln!(self.talk, "warning: {text}");
    }
}

/// Is this error nothing but a reader that had seen enough (`lodecast runs ... | head`)?
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
