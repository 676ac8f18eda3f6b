//! The usual train loss among several series.

use crate::names::loss_rank;

/// The train loss among series of these names and numbers of samples: of the usual names the densest, for a loss of every
/// few steps says more than the mean of an epoch.
pub(super) fn usual_loss<'a>(series: impl Iterator<Item = (&'a str, usize)>) -> Option<&'a str> {
    let usual = series.filter_map(|(name, samples)| Some((std::cmp::Reverse(samples), loss_rank(name)?, name)));
    usual.min().map(|(_, _, name)| name)
}
