//! Everything that can go wrong in the lab, each with the remedy.

use std::path::PathBuf;

/// A result of the lab.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the lab.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A task nobody knows.
    #[error("no task '{task}'; choose one of {known}")]
    UnknownTask {
        /// The name given.
        task: String,
        /// Those there are.
        known: String,
    },
    /// A task that was left out when this program was built.
    #[error("the task '{task}' was not built into this program: build it with the feature {feature}")]
    NotBuilt {
        /// The task.
        task: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// An optimizer nobody knows.
    #[error("no optimizer '{optimizer}'; choose one of {known}")]
    UnknownOptimizer {
        /// The name given.
        optimizer: String,
        /// Those there are.
        known: String,
    },
    /// A method nobody knows.
    #[error("no method '{method}'; choose one of {known}, or all")]
    UnknownMethod {
        /// The name given.
        method: String,
        /// Those there are.
        known: String,
    },
    /// A search nobody knows.
    #[error("no search '{search}'; choose one of {known}")]
    UnknownSearch {
        /// The name given.
        search: String,
        /// Those there are.
        known: String,
    },
    /// A pick nobody knows.
    #[error("no pick '{pick}'; choose one of {known}")]
    UnknownPick {
        /// The name given.
        pick: String,
        /// Those there are.
        known: String,
    },
    /// A configuration was written for another task than the one it is run on.
    #[error("the configuration is for the task '{configured}', but '{given}' was opened: open '{configured}'")]
    TaskMismatch {
        /// Task the configuration names.
        configured: String,
        /// Task that was given.
        given: String,
    },
    /// A setting out of its range.
    #[error("{name} = {value}: {remedy}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The value given.
        value: String,
        /// The range it has to be in.
        remedy: &'static str,
    },
    /// A configuration that is not valid JSON, or has unknown or missing fields.
    #[error("not a usable configuration: {source}")]
    Configuration {
        /// Where and why.
        #[from]
        source: serde_json::Error,
    },
    /// A method gave an impossible learning rate before it had given any usable one.
    #[error("run '{run}': {method} gives the learning rate {value} at step {step}: give a finite one, not negative")]
    LearningRate {
        /// Run.
        run: String,
        /// Method.
        method: String,
        /// Optimizer step.
        step: u64,
        /// The rate.
        value: f64,
    },
    /// The network could not be trained because the framework gave up on it.
    #[error("run '{run}' broke down: {reason}")]
    Panicked {
        /// Run.
        run: String,
        /// What the framework said.
        reason: String,
    },
    /// Runs without which a comparison is none.
    #[error("{failed} of {total} runs failed, '{run}' for one: {reason}; the others are kept")]
    FailedRuns {
        /// Number of runs that failed.
        failed: usize,
        /// Number of runs.
        total: usize,
        /// The first that failed.
        run: String,
        /// Why it did.
        reason: String,
    },
    /// A name occurs twice where names tell things apart.
    #[error("{what} '{name}' is there twice: keep one of them")]
    Duplicate {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The method the others are compared with is not among them.
    #[error("the reference '{reference}' is not among the methods; choose one of {known}")]
    UnknownReference {
        /// The name given.
        reference: String,
        /// Those there are.
        known: String,
    },
    /// Results that are not of one sweep.
    #[error("the results are not of one sweep: '{first}' and '{other}'; gather those of one task, trained alike")]
    Mixed {
        /// A run, with task and metric.
        first: String,
        /// One of another task or metric.
        other: String,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A data set that is not on this machine.
    #[error("no {data} in {}: get it with '{command}', or say where it is with --data", path.display())]
    MissingData {
        /// The data set.
        data: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// The command that gets it.
        command: String,
    },
    /// A file of a data set that is not what it has to be.
    #[error("{}: {reason}; get the file anew", path.display())]
    DamagedData {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A folder of pictures that is not one class a folder.
    #[error("{}: {reason}", path.display())]
    Pictures {
        /// The folder.
        path: PathBuf,
        /// What was found, and what to do.
        reason: String,
    },
    /// A text that no task can be made of.
    #[error("{}: {reason}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What was found, and what to do.
        reason: String,
    },
    /// A device nobody knows, or one this build was made without.
    #[error("no device '{device}' here: {remedy}")]
    Device {
        /// The name given.
        device: String,
        /// What to do.
        remedy: String,
    },
    /// The file is no journal, or a line of it is damaged.
    #[error("{}, line {line}: not a usable journal: {reason}; move the file away to start anew", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The journal belongs to another configuration.
    #[error(
        "{}: the journal was started with another configuration ({difference}); \
         restore that configuration, or give another journal file to start anew",
        path.display()
    )]
    JournalConfiguration {
        /// The file.
        path: PathBuf,
        /// The first setting that differs, with both values.
        difference: String,
    },
    /// Another process writes to the journal.
    #[error("{}: another process is writing to this journal: wait for it, or stop it", path.display())]
    JournalInUse {
        /// The file.
        path: PathBuf,
    },
    /// Stopped on request. What was finished is in the journal, if there is one.
    #[error("stopped after {finished} of {total} runs")]
    Cancelled {
        /// Runs finished.
        finished: usize,
        /// Runs asked for.
        total: usize,
    },
    /// An error of the engine.
    #[error(transparent)]
    Engine(#[from] lodecast::Error),
    /// An error of the tuner.
    #[error("{0}")]
    Tune(#[from] lodecast::tune::TuneError),
}
