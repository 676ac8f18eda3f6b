//! Rows of a table put together into recordings: one of the whole table, or one for each value of its run column.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;

use crate::decode::draft::{Draft, Row};
use crate::decode::layout::{Owner, Position};
use crate::error::{Error, Result};
use crate::format::{Outcome, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::recording::recorder::Recorder;

/// Recordings in the making.
pub(crate) struct Table<'a> {
    wanted: &'a Wanted,
    limits: &'a Limits,
    /// Settings and the like that all recordings of the table share, and the id of the run of rows that name none.
    base: Recording,
    drafts: Vec<Draft<'a>>,
    index: HashMap<String, usize>,
    latest: usize,
    /// Runs handed over because the others needed their place.
    closed: HashSet<String>,
    samples: usize,
    /// The columns that tell repetitions apart.
    repeated_by: BTreeSet<String>,
}

impl<'a> Table<'a> {
    /// No rows yet; `base` has the id of a run that is not named, the source, and what holds for all runs of the table.
    pub(crate) fn new(base: Recording, wanted: &'a Wanted, limits: &'a Limits) -> Self {
        Self {
            wanted,
            limits,
            base,
            drafts: Vec::new(),
            index: HashMap::new(),
            latest: 0,
            closed: HashSet::new(),
            samples: 0,
            repeated_by: BTreeSet::new(),
        }
    }

    /// The row of its owner's run, to be filled.
    pub(crate) fn row(
        &mut self,
        owner: &Owner<'_>,
        at: Position,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<(), Row<'_, 'a>>> {
        self.limits.stop.check()?;
        if self.samples >= self.limits.samples && self.make_room(visit)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let run = owner.run.as_deref().unwrap_or(&self.base.id);
        for column in &owner.columns {
            if !self.repeated_by.contains(*column) {
                self.repeated_by.insert((*column).to_owned());
            }
        }
        // A row that names no repetition belongs to the one at hand.
        let says_none = owner.repetition.is_empty() && !self.repeated_by.is_empty();
        let is_at_hand = |draft: &Draft<'_>| match (says_none, draft.recorder.id().strip_prefix(run)) {
            (true, _) => draft.repeats == run,
            (false, Some(rest)) => rest == owner.repetition,
            (false, None) => false,
        };
        if !self.drafts.get(self.latest).is_some_and(is_at_hand) {
            let id = format!("{run}{}", owner.repetition);
            self.latest = match self.index.get(&id) {
                Some(&draft) => draft,
                None => self.open(id, run.to_owned())?,
            };
        }
        let draft = &mut self.drafts[self.latest];
        draft.recorder.next_moment();
        let is_sample = at.step.or(at.epoch).is_some();
        if is_sample || !draft.before {
            if at.held_out.is_none()
                && let Some(step) = at.step.or(at.epoch)
            {
                draft.blocks += u64::from(draft.last_step.is_some_and(|last| step < last));
                draft.is_at_one_step &= draft.last_step.is_none_or(|last| step == last)
                    && draft.epoch.is_none_or(|last| at.epoch == Some(last));
                draft.epoch = at.epoch;
                draft.last_step = Some(step);
            }
            draft.before = false;
            draft.rows += 1;
            draft.without_step += u64::from(!is_sample);
        }
        Ok(ControlFlow::Continue(Row { draft, at, limits: self.limits, samples: &mut self.samples }))
    }

