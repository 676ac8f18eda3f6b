//! The start of a fit from an earlier model of the same search: what its networks know, and what they have not seen.

use std::collections::{HashMap, HashSet};

use rand::seq::SliceRandom;

use super::form::NetworkFit;
use super::split::FOLDS;
use crate::data::Metric;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::ensemble::Ensemble;
use crate::random::{Purpose, stream};

/// Part of what is known that a start keeps. Networks that go on from all they have learned generalise worse than those that
/// begin anew; "shrink and perturb" (Ash & Adams, arXiv 1910.08475) does not.
const KEPT: f64 = 0.5;

/// The ensemble that a fit starts from.
pub(super) struct Start<'a> {
    pub(super) ensemble: &'a Ensemble,
}

impl<'a> Start<'a> {
    /// Takes a model as a start for `form`, to predict `metric`.
    ///
    /// # Errors
    /// If it is of another form, other sizes or another metric, or its networks have seen everything.
    pub(super) fn from_model<F: NetworkFit>(form: &F, model: &'a Model, metric: &Metric) -> Result<Self> {
        let fail = |value: String, remedy| Err(Error::Setting { name: "start_from", value, remedy });
        let Some(ensemble) = F::ensemble(model) else {
            return fail(format!("a {} model", model.kind()), "start from a model of the form that is fitted");
        };
        if ensemble.header.architecture != form.architecture() {
            return fail("a model of other sizes".to_owned(), "fit with its sizes, or from nothing");
        }
        if ensemble.header.metric != *metric {
            return fail(format!("a model of {}", ensemble.header.metric), "predict its metric, or fit from nothing");
        }
        if ensemble.held_out_parameters().is_empty() {
            return fail(
                "a model from elsewhere".to_owned(),
                "fit from nothing: none of the runs would be left to measure it on",
            );
        }
        Ok(Self { ensemble })
    }

    /// Tells the model from others.
    pub(super) fn fingerprint(&self) -> &'a str {
        &self.ensemble.fingerprint
    }

    /// Where a member starts: half way from `random` parameters to those that have not seen what is held out from it, if there are any.
    pub(super) fn parameters(&self, member: usize, mut random: Vec<f64>) -> Vec<f64> {
        let all = self.ensemble.held_out_parameters();
        let same_fold = (member % FOLDS..all.len()).step_by(FOLDS).next_back();
        let source = if member < all.len() { Some(member) } else { same_fold };
        if let Some(source) = source {
            for (parameter, known) in random.iter_mut().zip(&all[source]) {
                *parameter += KEPT * (known - *parameter);
            }
        }
        random
    }

    /// The fold of each configuration, given by the signatures of its runs and its name in model files of format 1: the one that
    /// it was in, or for a new one that with the fewest.
    pub(super) fn folds(&self, signatures: &[Vec<String>], former_names: &[String], seed: u64) -> Vec<usize> {
        let record = &self.ensemble.header.record;
        let held_out = record.held_out.iter().take(FOLDS).enumerate();
        let dealt: HashMap<&str, usize> =
            held_out.flat_map(|(fold, names)| names.iter().map(move |name| (name.as_str(), fold))).collect();
        let learned: HashSet<&str> = record.learned.iter().map(String::as_str).collect();
        let mut sizes = [0; FOLDS];
        let mut fold = vec![FOLDS; signatures.len()];
        let mut fresh = Vec::new();
        for (configuration, (own, former)) in signatures.iter().zip(former_names).enumerate() {
            let names = || own.iter().chain([former]).map(String::as_str);
            if let Some(&known) = names().find_map(|name| dealt.get(name)) {
                fold[configuration] = known;
                sizes[known] += 1;
            } else if !names().any(|name| learned.contains(name)) {
                fresh.push(configuration);
            }
            // What every network has learned is held out from none.
        }
        fresh.shuffle(&mut stream(seed, Purpose::Split, 1));
        for configuration in fresh {
            let smallest = (0..FOLDS).min_by_key(|&fold| sizes[fold]).unwrap_or_default();
            fold[configuration] = smallest;
            sizes[smallest] += 1;
        }
        fold
    }
}
