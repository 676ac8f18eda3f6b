//! What one lane of a batch learns from: a window of a run, and what the model should make of it.

use rand::Rng;

use crate::kernels::ode::Control;
use crate::model::series::{Series, SeriesPoint};

/// A window to encode, the control from then on, and the values to predict.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Points in the order in which the encoder reads them.
    pub(crate) window: Vec<SeriesPoint>,
    pub(crate) control: Control,
    pub(crate) times: Vec<f64>,
    /// `times x outputs`.
    pub(crate) targets: Vec<f64>,
    /// Weight of each target; 0 where nothing was measured. They sum to about one over a sample.
    pub(crate) weights: Vec<f64>,
}

/// What a form of network is shown of a run, and asked.
pub(crate) trait Windows: Copy + Send + Sync {
    /// A random window of `series`.
    fn draw(&self, series: &Series, random: &mut impl Rng) -> Sample;

    /// The window in which the first `observed` points of a run are seen.
    fn seen(&self, series: &Series, observed: usize) -> Sample;

    /// Weight of the path length in the loss; 0 for a form without.
    fn path_weight(&self) -> f64 {
        0.0
    }
}