    /// Notes something about every run of the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        for draft in &mut self.drafts {
            draft.recorder.note(note.clone());
        }
        self.base.notes.push(note);
    }

    /// Hands over what has been read.
    pub(crate) fn finish(mut self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        if self.drafts.is_empty() && self.closed.is_empty() {
            let reason = std::iter::once("it has no rows").chain(self.base.notes.iter().map(String::as_str));
            return visit(Outcome::nothing(self.base.id.clone(), reason.collect::<Vec<_>>().join("; ")));
        }
        if self.closed.is_empty() {
            // What a run that is followed has new may be a single row.
            if let Some(reason) = self.has_only_ends().filter(|_| !self.limits.since.is_asked()) {
                return visit(Outcome::skipped(self.base.id.clone(), reason));
            }
            self.name_repetitions();
        }
        let named = self.names_runs();
        self.drafts.into_iter().try_for_each(|draft| visit(draft.finish(named)))
    }

    /// Why there are no curves in the table, if it has the end of each run only, as the results of a search are kept.
    fn has_only_ends(&self) -> Option<String> {
        match self.drafts.as_slice() {
            [] => None,
            [draft] => draft.has_only_ends(),
            drafts if drafts.iter().any(|draft| draft.rows > 1) => None,
            drafts => Some(match self.repeated_by.first() {
                Some(column) => format!(
                    "'{column}' is another in each row: name the column of the run with --run NAME; if each row is the end of a run, \
                     it has no curves to learn from: give the logs of the runs"
                ),
                None => format!(
                    "each of its {} runs has a single row: the results of a search, in all likelihood, and no curves to learn from; \
                     give the logs of the runs",
                    drafts.len()
                ),
            }),
        }
    }

    /// Calls a run of which there is one repetition by its own name, and says how the others are told apart.
    fn name_repetitions(&mut self) {
        let mut repetitions: HashMap<String, usize> = HashMap::new();
        for draft in &self.drafts {
            *repetitions.entry(draft.repeats.clone()).or_default() += 1;
        }
        let columns: Vec<String> = self.repeated_by.iter().map(|column| format!("'{column}'")).collect();
        for draft in &mut self.drafts {
            match repetitions.get(&draft.repeats) {
                Some(1) => draft.recorder.rename(&draft.repeats),
                _ => draft.recorder.note(format!(
                    "its table has the rows of {} runs, told apart by {}",
                    repetitions[&draft.repeats],
                    columns.join(" and ")
                )),
            }
        }
    }

    /// Do the rows say whose they are, by a column of their own or one that was asked for?
    fn names_runs(&self) -> bool {
        self.wanted.run_column.is_some() || !self.index.contains_key(&self.base.id) || self.drafts.len() > 1
    }

    fn open(&mut self, id: String, repeats: String) -> Result<usize> {
        let too_large = |what: String, limit: usize, remedy| {
            Err(Error::TooLarge { place: self.base.source.clone(), what, limit: limit as u64, remedy })
        };
        if self.closed.contains(&id) {
            let what = format!("the number of points between two rows of run '{id}'");
            return too_large(what, self.limits.samples, "sort the table by run, so that each can be read by itself");
        }
        if id.len() > self.limits.text_bytes {
            let what = "the length of a run's name".to_owned();
            return too_large(what, self.limits.text_bytes, "choose another column with --run NAME");
        }
        // A draft without samples takes memory too.
        self.samples += 16;
        self.index.insert(id.clone(), self.drafts.len());
        let base = Recording { id, ..self.base.clone() };
        let recorder = Recorder::of_table(base, self.wanted, self.limits);
        self.drafts.push(Draft {
            recorder,
            repeats,
            rows: 0,
            blocks: 0,
            last_step: None,
            epoch: None,
            is_at_one_step: true,
            columns: HashMap::new(),
            unknown_phases: BTreeSet::new(),
            knows_phases: false,
            without_step: 0,
            before: true,
        });
        Ok(self.drafts.len() - 1)
    }

    /// Hands over all runs but the latest: most tables have the rows of a run together.
    fn make_room(&mut self, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        if self.drafts.len() < 2 {
            return Err(Error::TooLarge {
                place: self.base.source.clone(),
                what: "the number of its points".to_owned(),
                limit: self.limits.samples as u64,
                remedy: "name the series with --loss, --lr and --val, so that no others are read, or split the file",
            });
        }
        let mut rest = std::mem::take(&mut self.drafts);
        let latest = rest.remove(self.latest);
        self.index.clear();
        self.index.insert(latest.recorder.id().to_owned(), 0);
        self.samples = latest.recorder.samples() + 16;
        self.drafts.push(latest);
        self.latest = 0;
        for draft in rest {
            self.closed.insert(draft.recorder.id().to_owned());
            if visit(draft.finish(true)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
