//! [`Color`]: colours by their role.

use std::fmt;

/// A colour by its role; the page's theme gives it a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Color {
    /// One of eight hues that colour-blind readers can tell apart.
    Hue(usize),
    /// A shade of an ordered scale, 0 (low) to 1 (high).
    Shade(f64),
    /// The colour of text.
    Ink,
    /// Background information.
    Muted,
}

impl fmt::Display for Color {
    /// The class that carries the colour in the page.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Color::Hue(index) => write!(f, "hue{}", index % 8),
            Color::Shade(place) => write!(f, "shade{}", (place.clamp(0.0, 1.0) * 6.0).round() as usize),
            Color::Ink => f.write_str("ink"),
            Color::Muted => f.write_str("muted"),
        }
    }
}
