//! What a column may hold, and what it is called.

use crate::names;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// One of the four columns of every sweep.
    Fixed(Fixed),
    /// The validation metric of this index.
    Metric(usize),
    /// The train loss, which is the metric of this index, too: of pretraining often nothing else is logged.
    LossAndMetric(usize),
    /// An attribute of the run.
    Attribute(Attribute),
    /// Nothing that is read.
    Ignored,
}

/// The four columns of every sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fixed {
    RunId,
    Step,
    TrainLoss,
    LearningRate,
}

impl Fixed {
    pub(crate) const ALL: [Fixed; 4] = [Fixed::RunId, Fixed::Step, Fixed::TrainLoss, Fixed::LearningRate];

    /// Name of the column in a file of lodecast's own.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fixed::RunId => "run_id",
            Fixed::Step => "step",
            Fixed::TrainLoss => "train_loss",
            Fixed::LearningRate => "learning_rate",
        }
    }

    /// What people and trackers call it, its proper name among it.
    pub(crate) fn aliases(self) -> &'static [&'static str] {
        match self {
            Fixed::RunId => names::RUN_ID,
            Fixed::Step => names::STEP,
            Fixed::TrainLoss => names::TRAIN_LOSS,
            Fixed::LearningRate => names::LEARNING_RATE,
        }
    }

    pub(crate) fn what(self) -> &'static str {
        match self {
            Fixed::RunId => "run id",
            Fixed::Step => "step",
            Fixed::TrainLoss => "train loss",
            Fixed::LearningRate => "learning rate",
        }
    }

    pub(crate) fn option(self) -> &'static str {
        match self {
            Fixed::RunId => "--run",
            Fixed::Step => "--step",
            Fixed::TrainLoss => "--loss",
            Fixed::LearningRate => "--lr",
        }
    }
}

/// A run attribute that a column may hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Attribute {
    Schedule,
    PeakLr,
    Seed,
    Optimizer,
    TotalSteps,
    Source,
    /// An entry of [`lodecast::Attributes::other`].
    Other(String),
}

impl Attribute {
    /// Those with a field of their own.
    pub(crate) const NAMED: [Attribute; 6] = [
        Attribute::Schedule,
        Attribute::PeakLr,
        Attribute::Seed,
        Attribute::Optimizer,
        Attribute::TotalSteps,
        Attribute::Source,
    ];

    /// Marks the columns of the others.
    pub(crate) const PREFIX: &'static str = "attribute.";

    /// Name of the column.
    pub(crate) fn column(&self) -> String {
        match self {
            Attribute::Schedule => "schedule".to_owned(),
            Attribute::PeakLr => "peak_lr".to_owned(),
            Attribute::Seed => "seed".to_owned(),
            Attribute::Optimizer => "optimizer".to_owned(),
            Attribute::TotalSteps => "total_steps".to_owned(),
            Attribute::Source => "source".to_owned(),
            Attribute::Other(name) => format!("{}{name}", Self::PREFIX),
        }
    }

    pub(crate) fn of(column: &str) -> Option<Self> {
        if let Some(name) = column.strip_prefix(Self::PREFIX) {
            return Some(Attribute::Other(name.to_owned()));
        }
        Self::NAMED.into_iter().find(|attribute| attribute.column() == column)
    }
}
