//! How much a reader takes from files it has no reason to trust.

use std::time::Duration;

use crate::since::Since;
use crate::stop::Stop;

/// Bounds that a reader checks before it allocates. The defaults are far beyond what trackers write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files in a folder tree.
    pub files: usize,
    /// Folders within folders.
    pub depth: usize,
    /// Bytes of one line, record or document that has to be in memory at once.
    pub record_bytes: usize,
    /// Bytes of a document that is read whole: the state of a trainer, a history in JSON.
    pub document_bytes: u64,
    /// Bytes of a file of settings.
    pub settings_bytes: u64,
    /// Objects and lists within each other in JSON, YAML or protocol buffers.
    pub nesting: usize,
    /// Experiments or studies of one store.
    pub collections: usize,
    /// Runs of one experiment or study.
    pub runs: usize,
    /// Samples in memory at once, of all series of one run, or of a file that holds many runs.
    pub samples: usize,
    /// Samples of one series that are kept: of a longer one every second, every fourth and so on, and the last. No form of model
    /// looks at more than some hundreds of points of a run.
    pub points: usize,
    /// Samples of one run that are looked at, kept or not: a server could send them without end.
    pub samples_read: u64,
    /// Series of one run, columns of one table.
    pub series: usize,
    /// Settings of one run.
    pub settings: usize,
    /// Bytes of a name or of a setting's value.
    pub text_bytes: usize,
    /// Bytes of one answer of a server. A page of 25,000 points takes about 3 MB.
    pub answer_bytes: u64,
    /// Time that a server may take for one answer.
    pub answer_time: Duration,
    /// What ends the reading before its time.
    pub stop: Stop,
    /// Where the reading goes on from.
    pub since: Since,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 1_000_000,
            depth: 32,
            record_bytes: 16 << 20,
            document_bytes: 1 << 28,
            settings_bytes: 4 << 20,
            nesting: 64,
            collections: 100_000,
            runs: 10_000_000,
            samples: 100_000_000,
            points: 1 << 20,
            samples_read: 10_000_000_000,
            series: 20_000,
            settings: 10_000,
            text_bytes: 1 << 16,
            answer_bytes: 64 << 20,
            answer_time: Duration::from_mins(1),
            stop: Stop::default(),
            since: Since::default(),
        }
    }
}
