//! What a format of a tracker has to provide, and what it is asked for.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::Serialize;

use crate::error::Result;
use crate::limits::Limits;
use crate::recording::Recording;
use crate::role::Role;
use crate::source::Source;

/// A format: finds its runs under a source and hands them over one at a time, so that memory does not grow with their number.
pub trait Format: Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;

    /// What its files are, in a few words, for lists and messages.
    fn describes(&self) -> &'static str;

    /// What has to be said before anything is read of `source`: that a password is about to be sent in the clear.
    fn warning(&self, source: &Source) -> Option<String> {
        let _ = source;
        None
    }

    /// What its steps count, for the table of formats.
    fn steps(&self) -> &'static str;

    /// What it calls the collections of runs of which one is read, if it has such.
    fn collection(&self) -> Option<&'static str> {
        None
    }

    /// Files of one run, below a folder, that are read by it.
    fn files(&self) -> &'static [&'static str];

    /// Does the source look like this format's? Judged by names and first bytes; nothing is read in full.
    fn recognises(&self, source: &Source) -> bool;

    /// Reads every run under `source` in an order that depends on nothing but names, and hands each to `visit`, which may
    /// end the reading. A run that cannot be used is handed over as [`Outcome::Skipped`], and the next one is read.
    ///
    /// # Errors
    /// If nothing at all can be read: the source is gone, is not of this format, or is damaged beyond a single run.
    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()>;
}

/// Takes what a format has read, and says whether to go on.
pub type Visit<'a> = dyn FnMut(Outcome) -> ControlFlow<()> + 'a;

/// A run that was read, or that was not.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A run.
    Recording(Recording),
    /// Something that is a run but cannot be used.
    Skipped(Skipped),
}

/// A run that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its id, or the path if it has none.
    pub run: String,
    /// Why.
    pub reason: String,
    /// Was it left out because there is nothing in it?
    #[serde(skip)]
    pub nothing: bool,
}

impl Outcome {
    /// The outcome of a run that was left out.
    pub fn skipped(run: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Skipped(Skipped { run: run.into(), reason: reason.into(), nothing: false })
    }

    /// The outcome of a run in which there is nothing to read.
    pub(crate) fn nothing(run: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Skipped(Skipped { run: run.into(), reason: reason.into(), nothing: true })
    }
}

/// What a reader is asked for. The default asks for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names of the series to keep; all of them if there are no names.
    pub series: Option<BTreeSet<String>>,
    /// Besides the series named, those are kept that usually are for one of these.
    pub roles: BTreeSet<Role>,
    /// The experiment, study or project to read, where a store holds several.
    pub collection: Option<String>,
    /// Column that names the run, in tables with several runs.
    pub run_column: Option<String>,
    /// Column or series that counts the optimizer steps.
    pub step_column: Option<String>,
    /// How many samples of each series to keep, the first ones; the others are only counted.
    pub head: Option<usize>,
}

impl Wanted {
    /// Is the series of this name asked for?
    pub fn wants(&self, name: &str) -> bool {
        self.series
            .as_ref()
            .is_none_or(|names| names.contains(name) || self.roles.iter().any(|role| role.goes_by(name)))
    }

    /// Is no series asked for at all?
    pub(crate) fn is_nothing(&self) -> bool {
        self.series.as_ref().is_some_and(BTreeSet::is_empty) && self.roles.is_empty()
    }
}
