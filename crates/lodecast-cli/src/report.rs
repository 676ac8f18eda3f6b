//! Reports: what they are made of, and their one self-contained HTML page.
//!
//! A report is plain data: sections of prose, tables and figures. Colours are roles, not values, so that the page can follow the
//! reader's light or dark theme; every figure carries a sentence that says in words what it shows.

mod axis;
mod curves;
mod html;
mod number;
mod picture;
mod strip;
mod svg;

use std::fmt;

pub(crate) use axis::Axis;
pub(crate) use number::{learning_rate, probability, signed, significant};

/// A whole report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// What it is about.
    pub title: String,
    /// One sentence: what came out.
    pub verdict: String,
    /// How the verdict came out, which colours it.
    pub outcome: Outcome,
    /// A second sentence beside it: on what the verdict rests.
    pub basis: String,
    /// What was run: name and value.
    pub facts: Vec<(String, String)>,
    /// The parts, in reading order.
    pub sections: Vec<Section>,
}

/// How a comparison came out for lodecast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Better than the rival, beyond chance.
    Won,
    /// No difference beyond chance.
    #[default]
    Tied,
    /// Worse than the rival, beyond chance.
    Lost,
}

/// A part of a report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    /// Heading.
    pub title: String,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// A paragraph.
    Prose(String),
    /// A table.
    Table(Table),
    /// A figure.
    Figure(Figure),
    /// Terms and what they mean.
    Glossary(Vec<(String, String)>),
}

/// A table of text and numbers already put into words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// What it shows.
    pub caption: String,
    /// Headings; a column of numbers is set flush right.
    pub columns: Vec<Column>,
    /// Cells, row by row.
    pub rows: Vec<Row>,
}

/// A column's heading.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The words.
    pub heading: String,
    /// Numbers, or else text?
    pub numeric: bool,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// One cell a column.
    pub cells: Vec<String>,
    /// Set in bold?
    pub strong: bool,
    /// Colour of the mark before the first cell, where the row has a colour in the figures.
    pub color: Option<Color>,
}

impl Table {
    /// A table with these headings; one that starts with `#` is a column of numbers.
    pub(crate) fn new<'a>(caption: impl Into<String>, headings: impl IntoIterator<Item = &'a str>) -> Self {
        let columns = headings
            .into_iter()
            .map(|heading| match heading.strip_prefix('#') {
                Some(heading) => Column { heading: heading.to_owned(), numeric: true },
                None => Column { heading: heading.to_owned(), numeric: false },
            })
            .collect();
        Self { caption: caption.into(), columns, rows: Vec::new() }
    }

    /// Appends a row.
    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = String>) -> &mut Row {
        self.rows.push(Row { cells: cells.into_iter().collect(), strong: false, color: None });
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }
}

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

impl Report {
    /// The report as one HTML page that needs nothing else.
    pub(crate) fn to_html(&self) -> String {
        html::page(self)
    }

    /// The drawings in it, each with a name for its file.
    pub(crate) fn to_pictures(&self) -> Vec<(String, String)> {
        picture::pictures(self)
    }
}
