//! What the texts in tables mean: a number, a gap, or a word.

use lodecast_sweep_file::Cell;

/// What a cell of a table says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning<'a> {
    /// Nothing was measured.
    Gap,
    /// A number, NaN and infinities included.
    Number(f64),
    /// Something else.
    Word(&'a str),
}

/// What a text says. Keras writes `NA` where nothing was measured, pandas `<NA>`, spreadsheets `#N/A`, others `None` or `null`. A number may be in the dress in which
/// a program printed it.
pub(crate) fn meaning(text: &str) -> Meaning<'_> {
    let text = text.trim();
    match text {
        "" | "NA" | "N/A" | "n/a" | "#N/A" | "<NA>" | "None" | "none" | "null" | "NULL" | "-" | "--" | "?" => {
            Meaning::Gap
        }
        _ => text.parse().ok().or_else(|| dressed(text)).map_or(Meaning::Word(text), Meaning::Number),
    }
}

/// The number in a text such as `tensor(2.3, device='cuda:0')`, `np.float64(2.3)` or `[0.1]`, or what C libraries write for what
/// is none: `-nan(ind)`, `1.#QNAN`, `-1.#INF`.
fn dressed(text: &str) -> Option<f64> {
    let (negative, bare) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let sign = if negative { -1.0 } else { 1.0 };
    if let Some(kind) = bare.strip_prefix("1.#") {
        let kind = kind.trim_end_matches('0');
        return match kind {
            "INF" => Some(sign * f64::INFINITY),
            "QNAN" | "SNAN" | "IND" | "NAN" => Some(f64::NAN),
            _ => None,
        };
    }
    if bare.ends_with(')') && bare.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("nan(")) {
        return Some(f64::NAN);
    }
    match numbers(text)?.as_slice() {
        [number] => Some(*number),
        _ => None,
    }
}

/// Types whose values are printed with their name.
const PRINTED: &[&str] = &[
    "tensor",
    "Tensor",
    "tf.Tensor",
    "array",
    "Array",
    "DeviceArray",
    "np.float64",
    "np.float32",
    "np.float16",
    "np.array",
    "numpy.float64",
    "float",
    "Decimal",
];

/// As many numbers a list has at most that is read as such; a longer one is no list of parameter groups.
const LONGEST: usize = 64;

/// The numbers in a list that a program printed: `[0.1, 0.01]`, `(0.1,)`, `array([0.1 0.01])`.
pub(crate) fn numbers(text: &str) -> Option<Vec<f64>> {
    let text = text.trim();
    let (kind, inner) = match text.as_bytes().last()? {
        b')' => text.strip_suffix(')')?.split_once('(')?,
        b']' => ("", text),
        _ => return None,
    };
    if !kind.is_empty() && !PRINTED.contains(&kind) {
        return None;
    }
    let inner = inner.trim();
    let listed = match inner.strip_prefix('[') {
        Some(list) => list.split_once(']')?.0,
        // What follows says where the value is and of what type.
        None if !kind.is_empty() => inner.split(',').next().unwrap_or_default(),
        None => inner,
    };
    let found = listed.split([',', ' ']).map(str::trim).filter(|number| !number.is_empty()).take(LONGEST + 1);
    let found: Vec<f64> = found.map(|number| number.parse().ok()).collect::<Option<_>>()?;
    (1..=LONGEST).contains(&found.len()).then_some(found)
}

/// What a cell says.
pub(crate) fn meaning_of<'a>(cell: &Cell<'a>) -> Meaning<'a> {
    match *cell {
        Cell::Text(text) => meaning(text),
        Cell::Absent | Cell::Other(_) => Meaning::Gap,
        Cell::Unsigned(value) => Meaning::Number(value as f64),
        Cell::Negative(value) => Meaning::Number(value as f64),
        Cell::Float(value) => Meaning::Number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_in_any_dress() {
        for text in
            ["0.5", " 0.5 ", "[0.5]", "(0.5,)", "tensor(0.5, device='cuda:0')", "np.float64(0.5)", "tensor([0.5])"]
        {
            assert_eq!(meaning(text), Meaning::Number(0.5), "{text}");
        }
        assert_eq!(meaning("tf.Tensor(0.5, shape=(), dtype=float32)"), Meaning::Number(0.5));
        assert_eq!(meaning("-1.#INF00"), Meaning::Number(f64::NEG_INFINITY));
        for text in ["-nan(ind)", "nan(0x1)", "1.#QNAN0", "-1.#IND"] {
            assert!(matches!(meaning(text), Meaning::Number(number) if number.is_nan()), "{text}");
        }
        for text in ["diverged", "f(0.5)", "[a]", "[]", "()", "(", "]", "[0.1, 0.2]", "1.#", "nan("] {
            assert_eq!(meaning(text), Meaning::Word(text));
        }
        assert_eq!(numbers("[0.1, 0.01]"), Some(vec![0.1, 0.01]));
        assert_eq!(numbers("array([0.1 0.01])"), Some(vec![0.1, 0.01]));
    }
}
