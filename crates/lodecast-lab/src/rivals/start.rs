//! What is known of a method before its run.

use lodecast::Attributes;

/// What is known beforehand about a method that starts at a rate.
pub(super) fn started_at(name: &str, rate: f64) -> Attributes {
    Attributes { schedule: Some(name.to_owned()), peak_lr: Some(rate), ..Attributes::default() }
}
