//! Numbers in words: as many digits as they deserve, the same everywhere.

/// `value` with `digits` significant digits, without trailing zeros beyond the point where it is an integer.
pub(crate) fn significant(value: f64, digits: u8) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if (-4..=6).contains(&magnitude) {
        let decimals = (i32::from(digits) - 1 - magnitude).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        scientific(value, digits.saturating_sub(1).into())
    }
}

/// `value` with an explicit sign and `decimals` digits after the point.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{value:+.decimals$}");
    // A difference that rounds to zero has no sign worth showing.
    if text[1..].chars().all(|c| matches!(c, '0' | '.')) { text[1..].to_owned() } else { text }
}

/// A learning rate, to four digits at most: plain between 0.001 and 1000, else as a power of ten.
pub(crate) fn learning_rate(value: f64) -> String {
    if value == 0.0 || (1e-3..1e3).contains(&value.abs()) {
        let decimals = if value == 0.0 { 0 } else { (3 - value.abs().log10().floor() as i32).max(0) as usize };
        trimmed(&format!("{value:.decimals$}"))
    } else {
        scientific(value, 2)
    }
}

/// A p-value.
pub(crate) fn probability(value: f64) -> String {
    if value.is_nan() {
        "n/a".to_owned()
    } else if value < 1e-3 {
        "< 0.001".to_owned()
    } else if value < 0.1 {
        format!("{value:.3}")
    } else {
        format!("{value:.2}")
    }
}

/// Mantissa and power of ten, the mantissa without trailing zeros: `3e-4`.
fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{exponent}", trimmed(mantissa))
}

/// Without trailing zeros after the point.
fn trimmed(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    let cut = text.trim_end_matches('0').trim_end_matches('.');
    if cut.is_empty() || cut == "-" || cut == "-0" { "0" } else { cut }.to_owned()
}

/// A text with its numbers as they are printed in books: a minus sign that is as wide as a plus, powers of ten as such. For eyes
/// only: what can be copied keeps to what programs read.
pub(super) fn typeset(text: &str) -> String {
    text.split(' ').map(typeset_word).collect::<Vec<_>>().join(" ")
}

fn typeset_word(word: &str) -> String {
    let (opening, inner) = word.strip_prefix('(').map_or(("", word), |inner| ("(", inner));
    let (number, closing) = inner.strip_suffix(')').map_or((inner, ""), |number| (number, ")"));
    if number.parse::<f64>().is_err() {
        return word.to_owned();
    }
    let minus = |text: &str| text.replace('-', "−");
    let typeset = match number.split_once('e') {
        Some((mantissa, exponent)) => {
            let power: String = exponent.chars().map(superscript).collect();
            if mantissa == "1" { format!("10{power}") } else { format!("{}×10{power}", minus(mantissa)) }
        }
        None => minus(number),
    };
    format!("{opening}{typeset}{closing}")
}

fn superscript(c: char) -> char {
    match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        _ => c.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(significant(0.942_51, 4), "0.9425");
        assert_eq!(significant(-12.345, 3), "-12.3");
        assert_eq!(significant(1_234_567.0, 3), "1234567");
        assert_eq!(significant(3.2e-9, 2), "3.2e-9");
        assert_eq!(signed(-0.003_21, 4), "-0.0032");
        assert_eq!(signed(0.000_01, 3), "0.000");
        assert_eq!(learning_rate(0.003), "0.003");
        assert_eq!(learning_rate(0.127_086), "0.1271");
        assert_eq!(learning_rate(0.0), "0");
        assert_eq!(learning_rate(2.5e-4), "2.5e-4");
        assert_eq!(learning_rate(1e-5), "1e-5");
        assert_eq!(probability(0.000_4), "< 0.001");
        assert_eq!(probability(0.034), "0.034");
    }

    #[test]
    fn every_number_can_be_pasted_back() {
        for value in [2.5e-4, -3.2e-9, 0.127_086, 1e-5, -12.345, 1_234_567.0, 6.02e23, 0.0] {
            for text in [learning_rate(value), significant(value, 4), signed(value, 12)] {
                let read: f64 = text.parse().unwrap();
                assert!((read - value).abs() <= 1e-2 * value.abs() + 1e-12, "{text}");
            }
        }
    }

    #[test]
    fn numbers_are_typeset_for_eyes() {
        for (text, typeset_text) in [
            ("-0.57 pp", "−0.57 pp"),
            ("2.5e-4", "2.5×10⁻⁴"),
            ("1e-5 (-0.16)", "10⁻⁵ (−0.16)"),
            ("-0.12 to +1.26", "−0.12 to +1.26"),
            ("one-cycle 0.16", "one-cycle 0.16"),
            ("7/0/3", "7/0/3"),
            ("-", "-"),
        ] {
            assert_eq!(typeset(text), typeset_text);
        }
    }
}
