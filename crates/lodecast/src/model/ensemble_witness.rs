//! Forecasts of recorded runs by those members of an ensemble that had not seen their configurations.

use std::collections::HashSet;

use rayon::prelude::*;

use super::ensemble::Ensemble;
use super::expected::Expected;
use super::pass::Network;
use super::series::{Series, Worst};
use super::witness::Witness;
use crate::data::{Run, Sweep};

/// A run with the networks that may be asked about it.
pub(super) struct Case<'a> {
    pub(super) run: &'a Run,
    pub(super) series: Series,
    pub(super) networks: Vec<Network<f32>>,
    /// Are they those from whom it was held out, and not all?
    was_held_out: bool,
    has_seen: bool,
}

/// The witness that an ensemble is. `predict` gives the final metric as each of a case's networks sees it.
pub(super) struct EnsembleWitness<'a, P> {
    ensemble: &'a Ensemble,
    cases: Vec<Option<Case<'a>>>,
    predict: P,
}

impl<'a, P> EnsembleWitness<'a, P>
where
    P: Fn(&Case<'a>, f64) -> Option<Vec<f64>> + Sync,
{
    pub(super) fn new(ensemble: &'a Ensemble, sweep: &'a Sweep, metric: usize, predict: P) -> Self {
        let header = &ensemble.header;
        let worst = Worst::of(&header.scaler, header.metric.direction);
        let set = |names: &'a Vec<String>| names.iter().map(String::as_str).collect::<HashSet<_>>();
        let learned = set(&header.record.learned);
        let held_out: Vec<HashSet<&str>> = header.record.held_out.iter().map(set).collect();
        let case = |run: &'a Run| {
            let series = Series::from_run(run, metric, &header.scaler, worst).ok()?;
            let names = [run.signature(), run.former_configuration()];
            let knows = |known: &HashSet<&str>| names.iter().any(|name| known.contains(name.as_str()));
            let witnesses = held_out.iter().zip(&ensemble.held_out_networks).filter(|(known, _)| knows(known));
            let networks: Vec<Network<f32>> = witnesses.map(|(_, network)| network.clone()).collect();
            Some(if networks.is_empty() {
                // A configuration of another sweep, which no member has seen; or one that all have, of this one.
                let has_seen = knows(&learned);
                Case { run, series, networks: ensemble.networks.clone(), was_held_out: false, has_seen }
            } else {
                Case { run, series, networks, was_held_out: true, has_seen: false }
            })
        };
        Self { ensemble, cases: sweep.runs.iter().map(case).collect(), predict }
    }
}

impl<'a, P> Witness for EnsembleWitness<'a, P>
where
    P: Fn(&Case<'a>, f64) -> Option<Vec<f64>> + Sync,
{
    fn has_seen(&self, run: usize) -> bool {
        self.cases[run].as_ref().is_some_and(|case| case.has_seen)
    }

    fn final_metrics(&self, runs: &[usize], fraction: f64) -> Vec<Option<Expected>> {
        let record = &self.ensemble.header.record;
        let (of_member, of_all) = (record.miss(fraction), record.miss_of_all(fraction));
        let forecast = |&run: &usize| {
            let case = self.cases[run].as_ref()?;
            let values = (self.predict)(case, fraction)?;
            let miss = if case.was_held_out { &of_member } else { &of_all };
            let expected = Expected::of_members(values.into_iter(), miss);
            expected.mean.is_finite().then_some(expected)
        };
        runs.par_iter().map(forecast).collect()
    }
}
