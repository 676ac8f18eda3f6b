//! How runs are drawn, and who forecasts.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, setting};

/// Least number of runs left to forecast.
pub(super) const LEAST_OTHERS: usize = 3;

/// Who forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FewRunsMethod {
    /// The law.
    Law,
    /// A Gaussian process on features of the schedule, without a law.
    GaussianProcess,
    /// The Multi-Power Law (arXiv 2503.12811); it knows losses only, and nothing of a run that has begun.
    MultiPowerLaw,
    /// The mean final metric of the runs, with their deviation.
    SweepMean,
    /// The last value seen of each run, with the deviation by which the runs learned from changed after that part.
    LastValue,
    /// The controlled latent ODE.
    Controlled,
    /// The paper's latent ODE.
    Paper,
    /// Of the law and the controlled latent ODE the one that [`fit_best`](crate::fit_best) takes.
    Best,
}

impl FewRunsMethod {
    /// All of them, the law first.
    pub const ALL: [Self; 8] = [
        Self::Law,
        Self::GaussianProcess,
        Self::MultiPowerLaw,
        Self::SweepMean,
        Self::LastValue,
        Self::Controlled,
        Self::Paper,
        Self::Best,
    ];

    /// Name for tables and the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Law => "law",
            Self::GaussianProcess => "gaussian-process",
            Self::MultiPowerLaw => "multi-power-law",
            Self::SweepMean => "sweep-mean",
            Self::LastValue => "last-value",
            Self::Controlled => "controlled",
            Self::Paper => "paper",
            Self::Best => "best",
        }
    }
}

impl std::str::FromStr for FewRunsMethod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|method| method.name() == text).ok_or_else(|| Error::Setting {
            name: "methods",
            value: text.to_owned(),
            remedy: "give law, gaussian-process, multi-power-law, sweep-mean, last-value, controlled, paper or best",
        })
    }
}

/// How to draw, and who forecasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FewRunsSettings {
    /// Numbers of runs learned from, each as far as at least three runs are left.
    pub sizes: Vec<usize>,
    /// Number of random orders; with a smaller size less of the same order is learned from.
    pub draws: u64,
    /// Seed of the orders.
    pub seed: u64,
    /// Parts of a run that are seen before its forecast.
    pub observed: Vec<f64>,
    /// Runs that are forecast at most.
    pub at_most: usize,
    /// Final values worse than this count as this; by default the median of first values.
    pub cut: Option<f64>,
    /// Who forecasts.
    pub methods: Vec<FewRunsMethod>,
}

impl Default for FewRunsSettings {
    fn default() -> Self {
        use FewRunsMethod::{GaussianProcess, LastValue, Law, MultiPowerLaw, SweepMean};
        Self {
            sizes: vec![3, 6, 12, 24, 48],
            draws: 3,
            seed: 0,
            observed: vec![0.0, 0.1, 0.25],
            at_most: 200,
            cut: None,
            methods: vec![Law, GaussianProcess, MultiPowerLaw, SweepMean, LastValue],
        }
    }
}

impl FewRunsSettings {
    pub(super) fn check(&self) -> Result<()> {
        setting(
            "sizes",
            format!("{:?}", self.sizes),
            self.sizes.iter().all(|&size| size > 0),
            "give positive numbers",
        )?;
        setting("draws", self.draws, (1..=10_000).contains(&self.draws), "give between 1 and 10000")?;
        setting("at_most", self.at_most, self.at_most >= LEAST_OTHERS, "give at least 3")?;
        let fraction = |part: &f64| (0.0..1.0).contains(part);
        setting("observed", format!("{:?}", self.observed), self.observed.iter().all(fraction), "give parts in [0, 1)")
    }
}
