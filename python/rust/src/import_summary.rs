//! What the report of an imported sweep holds.

use lodecast_import::ImportReport;
use serde::Serialize;

/// What was read, what was chosen, and what was left out.
#[derive(Debug, Serialize)]
pub(crate) struct ImportSummary {
    pub(crate) sources: Vec<RecognisedSource>,
    pub(crate) train_loss: Option<String>,
    /// `None`: rebuilt from the settings.
    pub(crate) learning_rate: Option<String>,
    pub(crate) metrics: Vec<String>,
    pub(crate) chosen: Vec<String>,
    #[serde(flatten)]
    pub(crate) read: ImportReport,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecognisedSource {
    pub(crate) source: String,
    pub(crate) format: &'static str,
    /// Formats it could be read as, too.
    pub(crate) also: Vec<&'static str>,
}
