//! Figures of a report: panels with plots, as plain data.

use super::axis::Axis;
use super::color::Color;

/// One or more panels that share their keys and are read together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figure {
    /// What it shows.
    pub title: String,
    /// What is to be seen in it, in words and numbers; stands beside it and is read out in its place.
    pub reading: String,
    /// The legend.
    pub keys: Vec<Key>,
    /// The panels.
    pub panels: Vec<Panel>,
}

/// An entry of a legend.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Name.
    pub label: String,
    /// Colour.
    pub color: Color,
    /// What it looks like in the plot.
    pub mark: Mark,
}

/// The shapes data takes in a plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A solid line.
    Line,
    /// A dashed line.
    Dashes,
    /// A filled range.
    Area,
    /// A dot.
    Dot,
}

/// A plot with its own title.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Title, where the figure has several panels.
    pub title: String,
    /// The plot.
    pub plot: Plot,
    /// How much room it takes.
    pub size: Size,
}

/// How much room a panel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// A third of the page's width.
    Small,
    /// Half of it.
    Half,
    /// All of it.
    Wide,
}

/// The kinds of plot.
#[derive(Clone, Debug)]
pub(crate) enum Plot {
    /// Lines, ranges and dots over two axes.
    Curves(Curves),
    /// One row a category: a dot a measurement, their mean and its confidence interval.
    Strip(Strip),
}

/// Lines, ranges and dots over two axes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Curves {
    /// Across.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// Filled ranges, drawn first.
    pub bands: Vec<Band>,
    /// Straight lines for orientation.
    pub guides: Vec<Guide>,
    /// Lines and dots, the last on top.
    pub series: Vec<Series>,
}

/// A range around a curve.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    /// Colour.
    pub color: Color,
    /// Place, lower end and upper end.
    pub points: Vec<(f64, f64, f64)>,
}

/// A straight line for orientation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guide {
    /// Where both axes have the same value.
    Diagonal,
    /// At one place across.
    Vertical(f64),
}

/// A line or a set of dots.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Said when the pointer rests on it.
    pub label: String,
    /// Colour.
    pub color: Color,
    /// How it is drawn.
    pub mark: Mark,
    /// How much it stands out.
    pub weight: Weight,
    /// The points; a value that is not finite breaks the line.
    pub points: Vec<(f64, f64)>,
}

/// How much a series stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// One of many.
    Faint,
    /// One of a few.
    Normal,
    /// The one that matters.
    Strong,
}

/// One row a category.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strip {
    /// Across.
    pub x: Axis,
    /// Value to compare with, marked by a line from top to bottom.
    pub reference: Option<f64>,
    /// The categories, top to bottom.
    pub rows: Vec<StripRow>,
}

/// A category and its measurements.
#[derive(Clone, Debug)]
pub(crate) struct StripRow {
    /// Name.
    pub label: String,
    /// Colour.
    pub color: Color,
    /// Each measurement.
    pub values: Vec<f64>,
    /// Mean and half the width of its 95 % confidence interval.
    pub mean: Option<(f64, f64)>,
}
