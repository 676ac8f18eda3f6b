//! What a report is made of: sections of prose, tables and figures.

use super::figure::Figure;
use super::table::Table;

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
