//! Everything that can go wrong with a tuner, each with the remedy. Nothing that was told is lost by any of it.

use std::path::PathBuf;

/// An error of a [`Tuner`](super::Tuner).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// A trial that was never asked for.
    #[error(
        "no trial '{trial}' was asked for; running: {running}. A run that was not asked for is added as a run of its own"
    )]
    UnknownTrial {
        /// The name given.
        trial: String,
        /// Trials that have not reported.
        running: String,
    },
    /// A trial reports again, and something else.
    #[error(
        "trial '{trial}' has reported already, and something else: {difference}. The first report is kept; if two workers \
         trained it, give each a name of its own, and add the second as a run of its own"
    )]
    ReportedTwice {
        /// The trial.
        trial: String,
        /// The first thing that differs.
        difference: String,
    },
    /// A report is longer than the run that was asked for.
    #[error(
        "trial '{trial}' was asked for {asked} steps and reports step {reported}: the schedule says nothing beyond its end. \
         Train it for the length asked for, or add this as a run of its own"
    )]
    Length {
        /// The trial.
        trial: String,
        /// Its length in steps.
        asked: u64,
        /// The last step reported.
        reported: u64,
    },
    /// A report in which the metric was never measured.
    #[error(
        "the report of '{trial}' has no value of the metric: tell at least the last one (NaN if it diverged), or that it failed"
    )]
    NothingMeasured {
        /// The trial.
        trial: String,
    },
    /// A trial that has reported is said to have failed.
    #[error("trial '{trial}' has already reported: its result is kept")]
    Finished {
        /// The trial.
        trial: String,
    },
    /// A worker asks while the trial it was given has not reported.
    #[error(
        "worker '{worker}' was given '{trial}', which has not reported. After a crash resume that trial, or abandon it; two \
         workers at once need a name each"
    )]
    WorkerBusy {
        /// The worker.
        worker: String,
        /// Its trial.
        trial: String,
    },
    /// Nothing says which rates to try.
    #[error(
        "which learning rates to try? Give a range of peaks, or one rate that worked, or add runs that recorded their rates"
    )]
    NoRates,
    /// Nothing was measured from which a schedule could be recommended.
    #[error("no run has reported its end: tell at least one")]
    NothingTold,
    /// All runs that ended diverged, so that none of them can be recommended.
    #[error(
        "none of the {runs} runs that ended has a finite value of the metric: try lower peaks (the ranges of a study can be \
         changed), and tell one that trained"
    )]
    AllDiverged {
        /// How many.
        runs: usize,
    },
    /// A study, or runs, of something else.
    #[error("{what} is {given} here and {kept} in the study: {remedy}")]
    OtherStudy {
        /// What differs.
        what: &'static str,
        /// What the study has.
        kept: String,
        /// What was given.
        given: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A run that was added before has changed in what was known of it.
    #[error(
        "run '{run}' was added before, and differs now: {difference}. What was known is kept; if it is another run, give it \
         another id"
    )]
    ChangedRun {
        /// The run.
        run: String,
        /// The first thing that differs.
        difference: String,
    },
    /// A file that is no study, or is damaged.
    #[error("{}: not a usable study: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A strategy nobody knows.
    #[error("no search strategy '{strategy}'; choose one of {known}")]
    UnknownStrategy {
        /// The name given.
        strategy: String,
        /// Those there are.
        known: String,
    },
    /// An error of the parts below.
    #[error("{0}")]
    Engine(#[from] crate::Error),
}
