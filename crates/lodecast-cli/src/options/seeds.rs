//! Seeds on the command line, in the same words for every command: how many, or which.

use std::fmt;
use std::str::FromStr;

use lodecast::Sweep;

/// Where seeds start that test what a sweep taught; sweeps count theirs from 0.
pub(crate) const FIRST_FRESH_SEED: u64 = 100;
/// Most seeds at a time.
const MOST: u64 = 10_000;

/// Seeds in the order they are used in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

/// What was asked for: a number alone is how many seeds; `0,1,5`, `100-104` (both ends included) and mixtures say which, `7-7`
/// the one seed 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SeedChoice {
    /// So many, from wherever the command starts counting.
    Count(u64),
    /// These.
    These(Seeds),
}

impl SeedChoice {
    /// The seeds of a sweep: as many as asked for from 0 on.
    pub(crate) fn of_sweep(&self) -> Seeds {
        self.counted_from(0, |_| true)
    }

    /// Seeds that test what a sweep taught: as many as asked for from 100 on, without those of the sweep.
    pub(crate) fn fresh(&self, sweep: &Sweep) -> Seeds {
        self.counted_from(FIRST_FRESH_SEED, |seed| sweep.runs.iter().all(|run| run.attributes.seed != Some(seed)))
    }

    fn counted_from(&self, first: u64, suits: impl Fn(u64) -> bool) -> Seeds {
        match self {
            Self::These(seeds) => seeds.clone(),
            Self::Count(count) => Seeds((first..).filter(|&seed| suits(seed)).take(*count as usize).collect()),
        }
    }
}

impl FromStr for SeedChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().parse::<u64>() {
            Ok(count @ 1..=MOST) => return Ok(Self::Count(count)),
            Ok(count) => {
                return Err(format!(
                    "a number alone is how many seeds, from 1 to {MOST}; the one seed {count} is written {count}-{count}"
                ));
            }
            Err(_) => {}
        }
        let number = |text: &str| {
            let wrong = |_| format!("'{text}' is no seed: write how many (5), or which (0,1,5 or 100-104)");
            text.trim().parse::<u64>().map_err(wrong)
        };
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last || last - first >= MOST {
                return Err(format!("'{part}': the first seed of a range comes first, and it has at most {MOST}"));
            }
            seeds.extend(first..=last);
        }
        Ok(Self::These(Seeds(seeds)))
    }
}

impl fmt::Display for Seeds {
    /// A row of neighbours as a range.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) if self.0.len() > 2 && self.0.windows(2).all(|pair| pair[1] == pair[0] + 1) => {
                write!(f, "{first}-{last}")
            }
            _ => f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use lodecast::Run;

    use super::*;

    fn read(text: &str) -> Result<Vec<u64>, String> {
        text.parse::<SeedChoice>().map(|choice| choice.of_sweep().0)
    }

    #[test]
    fn a_number_is_how_many_and_everything_else_which() {
        assert_eq!(read("3"), Ok(vec![0, 1, 2]));
        assert_eq!(read("7-7"), Ok(vec![7]));
        assert_eq!(read("1,3-5, 9"), Ok(vec![1, 3, 4, 5, 9]));
        for bad in ["", "x", "5-3", "1-", "0-99999999999", "1,,2", "99999999999"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("0").is_err_and(|error| error.contains("written 0-0")));
    }

    #[test]
    fn fresh_seeds_are_none_of_the_sweeps() {
        let mut sweep = Sweep::new(Vec::new());
        sweep.runs.push(Run::new("run", 0));
        sweep.runs[0].attributes.seed = Some(101);
        let fresh = |text: &str| text.parse::<SeedChoice>().unwrap().fresh(&sweep).0;
        assert_eq!(fresh("3"), [100, 102, 103]);
        assert_eq!(fresh("101,7"), [101, 7], "what was named is taken; the comparison refuses it");
    }

    #[test]
    fn neighbours_are_shown_as_a_range() {
        assert_eq!(Seeds(vec![100, 101, 102]).to_string(), "100-102");
        assert_eq!(Seeds(vec![1, 5]).to_string(), "1,5");
    }
}
