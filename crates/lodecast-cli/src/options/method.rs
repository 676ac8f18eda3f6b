//! The methods of a comparison on the command line.

use std::str::FromStr;

use lodecast_lab::{OptimizerKind, Rival};

/// A method on the command line: a rival's name, with or without a rate, or `all`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MethodOption {
    /// The rival; `None` for all that suit the optimizer.
    pub rival: Option<Rival>,
    /// Its rate, if not the sweep's.
    pub rate: Option<f64>,
}

impl MethodOption {
    /// The best cosine of the sweep.
    pub(crate) const COSINE: Self = Self { rival: Some(Rival::COSINE), rate: None };

    /// One option a rival.
    pub(crate) fn expanded(self, optimizer: OptimizerKind) -> Vec<Self> {
        match self.rival {
            Some(_) => vec![self],
            None => Rival::ALL
                .into_iter()
                .filter(|rival| rival.suits(optimizer))
                .map(|rival| Self { rival: Some(rival), rate: None })
                .collect(),
        }
    }
}

impl FromStr for MethodOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self { rival: None, rate: None });
        }
        let (name, rate) = text.split_once(':').map_or((text, None), |(name, rate)| (name, Some(rate)));
        let rival = name.parse().map_err(|error: lodecast_lab::Error| error.to_string())?;
        let number = |text: &str| match text.parse::<f64>() {
            Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
            _ => Err(format!("'{text}' is no learning rate: write NAME or NAME:RATE")),
        };
        Ok(Self { rival: Some(rival), rate: rate.map(number).transpose()? })
    }
}
