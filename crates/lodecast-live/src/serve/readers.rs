//! [`Paces`]: how often each reader may ask. One that asks without end makes itself wait, and nobody else.

use crate::http::pace::Pace;
use crate::http::problem::Problem;

/// Who reads: whoever has the same token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reader(usize);

impl Reader {
    /// Everybody, where no token is asked for, and whoever has not said one.
    pub(crate) const ANYBODY: Self = Self(0);

    /// Who has the token at this place among all.
    pub(crate) fn of_token(place: usize) -> Self {
        Self(place + 1)
    }
}

/// A pace for each reader.
#[derive(Debug)]
pub(crate) struct Paces(Vec<Pace>);

impl Paces {
    /// So many a second for each of those who have one of so many tokens, and for everybody else together.
    pub(crate) fn new(a_second: f64, tokens: usize) -> Self {
        Self((0..=tokens).map(|_| Pace::new(a_second)).collect())
    }

    /// Takes one of this reader's, or says that there is none, and what to do.
    pub(crate) fn take(&self, reader: Reader, remedy: &str) -> Result<(), Problem> {
        self.0[reader.0].take(remedy)
    }
}
