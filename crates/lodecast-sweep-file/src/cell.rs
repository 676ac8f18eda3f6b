//! One value of a table, and what it means as a number, a step or a text.

use std::borrow::Cow;

/// A value as a reader found it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing was measured: null, empty or left out.
    Absent,
    /// An integer that is not negative.
    Unsigned(u64),
    /// A negative integer.
    Negative(i64),
    /// A floating-point number, NaN and infinities included.
    Float(f64),
    /// A text, which may spell a number.
    Text(&'a str),
    /// Something that is never a value of a sweep, by the name of its type.
    Other(&'static str),
}

/// The cell is not of the kind asked for.
#[derive(Debug)]
pub struct Mismatch;

/// Largest integer below which every integer is a double: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'a> Cell<'a> {
    /// The cell as a measured number; nothing if it is absent.
    ///
    /// # Errors
    /// If it spells no number.
    pub fn number(self) -> Result<Option<f64>, Mismatch> {
        match self {
            Cell::Absent => Ok(None),
            Cell::Unsigned(value) => Ok(Some(value as f64)),
            Cell::Negative(value) => Ok(Some(value as f64)),
            Cell::Float(value) => Ok(Some(value)),
            Cell::Text(text) => match text.trim() {
                "" => Ok(None),
                text => text.parse().map(Some).map_err(|_| Mismatch),
            },
            Cell::Other(_) => Err(Mismatch),
        }
    }

    /// The cell as a count: a whole number from 0 on. Tables with gaps often hold counts as 12.0.
    ///
    /// # Errors
    /// If it spells no such number.
    pub fn count(self) -> Result<Option<u64>, Mismatch> {
        match self {
            Cell::Absent => Ok(None),
            Cell::Unsigned(value) => Ok(Some(value)),
            Cell::Float(value) => whole(value).map(Some),
            Cell::Text(text) => match text.trim() {
                "" => Ok(None),
                text => match text.parse() {
                    Ok(value) => Ok(Some(value)),
                    Err(_) => whole(text.parse().map_err(|_| Mismatch)?).map(Some),
                },
            },
            Cell::Negative(_) | Cell::Other(_) => Err(Mismatch),
        }
    }

    /// The cell as a text; an empty one counts as absent.
    ///
    /// # Errors
    /// If it is of a type that has no text.
    pub fn text(self) -> Result<Option<Cow<'a, str>>, Mismatch> {
        match self {
            Cell::Absent | Cell::Text("") => Ok(None),
            Cell::Text(text) => Ok(Some(Cow::Borrowed(text))),
            Cell::Unsigned(value) => Ok(Some(Cow::Owned(value.to_string()))),
            Cell::Negative(value) => Ok(Some(Cow::Owned(value.to_string()))),
            Cell::Float(value) => Ok(Some(Cow::Owned(match whole(value) {
                Ok(count) => count.to_string(),
                Err(Mismatch) => ryu::Buffer::new().format(value).to_owned(),
            }))),
            Cell::Other(_) => Err(Mismatch),
        }
    }

    /// The cell as shown in an error.
    pub fn describe(self) -> String {
        match self {
            Cell::Absent => "nothing".to_owned(),
            Cell::Unsigned(value) => value.to_string(),
            Cell::Negative(value) => value.to_string(),
            Cell::Float(value) => value.to_string(),
            Cell::Text(text) => crate::error::shorten(text),
            Cell::Other(kind) => kind.to_owned(),
        }
    }
}

fn whole(value: f64) -> Result<u64, Mismatch> {
    if value.fract() == 0.0 && (0.0..=EXACT).contains(&value) { Ok(value as u64) } else { Err(Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_spells_numbers_and_what_is_not_finite() {
        assert_eq!(Cell::Text(" 1e-3 ").number().unwrap(), Some(1e-3));
        assert!(Cell::Text("NaN").number().unwrap().unwrap().is_nan());
        assert_eq!(Cell::Text("-inf").number().unwrap(), Some(f64::NEG_INFINITY));
        assert_eq!(Cell::Text("Infinity").number().unwrap(), Some(f64::INFINITY));
        assert_eq!(Cell::Text("").number().unwrap(), None);
        assert!(Cell::Text("n/a").number().is_err());
    }

    #[test]
    fn a_count_is_whole_and_exact() {
        assert_eq!(Cell::Text("18446744073709551615").count().unwrap(), Some(u64::MAX));
        assert_eq!(Cell::Text("12.0").count().unwrap(), Some(12));
        assert_eq!(Cell::Float(12.0).count().unwrap(), Some(12));
        for bad in [Cell::Float(0.5), Cell::Float(f64::NAN), Cell::Float(1e17), Cell::Negative(-1), Cell::Text("-1")] {
            assert!(bad.count().is_err(), "{bad:?}");
        }
    }
}
