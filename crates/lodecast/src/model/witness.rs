//! Forecasts of recorded runs by those members of an ensemble that had not seen their configurations.

use std::collections::HashSet;

use rayon::prelude::*;

use super::ensemble::Ensemble;
use super::moments;
use super::pass::Network;
use super::record::Miss;
use super::series::{Series, Worst};
use crate::data::{Run, Sweep};

/// A final metric as it is expected, in the model's units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) mean: f64,
    /// Ends of the interval of 68 %, and of that of 95 %.
    pub(crate) within_68: (f64, f64),
    pub(crate) within_95: (f64, f64),
}

/// Deviations of a normal distribution within which 95 % lie.
pub(super) const NORMAL_95: f64 = 1.96;

impl Expected {
    /// A mean with a deviation to either side.
    pub(crate) fn about(mean: f64, deviation: f64) -> Self {
        let within = |factor: f64| (mean - factor * deviation, mean + factor * deviation);
        Self { mean, within_68: within(1.0), within_95: within(NORMAL_95) }
    }

    /// What the members of an ensemble expect, who differ, and whose forecasts were off by `miss`.
    pub(super) fn of_members(values: impl Iterator<Item = f64> + Clone, miss: &Miss) -> Self {
        let (mean, deviation) = moments(values, 0.0);
        let within = |factor: f64, miss: f64| {
            let half = (factor * deviation).hypot(miss);
            (mean - half, mean + half)
        };
        Self { mean, within_68: within(1.0, miss.within_68), within_95: within(NORMAL_95, miss.within_95) }
    }

    /// Is `truth` within the interval of 68 %?
    pub(crate) fn covers(&self, truth: f64) -> bool {
        (self.within_68.0..=self.within_68.1).contains(&truth)
    }

    /// Deviations by which `truth` is off, by the interval of 95 %: what diverges as was feared is no mistake.
    pub(crate) fn deviations(&self, truth: f64) -> f64 {
        let (low, high) = self.within_95;
        let side = if truth > self.mean { high - self.mean } else { self.mean - low };
        NORMAL_95 * (truth - self.mean).abs() / side.max(f64::MIN_POSITIVE)
    }
}

/// A model that is asked about runs whose end is known, as far as it has not learned from their configurations.
pub(crate) trait Witness: Sync {
    /// Had everyone who is asked about this run learned from its configuration?
    fn has_seen(&self, run: usize) -> bool;

    /// The final metric of each of the runs, of which the first `fraction` is seen; `None` where the model cannot say.
    fn final_metrics(&self, runs: &[usize], fraction: f64) -> Vec<Option<Expected>>;
}

/// A run with the networks that may be asked about it.
pub(super) struct Case<'a> {
    pub(super) run: &'a Run,
    pub(super) series: Series,
    pub(super) networks: Vec<Network<f32>>,
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
                Case { run, series, networks: ensemble.networks.clone(), has_seen }
            } else {
                Case { run, series, networks, has_seen: false }
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
        let miss = self.ensemble.header.record.miss(fraction);
        let forecast = |&run: &usize| {
            let values = (self.predict)(self.cases[run].as_ref()?, fraction)?;
            let expected = Expected::of_members(values.into_iter(), &miss);
            expected.mean.is_finite().then_some(expected)
        };
        runs.par_iter().map(forecast).collect()
    }
}
