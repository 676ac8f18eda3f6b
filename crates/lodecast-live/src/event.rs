//! [`Event`]: what happened to a run since it was looked at last.

use lodecast::Interval;

use crate::adherence::Departure;
use crate::decision::Decision;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
// They are few.
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// It was decided.
    Decided(Decision),
    /// A forecast was made.
    Forecast(Interval),
    /// The training does not follow the plan.
    NotFollowed(Departure),
    /// It follows it again, as of this step.
    FollowedAgain(u64),
    /// The training went back to this step: until it is beyond what had been seen, the schedule stays.
    WentBack(u64),
    /// Another training began in the same log.
    BeganAnew,
    /// What was measured at this step is not finite: nothing is planned from it.
    Unsound(u64),
}
