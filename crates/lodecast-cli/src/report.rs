//! Reports: what they are made of, and their one self-contained HTML page.
//!
//! A report is plain data: sections of prose, tables and figures. Colours are roles, not values, so that the page can follow the
//! reader's light or dark theme; every figure carries a sentence that says in words what it shows.

mod axis;
mod color;
mod curves;
mod document;
mod figure;
mod html;
mod number;
mod picture;
mod strip;
mod svg;
mod table;

pub(crate) use axis::Axis;
pub(crate) use color::Color;
pub(crate) use document::{Block, Outcome, Report, Section};
pub(crate) use figure::{Band, Curves, Figure, Guide, Key, Mark, Panel, Plot, Series, Size, Strip, StripRow, Weight};
pub(crate) use number::{learning_rate, probability, signed, significant};
pub(crate) use table::Table;

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
