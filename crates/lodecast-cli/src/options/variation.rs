//! Options for runs that differ on purpose: wider, noisier, on less data, or dead from somewhere on.

use clap::Args;
use lodecast_lab::Variation;

/// Heading of these options in help texts.
const HEADING: &str = "Runs that differ on purpose";

/// How the runs differ from what the task is otherwise.
#[derive(Args, Clone, Debug)]
pub(crate) struct VariationOptions {
    /// Factor on the width of the network
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, help_heading = HEADING)]
    width: f64,
    /// Factor on the examples an optimizer step; the epochs stay, so there are fewer steps
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, help_heading = HEADING)]
    batch: f64,
    /// Fraction of the training labels that are replaced by others, once for all runs
    #[arg(long, value_name = "FRACTION", default_value_t = 0.0, help_heading = HEADING)]
    label_noise: f64,
    /// Fraction of the training examples that is used; the epochs stay, so there are fewer steps
    #[arg(long, value_name = "FRACTION", default_value_t = 1.0, help_heading = HEADING)]
    data_share: f64,
    /// Fraction of the run from which on all weights of the network are zero
    #[arg(long, value_name = "FRACTION", help_heading = HEADING)]
    dead_from: Option<f64>,
    /// Another data set: the seed that mnist1d-cnn draws templates and digits with
    #[arg(long, value_name = "SEED", help_heading = HEADING)]
    data_seed: Option<u64>,
}

impl VariationOptions {
    /// The variation asked for; its ranges are checked where the task is opened.
    pub(crate) fn variation(&self) -> Variation {
        let Self { width, batch, label_noise, data_share, dead_from, data_seed } = *self;
        Variation { width, batch, label_noise, data_share, dead_from, data_seed }
    }
}
