//! The law as it is evaluated: runs it was fitted to are forecast by laws that were fitted without their configuration.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::fitted_law::Law;
use super::law_model::LawModel;
use crate::data::Sweep;
use crate::model::{Expected, Witness};

/// Parts that the configurations are dealt into; each is forecast by a law fitted to the others.
const FOLDS: usize = 10;

/// The model, and the laws that have not seen a part of the configurations.
pub(super) struct LawWitness<'a> {
    model: &'a LawModel,
    sweep: &'a Sweep,
    metric: usize,
    /// Of each run the number of the law that has not seen it; `None`: the model's own.
    fold: Vec<Option<usize>>,
    /// `None` where the others do not suffice for a law.
    laws: Vec<Option<Law>>,
}

impl<'a> LawWitness<'a> {
    pub(super) fn new(model: &'a LawModel, sweep: &'a Sweep, metric: usize) -> Self {
        let learned: HashSet<&String> = model.record.learned.iter().collect();
        let mut fold = vec![None; sweep.runs.len()];
        let mut folds: HashMap<usize, HashSet<usize>> = HashMap::new();
        let known = sweep
            .configurations()
            .into_iter()
            .filter(|(_, runs)| runs.iter().any(|&run| learned.contains(&sweep.runs[run].signature())));
        for (number, (_, runs)) in known.enumerate() {
            for run in runs {
                fold[run] = Some(number % FOLDS);
                folds.entry(number % FOLDS).or_default().insert(run);
            }
        }
        let name = &sweep.metrics[metric].name;
        let refit = |fold: usize| {
            let apart = folds.get(&fold)?;
            let runs = sweep.runs.iter().enumerate().filter(|(index, _)| !apart.contains(index));
            let rest = Sweep { metrics: sweep.metrics.clone(), runs: runs.map(|(_, run)| run.clone()).collect() };
            Law::fit(&rest, name, model.settings()).ok()
        };
        let laws = (0..FOLDS).into_par_iter().map(refit).collect();
        Self { model, sweep, metric, fold, laws }
    }
}

impl Witness for LawWitness<'_> {
    fn has_seen(&self, _: usize) -> bool {
        false
    }

    fn final_metrics(&self, runs: &[usize], fraction: f64) -> Vec<Option<Expected>> {
        let own = self.model.law().watching(fraction);
        let others: Vec<_> = self.laws.iter().map(|law| law.as_ref().map(|law| law.watching(fraction))).collect();
        runs.par_iter()
            .map(|&index| {
                let watching = match self.fold[index] {
                    None => &own,
                    Some(fold) => others[fold].as_ref()?,
                };
                let last = watching.final_value_of(&self.sweep.runs[index], self.metric).ok()?;
                let expected = self.model.standardised(&last);
                expected.mean.is_finite().then_some(expected)
            })
            .collect()
    }
}
