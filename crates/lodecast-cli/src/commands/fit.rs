//! `lodecast fit`: a model from a sweep.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use lodecast::{BestFit, FitSettings, Model, ModelKind};

use crate::failure::misuse;
use crate::fitting::{Kept, fit, fit_best, say_what_to_know};
use crate::options::overwriting::Overwriting;
use crate::options::sweeps::SweepInput;
use crate::output::Output;
use crate::whole_file::check_folder;

/// What to fit, and how.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: SweepInput,
    /// Model file to write
    #[arg(short, long, value_name = "FILE", default_value = "model.lode")]
    out: PathBuf,
    #[command(flatten)]
    overwriting: Overwriting,
    /// Which model: law (from a few runs on), controlled (a network that the learning rate drives) or paper (the paper's)
    /// [default: of law and controlled the one whose forecasts of runs that it has not seen are better]
    #[arg(long)]
    kind: Option<ModelKind>,
    /// Validation metric to predict [default: the first]
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// Models in the ensemble; each is measured on another fifth of the configurations
    #[arg(long, value_name = "COUNT")]
    members: Option<usize>,
    /// Optimizer steps of each member
    #[arg(long, value_name = "COUNT")]
    iterations: Option<u64>,
    /// Windows in a batch
    #[arg(long, value_name = "COUNT")]
    batch_size: Option<usize>,
    /// Peak of the fit's own learning rate
    #[arg(long, value_name = "RATE")]
    peak_lr: Option<f64>,
    /// Weight of the path length (paper only)
    #[arg(long, value_name = "WEIGHT")]
    alpha: Option<f64>,
    /// Seed of everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Start from the model of an earlier state of the same search: its networks learn what is new in a third of the steps
    #[arg(long, value_name = "MODEL")]
    from: Option<PathBuf>,
    /// Where an interrupted fit is kept [default: OUT.checkpoint]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Go on from the checkpoint, to the same result as without the interruption
    #[arg(long)]
    resume: bool,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        self.overwriting.check(&self.out)?;
        self.checkpoint.as_deref().map_or(Ok(()), check_folder)?;
        let sweep = self.input.read(output)?;
        let checkpoint = self.checkpoint.clone().unwrap_or_else(|| {
            let mut name = self.out.clone().into_os_string();
            name.push(".checkpoint");
            name.into()
        });
        let earlier = self.from.as_ref().map(Model::load).transpose()?;
        let kept = Kept { checkpoint: Some(checkpoint.clone()), resume: self.resume, earlier };
        let fitted = if let Some(settings) = self.settings()? {
            fit(&sweep, &settings, kept, "fit", output)
        } else {
            let mut settings = BestFit::default();
            settings.metric.clone_from(&self.metric);
            settings.seed = self.seed;
            fit_best(&sweep, &settings, kept, output)
        }
        .with_context(|| format!("cannot fit {}", self.input.name()))?;
        fitted.model.save(&self.out)?;
        // The checkpoint has served; that it cannot be removed harms nobody.
        let _ = std::fs::remove_file(checkpoint);
        say_what_to_know(&fitted, output);
        if output.wants_json() {
            return output.json(&fitted.summary);
        }
        output.say(format_args!("written to {}; how good it is: 'lodecast evaluate'", self.out.display()));
        Ok(())
    }

    /// Settings of one form of model; nothing where the best is to be found.
    fn settings(&self) -> Result<Option<FitSettings>> {
        let of_networks =
            self.members.is_some() || self.iterations.is_some() || self.batch_size.is_some() || self.peak_lr.is_some();
        let kind = match self.kind {
            Some(kind) => kind,
            None if self.alpha.is_some() => ModelKind::Paper,
            None if of_networks => ModelKind::Controlled,
            None => return Ok(None),
        };
        let of_training = of_networks || self.checkpoint.is_some() || self.resume || self.from.is_some();
        if kind == ModelKind::Law && of_training {
            return Err(misuse(
                "the law has no networks: it takes no --members, --iterations, --batch-size, --peak-lr, --from or checkpoint",
                "leave them out, or fit with --kind controlled",
            ));
        }
        if kind != ModelKind::Paper && self.alpha.is_some() {
            return Err(misuse("--alpha is a setting of the paper's model", "leave it out, or fit with --kind paper"));
        }
        let mut settings = FitSettings::new(kind);
        match &mut settings {
            FitSettings::Paper(paper) => paper.alpha = self.alpha.unwrap_or(paper.alpha),
            FitSettings::Law(law) => {
                law.metric.clone_from(&self.metric);
                law.law.seed = self.seed;
            }
            _ => {}
        }
        Ok(Some(settings.with_training(|training| {
            training.metric.clone_from(&self.metric);
            training.seed = self.seed;
            training.members = self.members.unwrap_or(training.members);
            training.iterations = self.iterations.unwrap_or(training.iterations);
            training.batch_size = self.batch_size.unwrap_or(training.batch_size);
            training.peak_lr = self.peak_lr.unwrap_or(training.peak_lr);
        })))
    }
}
