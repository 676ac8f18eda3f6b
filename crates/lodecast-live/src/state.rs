//! [`LiveRunState`]: a run under way as plain data, kept beside the file of rates, so that the past is never decided again.

use std::path::Path;

use lodecast::{Knot, Point};
use serde::{Deserialize, Serialize};

use crate::adherence::Adherence;
use crate::decision::{Choice, Decision, MadeForecast};
use crate::error::{Error, Result};
use crate::json_file::{self, Layout};

const LAYOUT: Layout<LiveRunState> = Layout {
    name: "state of a run",
    most_bytes: 256 << 20,
    check: LiveRunState::check,
    remedy: "move it and the file of rates away to begin anew",
};

/// Where the schedule in force comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScheduleOrigin {
    /// Whole, from somebody, from the settings in the log, or from the best run of the sweep.
    #[default]
    Given,
    /// From the rates that the run had until it was come upon: nobody has said how they go on.
    Recorded,
    /// From a plan.
    Planned,
}

/// Everything that the further decisions about a run depend on, besides its log and the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRunState {
    /// Version of this layout.
    pub version: u32,
    /// Fingerprint of the model.
    pub fingerprint: String,
    /// Id of the run; empty before it is there.
    pub run: String,
    /// Planned length of the run in optimizer steps.
    pub total_steps: u64,
    /// The schedule in force, and the one before it.
    pub knots: Vec<Knot>,
    pub(crate) knots_before: Vec<Knot>,
    /// Every decision, in their order: their revisions count from 1.
    pub decisions: Vec<Decision>,
    /// Every forecast, as it was made.
    pub forecasts: Vec<MadeForecast>,
    /// Last step that was seen.
    pub last_step: Option<u64>,
    /// Occasions to replan that are over.
    pub(crate) occasions: u64,
    /// Plans made: the position in the stream of random numbers.
    pub(crate) replans: u64,
    #[serde(default)]
    pub(crate) origin: ScheduleOrigin,
    /// Step of the last change of the schedule.
    pub(crate) changed_at: u64,
    /// Steps between the last two looks that showed something new.
    pub(crate) advance: u64,
    /// The first loss of the training, by which another one in the same log is told.
    pub(crate) first: Option<(u64, f64)>,
    /// Has the training gone back to a step that had been passed?
    pub(crate) went_back: bool,
    /// Is the last point unsound?
    pub(crate) unsound: bool,
    pub(crate) adherence: Adherence,
    /// Why nothing can be forecast of what was measured, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) no_forecast: Option<String>,
    /// The schedule that somebody chose, until it is handed back to lodecast to decide.
    #[serde(default)]
    pub(crate) chosen: Option<Choice>,
    /// Points that are in the log no longer.
    pub(crate) carried: Vec<Point>,
    /// Is the run at its planned end?
    pub finished: bool,
}

impl LiveRunState {
    /// Version of the layout that is written.
    pub(crate) const VERSION: u32 = 1;

    /// The state of a run of which nothing was decided yet.
    pub(crate) fn of_the_start(fingerprint: &str, total_steps: u64, knots: Vec<Knot>) -> Self {
        Self {
            version: Self::VERSION,
            fingerprint: fingerprint.to_owned(),
            run: String::new(),
            total_steps,
            knots_before: knots.clone(),
            knots,
            decisions: Vec::new(),
            forecasts: Vec::new(),
            last_step: None,
            occasions: 0,
            replans: 0,
            origin: ScheduleOrigin::default(),
            changed_at: 0,
            advance: 0,
            first: None,
            went_back: false,
            unsound: false,
            adherence: Adherence::default(),
            no_forecast: None,
            chosen: None,
            carried: Vec::new(),
            finished: false,
        }
    }

    /// Reads the state at `path`; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or of another version.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match json_file::read(path, &LAYOUT) {
            Ok(state) => Ok(Some(state)),
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.version != Self::VERSION {
            return Err(format!("its version is {}, this lodecast reads {}", self.version, Self::VERSION));
        }
        if self.total_steps == 0 {
            return Err("its total_steps is 0".to_owned());
        }
        let in_order = self.decisions.iter().zip(1..).all(|(decision, revision)| decision.revision == revision);
        if !in_order {
            return Err("its revisions are not in order".to_owned());
        }
        let schedule = lodecast::Schedule::PiecewiseLinear { knots: self.knots.clone() };
        schedule.check().map_err(|error| error.to_string())
    }
}
