//! Runs of one configuration: what is held out with one of them is held out with all.

use std::collections::HashMap;

use super::covariates::Settings;
use super::fitted_run::FittedRun;

/// Runs in groups of the same rates, length and settings.
pub(crate) struct Groups {
    members: Vec<Vec<usize>>,
    runs: usize,
}

impl Groups {
    /// The runs in their order, which numbers them.
    pub(crate) fn of<'a>(runs: impl Iterator<Item = &'a FittedRun>) -> Self {
        let mut places: HashMap<(Vec<u64>, &'a Settings), usize> = HashMap::new();
        let mut groups = Self { members: Vec::new(), runs: 0 };
        for run in runs {
            let bits = run.rates.iter().chain([&run.length]).map(|value| value.to_bits()).collect();
            let place = *places.entry((bits, &run.settings)).or_insert(groups.members.len());
            if place == groups.members.len() {
                groups.members.push(Vec::new());
            }
            groups.members[place].push(groups.runs);
            groups.runs += 1;
        }
        groups
    }

    /// The numbers of the runs of each group.
    pub(crate) fn members(&self) -> impl Iterator<Item = &[usize]> {
        self.members.iter().map(Vec::as_slice)
    }

    /// How many runs there are.
    pub(crate) fn runs(&self) -> usize {
        self.runs
    }
}
