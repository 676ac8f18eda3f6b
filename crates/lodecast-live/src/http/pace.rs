//! [`Pace`]: how often something may be asked, with some of it saved up.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::StatusCode;

use crate::http::problem::Problem;

/// A bucket that fills at a steady pace, and from which every request takes one.
#[derive(Debug)]
pub(crate) struct Pace {
    a_second: f64,
    most: f64,
    held: Mutex<(f64, Instant)>,
}

impl Pace {
    /// So many a second, and twice as many at once.
    pub(crate) fn new(a_second: f64) -> Self {
        let most = 2.0 * a_second;
        Self { a_second, most, held: Mutex::new((most, Instant::now())) }
    }

    /// Takes one, or says that there is none, and what to do.
    pub(crate) fn take(&self, remedy: &str) -> Result<(), Problem> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let filled = (held.0 + self.a_second * now.duration_since(held.1).as_secs_f64()).min(self.most);
        if filled >= 1.0 {
            *held = (filled - 1.0, now);
            return Ok(());
        }
        *held = (filled, now);
        Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many requests", remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_up_is_given_and_then_no_more() {
        let pace = Pace::new(5.0);
        let given = (0..100).filter(|_| pace.take("wait").is_ok()).count();
        assert!((10..=11).contains(&given), "{given}");
        std::thread::sleep(std::time::Duration::from_millis(450));
        assert!(pace.take("wait").is_ok() && pace.take("wait").is_ok());
    }
}
