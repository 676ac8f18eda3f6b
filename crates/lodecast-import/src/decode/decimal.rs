//! How a table writes its numbers: which mark separates decimals, and which thousands.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord};

/// Rows that are looked at to tell.
const LOOKED_AT: usize = 200;

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// Nothing told: as programs write them.
    #[default]
    Untold,
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

impl Decimal {
    /// How the table that begins so writes its numbers, its columns separated by `delimiter`.
    pub(crate) fn of(start: &[u8], delimiter: u8) -> Self {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(start);
        let (mut record, mut rows) = (StringRecord::new(), 0);
        let (mut point, mut comma) = (false, false);
        while rows < LOOKED_AT && reader.read_record(&mut record).unwrap_or(false) {
            rows += 1;
            for field in &record {
                comma |= separates_decimals(field, ',');
                point |= separates_decimals(field, '.');
            }
        }
        match (point, comma) {
            (true, false) => Self::Point,
            (false, true) => Self::Comma,
            _ => Self::Untold,
        }
    }

    /// A number as programs write it: without marks between thousands, and with a point.
    pub(crate) fn plain(self, text: &str) -> Cow<'_, str> {
        let (thousands, decimals) = match self {
            Self::Untold => return Cow::Borrowed(text),
            Self::Point => (',', '.'),
            Self::Comma => ('.', ','),
        };
        if !text.contains([',', '.']) {
            return Cow::Borrowed(text);
        }
        let (whole, rest) = text.split_once(decimals).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let whole = match ungrouped(whole, thousands) {
            Some(whole) => Cow::Owned(whole),
            None if whole.contains(thousands) => return Cow::Borrowed(text),
            None => Cow::Borrowed(whole),
        };
        match rest {
            Some(rest) if is_whole(whole.trim_start_matches(['+', '-'])) => Cow::Owned(format!("{whole}.{rest}")),
            Some(_) => Cow::Borrowed(text),
            None => Cow::Owned(whole.into_owned()),
        }
    }
}

/// Is the text a number in which `mark` cannot stand between thousands?
fn separates_decimals(text: &str, mark: char) -> bool {
    let text = text.trim().trim_start_matches(['+', '-']);
    let Some((whole, rest)) = text.rsplit_once(mark) else { return false };
    let (digits, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(digits, power)| (digits, Some(power)));
    // A mark that separates decimals stands there once.
    let grouping = whole.contains(mark);
    let other = if mark == ',' { '.' } else { ',' };
    let is_number = is_whole(digits) && ungrouped(whole, other).is_some_and(|whole| is_whole(&whole));
    let is_number = is_number || (is_whole(digits) && is_whole(whole));
    let is_group = digits.len() == 3 && exponent.is_none() && whole.len() <= 3 && !whole.starts_with('0');
    is_number && !grouping && !is_group
}

/// The digits of a number in groups of three: `1.234.567`.
fn ungrouped(text: &str, mark: char) -> Option<String> {
    let digits = text.trim_start_matches(['+', '-']);
    let mut groups = digits.split(mark);
    let first = groups.next()?;
    let is_grouped = (1..=3).contains(&first.len()) && is_whole(first) && !first.starts_with('0');
    let mut count = 0;
    let all = groups.all(|group| {
        count += 1;
        group.len() == 3 && is_whole(group)
    });
    (is_grouped && all && count > 0).then(|| text.replace(mark, ""))
}

fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_are_told_by_numbers_that_leave_no_doubt() {
        for (table, delimiter, decimal) in [
            ("step;loss\n0;2,5\n1.000;1,25\n", b';', Decimal::Comma),
            ("step,loss\n0,\"2,5\"\n", b',', Decimal::Comma),
            ("step,ppl\n0,\"2,000.1\"\n\"1,000\",900.5\n", b',', Decimal::Point),
            ("step\tloss\n1.000\t2.500\n2.000\t0.125\n", b'\t', Decimal::Point),
            ("step;loss\n1;2\n", b';', Decimal::Untold),
            ("step;loss;lr\n1;2,5;0.1\n", b';', Decimal::Untold),
            ("step,ppl\n0,\"2,000\"\n", b',', Decimal::Untold),
        ] {
            assert_eq!(Decimal::of(table.as_bytes(), delimiter), decimal, "{table}");
        }
    }

    #[test]
    fn marks_between_thousands_go_and_decimals_get_a_point() {
        for (text, plain) in [
            ("1.234,5", "1234.5"),
            ("1.000", "1000"),
            ("1.234.567", "1234567"),
            ("-1.234,5", "-1234.5"),
            ("0,5", "0.5"),
            ("1,5e-4", "1.5e-4"),
            ("12", "12"),
            ("word", "word"),
            ("1.2.3", "1.2.3"),
            ("a,b", "a,b"),
        ] {
            assert_eq!(Decimal::Comma.plain(text), plain, "{text}");
        }
        for (text, plain) in
            [("1,234.5", "1234.5"), ("1,000", "1000"), ("2.125", "2.125"), ("1,5", "1,5"), (".5", ".5")]
        {
            assert_eq!(Decimal::Point.plain(text), plain, "{text}");
        }
        assert_eq!(Decimal::Untold.plain("1.000"), "1.000");
    }
}
