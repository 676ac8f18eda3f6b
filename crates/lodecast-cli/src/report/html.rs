//! Writes a report as one HTML page with its style and drawings inside.

use std::fmt::Write;

use super::document::{Block, Outcome, Report, Section};
use super::figure::{Figure, Mark, Panel, Plot, Size};
use super::number::typeset;
use super::svg::escaped;
use super::table::Table;
use super::{curves, strip};

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut page = String::new();
    let title = escaped(&report.title);
    put(
        &mut page,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<p class=\"brand\">lodecast</p>\n<h1>{title}</h1>\n"
        ),
    );
    let outcome = match report.outcome {
        Outcome::Won => "won",
        Outcome::Tied => "tied",
        Outcome::Lost => "lost",
    };
    if !report.verdict.is_empty() {
        put(
            &mut page,
            format_args!(
                "<div class=\"verdict {outcome}\">\n<p class=\"outcome\">{outcome}</p>\n<p class=\"sentence\">{}</p>\n<p class=\"basis\">{}</p>\n</div>\n",
                escaped(&report.verdict),
                escaped(&report.basis)
            ),
        );
    }
    if !report.facts.is_empty() {
        page.push_str("<dl class=\"facts\">\n");
        for (name, value) in &report.facts {
            put(&mut page, format_args!("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(value)));
        }
        page.push_str("</dl>\n");
    }
    if report.sections.len() > 1 {
        page.push_str("<nav aria-label=\"Sections\">\n");
        for (index, section) in report.sections.iter().enumerate() {
            put(&mut page, format_args!("<a href=\"#s{index}\">{}</a>\n", escaped(&section.title)));
        }
        page.push_str("</nav>\n");
    }
    page.push_str("</header>\n<main>\n");
    for (index, section) in report.sections.iter().enumerate() {
        put_section(&mut page, section, index);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// Appends to the page; writing to a string cannot fail.
fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

fn put_section(page: &mut String, section: &Section, index: usize) {
    put(page, format_args!("<section id=\"s{index}\">\n<h2>{}</h2>\n", escaped(&section.title)));
    for (number, block) in section.blocks.iter().enumerate() {
        match block {
            Block::Prose(text) => put(page, format_args!("<p>{}</p>\n", escaped(text))),
            Block::Table(table) => put_table(page, table),
            Block::Figure(figure) => put_figure(page, figure, &format!("s{index}f{number}")),
            Block::Glossary(terms) => {
                page.push_str("<dl class=\"glossary\">\n");
                for (term, meaning) in terms {
                    put(page, format_args!("<dt>{}</dt><dd>{}</dd>\n", escaped(term), escaped(meaning)));
                }
                page.push_str("</dl>\n");
            }
        }
    }
    page.push_str("</section>\n");
}

fn put_table(page: &mut String, table: &Table) {
    page.push_str("<div class=\"scroll\"><table>\n");
    if !table.caption.is_empty() {
        put(page, format_args!("<caption>{}</caption>\n", escaped(&table.caption)));
    }
    page.push_str("<thead><tr>");
    let class = |numeric: bool| if numeric { " class=\"number\"" } else { "" };
    for column in &table.columns {
        put(page, format_args!("<th scope=\"col\"{}>{}</th>", class(column.numeric), escaped(&column.heading)));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str(if row.strong { "<tr class=\"strong\">" } else { "<tr>" });
        for (index, (cell, column)) in row.cells.iter().zip(&table.columns).enumerate() {
            let mark = match row.color {
                Some(color) if index == 0 => format!("<i class=\"key dot {color}\"></i>"),
                _ => String::new(),
            };
            let content = if column.numeric { typeset(cell) } else { cell.clone() };
            let (open, close) = if index == 0 { ("th scope=\"row\"", "th") } else { ("td", "td") };
            put(page, format_args!("<{open}{}>{mark}{}</{close}>", class(column.numeric), escaped(&content)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
}

/// The drawing of a panel. `id` is unique where it stands; `label` is read out instead of it.
pub(super) fn drawing(panel: &Panel, id: &str, label: &str) -> String {
    match &panel.plot {
        Plot::Curves(plot) => curves::draw(plot, panel.size, id, label),
        Plot::Strip(plot) => strip::draw(plot, label),
    }
}

fn put_figure(page: &mut String, figure: &Figure, id: &str) {
    put(page, format_args!("<figure>\n<h3>{}</h3>\n", escaped(&figure.title)));
    if !figure.reading.is_empty() {
        put(page, format_args!("<figcaption>{}</figcaption>\n", escaped(&figure.reading)));
    }
    if !figure.keys.is_empty() {
        page.push_str("<ul class=\"keys\">\n");
        for key in &figure.keys {
            let mark = match key.mark {
                Mark::Line => "line",
                Mark::Dashes => "dashes",
                Mark::Area => "area",
                Mark::Dot => "dot",
            };
            put(page, format_args!("<li><i class=\"key {mark} {}\"></i>{}</li>\n", key.color, escaped(&key.label)));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("<div class=\"panels\">\n");
    for (index, panel) in figure.panels.iter().enumerate() {
        let size = match panel.size {
            Size::Small => "small",
            Size::Half => "half",
            Size::Wide => "wide",
        };
        let label = if panel.title.is_empty() { &figure.title } else { &panel.title };
        let drawing = drawing(panel, &format!("{id}p{index}"), label);
        put(page, format_args!("<div class=\"panel {size}\">"));
        if !panel.title.is_empty() {
            put(page, format_args!("<h4>{}</h4>", escaped(&panel.title)));
        }
        put(page, format_args!("{drawing}</div>\n"));
    }
    page.push_str("</div>\n</figure>\n");
}
