//! A learning rate that was not recorded, rebuilt from the settings of its run.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lodecast::{Family, Schedule};

use crate::error::{Error, Result};

/// How the learning rate of a run follows from its settings:
/// `FAMILY[,peak=RATE|,peak-from=SETTING][,warmup=AMOUNT|,warmup-from=SETTING]`.
///
/// An amount below 1 is a fraction of the run, one from 1 on a number of steps. The warm-up rises linearly from zero and
/// takes a whole number of steps; the family's own curve follows over the rest. Without a peak it is that of the run's settings
/// of a usual name.
#[derive(Clone, Debug, PartialEq)]
pub struct RateSchedule {
    family: Family,
    peak: Option<Amount>,
    warmup: Option<Amount>,
}

/// A number, or the setting that holds it.
#[derive(Clone, Debug, PartialEq)]
enum Amount {
    Number(f64),
    Setting(String),
}

impl RateSchedule {
    /// The settings it is rebuilt from.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        [self.peak.as_ref(), self.warmup.as_ref()].into_iter().flatten().filter_map(|amount| match amount {
            Amount::Setting(name) => Some(name.as_str()),
            Amount::Number(_) => None,
        })
    }

    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The schedule of a run of `total_steps` with these settings, and this peak where the schedule names none.
    pub(crate) fn of(
        &self,
        settings: &BTreeMap<String, String>,
        usual_peak: Option<f64>,
        total_steps: u64,
    ) -> Result<Schedule, String> {
        let peak = match &self.peak {
            Some(peak) => peak.of(settings)?,
            None => {
                usual_peak.ok_or("no setting of it has a usual name of a peak rate: name it with peak-from=SETTING")?
            }
        };
        let schedule = Schedule::parametric(self.family, peak);
        let schedule = match &self.warmup {
            None => Ok(schedule),
            Some(amount) => {
                let amount = amount.of(settings)?;
                // Frameworks count the warm-up in whole steps: optax with int(fraction * steps), for example.
                let steps = if amount < 1.0 { (amount * total_steps as f64).floor() } else { amount.floor() };
                schedule.with_warmup(steps / total_steps.max(1) as f64)
            }
        };
        let schedule = schedule.and_then(|schedule| schedule.check().map(|()| schedule));
        schedule.map_err(|error| error.to_string())
    }
}

impl Amount {
    fn of(&self, settings: &BTreeMap<String, String>) -> Result<f64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Setting(name) => {
                let text = settings.get(name).ok_or_else(|| format!("it has no setting '{name}'"))?;
                text.trim().parse().map_err(|_| format!("its setting {name} = '{text}' is not a number"))
            }
        }
    }
}

impl FromStr for RateSchedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |question: String| Error::Undecided {
            place: format!("--lr-schedule {text}"),
            question,
            remedy:
                "write for example 'cosine,peak-from=learning_rate,warmup-from=warmup_factor' or 'constant,peak=0.1'"
                    .to_owned(),
        };
        let mut parts = text.split(',').map(str::trim);
        let family =
            parts.next().unwrap_or_default().parse().map_err(|error: lodecast::Error| wrong(error.to_string()))?;
        let (mut peak, mut warmup) = (None, None);
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| wrong(format!("'{part}' is not NAME=VALUE")))?;
            let number = || value.parse().map(Amount::Number).map_err(|_| wrong(format!("'{value}' is not a number")));
            match key {
                "peak" => peak = Some(number()?),
                "peak-from" => peak = Some(Amount::Setting(value.to_owned())),
                "warmup" => warmup = Some(number()?),
                "warmup-from" => warmup = Some(Amount::Setting(value.to_owned())),
                _ => return Err(wrong(format!("'{key}' is none of peak, peak-from, warmup, warmup-from"))),
            }
        }
        Ok(Self { family, peak, warmup })
    }
}

impl fmt::Display for RateSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.family)?;
        match &self.peak {
            None => {}
            Some(Amount::Number(number)) => write!(f, ",peak={number}")?,
            Some(Amount::Setting(name)) => write!(f, ",peak-from={name}")?,
        }
        match &self.warmup {
            None => Ok(()),
            Some(Amount::Number(number)) => write!(f, ",warmup={number}"),
            Some(Amount::Setting(name)) => write!(f, ",warmup-from={name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_takes_whole_steps_as_in_optax() {
        let schedule: RateSchedule = "cosine,peak-from=learning_rate,warmup-from=warmup_factor".parse().unwrap();
        let settings = BTreeMap::from([
            ("learning_rate".to_owned(), "0.002".to_owned()),
            ("warmup_factor".to_owned(), "0.0255".to_owned()),
        ]);
        let rate = |step: u64| schedule.of(&settings, None, 1000).unwrap().at_step(step, 1000);
        // optax.join_schedules([linear_schedule(0, 0.002, 25), cosine_decay_schedule(0.002, 975)], [25])
        assert!((rate(10) - 0.002 * 10.0 / 25.0).abs() < 1e-15);
        assert_eq!(rate(25), 0.002);
        let expected = 0.002 * 0.5 * (1.0 + (std::f64::consts::PI * 475.0 / 975.0).cos());
        assert!((rate(500) - expected).abs() < 1e-15);
        assert_eq!(rate(1000), 0.0);
    }

    #[test]
    fn what_is_missing_is_named() {
        for bad in ["sine,peak=1", "cosine,peak", "cosine,peak=high", "cosine,height=1"] {
            assert!(bad.parse::<RateSchedule>().is_err(), "{bad}");
        }
        let schedule: RateSchedule = "constant,peak-from=lr".parse().unwrap();
        assert_eq!(schedule.to_string(), "constant,peak-from=lr");
        assert!(schedule.of(&BTreeMap::new(), None, 10).unwrap_err().contains("'lr'"));
        let usual: RateSchedule = "cosine".parse().unwrap();
        assert!(usual.of(&BTreeMap::new(), None, 10).unwrap_err().contains("peak-from"));
        assert_eq!(usual.of(&BTreeMap::new(), Some(0.1), 10).unwrap(), Schedule::cosine(0.1));
    }
}
