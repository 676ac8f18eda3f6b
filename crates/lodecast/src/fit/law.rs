//! The fit of the law, for few runs: no training, but least squares under a prior (see [`crate::Law`]).

use std::collections::BTreeSet;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::form::FitForm;
use super::options::{FitOptions, FitProgress};
use super::summary::{FitSummary, Fitted, LeftOut};
use super::training::Training;
use crate::data::{Run, Sweep};
use crate::error::{Error, Result, setting};
use crate::experience::Experience;
use crate::model::FitRecord;
use crate::model::law::{Law, LawModel, LawSettings};

/// Settings of the fit of a [`LawModel`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LawFit {
    /// Name of the validation metric; the sweep's first one when not given.
    pub metric: Option<String>,
    /// Settings of the law itself.
    #[serde(flatten)]
    pub law: LawSettings,
}

impl FitForm for LawFit {
    fn check(&self) -> Result<()> {
        let finite = |value: Option<f64>| value.is_none_or(f64::is_finite);
        let shown = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        setting("start", shown(self.law.start), finite(self.law.start), "give what an untrained network has")?;
        setting("ideal", shown(self.law.ideal), finite(self.law.ideal), "give the best value that is possible")
    }

    fn training(&self) -> Option<&Training> {
        None
    }

    fn training_mut(&mut self) -> Option<&mut Training> {
        None
    }

    fn fit(&self, sweep: &Sweep, mut options: FitOptions<'_>) -> Result<Fitted> {
        if let Some(earlier) = options.earlier {
            let remedy = "leave it out: the law is fitted anew in less than a second";
            return Err(Error::Setting { name: "start_from", value: format!("a {} model", earlier.kind()), remedy });
        }
        let started = Instant::now();
        let (sweep, metric) = sweep.with_metric(self.metric.as_deref())?;
        let (sweep, lengths) = sweep.with_lengths();
        let law = Law::fit(&sweep, &sweep.metrics[metric].name, &self.law)?;
        let left_out: Vec<&str> = law.left_out().iter().map(|left| left.run.as_str()).collect();
        let experience = Experience::without(&sweep, metric, &left_out)?;
        let learned: BTreeSet<String> = sweep.runs.iter().map(Run::signature).collect();
        let seconds = started.elapsed().as_secs_f64();
        let points = sweep.runs.iter().map(Run::len).sum();
        let record = FitRecord {
            sweep: sweep.fingerprint(),
            runs: law.runs(),
            points,
            seed: self.law.seed,
            learned: learned.into_iter().collect(),
            seconds,
            ..FitRecord::default()
        };
        let left_out = law.left_out().iter().map(|left| LeftOut { run: left.run.clone(), reason: left.reason.clone() });
        let summary = FitSummary {
            runs: law.runs(),
            configurations: sweep.configurations().len(),
            points,
            diverged: law.diverged().map(str::to_owned).collect(),
            left_out: left_out.collect(),
            lengths,
            doubts: law.doubts().to_vec(),
            loss: law.scatter(),
            held_out_loss: None,
            seconds,
            choice: None,
        };
        options.tell(&FitProgress { iteration: 1, iterations: 1, loss: law.scatter(), held_out: None });
        let model = LawModel::new(law, self.law.clone(), experience, record).into();
        Ok(Fitted { model, summary })
    }
}
