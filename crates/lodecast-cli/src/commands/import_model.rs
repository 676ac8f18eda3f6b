//! `lodecast import-model`: a model of the method's reference implementation as a model file.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use lodecast::{Experience, Model, PaperLatentOde};
use serde_json::json;

use crate::options::overwriting::Overwriting;
use crate::options::sweeps::SweepInput;
use crate::output::Output;

/// Which model, and the sweep it was fitted on.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Model file of the reference implementation (.eqx)
    #[arg(value_name = "MODEL.EQX")]
    model: PathBuf,
    #[command(flatten)]
    input: SweepInput,
    /// Validation metric that the model predicts [default: the sweep's first]
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// Points of a run in the sweep the model was fitted on: its time counts points
    #[arg(long, default_value_t = 600, value_name = "COUNT")]
    points_per_run: u32,
    /// Model file to write
    #[arg(short, long, value_name = "FILE", default_value = "model.lode")]
    out: PathBuf,
    #[command(flatten)]
    overwriting: Overwriting,
}

impl Arguments {
    pub(crate) fn run(&self, output: &mut Output) -> Result<()> {
        self.overwriting.check(&self.out)?;
        let sweep = self.input.read(output)?;
        let metric = self.metric.as_deref().map_or(Ok(0), |name| sweep.metric_index(name))?;
        // Bounds and fallbacks of a scheduler come from the sweep, which the reference's file does not hold.
        let experience = Experience::from_sweep(&sweep, metric)?;
        let model = PaperLatentOde::import_reference(
            &self.model,
            sweep.metrics[metric].clone(),
            self.points_per_run,
            experience,
        )?;
        let architecture = model.architecture();
        let model = Model::from(model);
        model.save(&self.out)?;
        if output.wants_json() {
            return output.json(&json!({ "model": self.out, "metric": model.metric(), "architecture": architecture }));
        }
        output.say(format_args!("written to {}; how good it is: 'lodecast evaluate'", self.out.display()));
        Ok(())
    }
}
