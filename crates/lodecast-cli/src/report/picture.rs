//! Writes the drawings of a report as pictures of their own, each a self-contained SVG file.

use super::document::{Block, Report};
use super::html::drawing;

/// What drawings take from the page's style: colours by role for light and dark, lines, texts.
const STYLE: &str = include_str!("style.css");
const FONT: &str =
    "svg { font-family: Inter, system-ui, \"Segoe UI\", Roboto, \"Liberation Sans\", Arial, sans-serif; }";

/// Each panel's file name and picture.
pub(super) fn pictures(report: &Report) -> Vec<(String, String)> {
    let mut pictures: Vec<(String, String)> = Vec::new();
    let blocks = report.sections.iter().flat_map(|section| &section.blocks);
    for figure in blocks.filter_map(|block| if let Block::Figure(figure) = block { Some(figure) } else { None }) {
        for (index, panel) in figure.panels.iter().enumerate() {
            let title = if panel.title.is_empty() { &figure.title } else { &panel.title };
            let mut name = file_name(&format!("{} {}", figure.title, panel.title));
            if pictures.iter().any(|(known, _)| *known == name) {
                name = name.replace(".svg", &format!("-{}.svg", index + 1));
            }
            let drawing = drawing(panel, "clip", title);
            let head = "<svg xmlns=\"http://www.w3.org/2000/svg\" ";
            let style = format!("<style>{STYLE}{FONT}</style>");
            let picture = drawing.replacen("<svg ", head, 1).replacen('>', &format!(">{style}"), 1);
            pictures.push((name, picture + "\n"));
        }
    }
    pictures
}

/// A title as a file's name: letters and digits, with hyphens between words.
fn file_name(title: &str) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-") + ".svg"
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Color, Curves, Figure, Mark, Panel, Plot, Section, Series, Size, Weight};
    use super::*;

    #[test]
    fn a_picture_is_a_drawing_by_itself() {
        let series = Series {
            label: "a < b".to_owned(),
            color: Color::Hue(0),
            mark: Mark::Line,
            weight: Weight::Normal,
            points: vec![(0.0, 0.1), (1.0, 0.9)],
        };
        let plot = Curves { x: Axis::linear("x"), y: Axis::linear("y"), series: vec![series], ..Curves::default() };
        let panel = || Panel { title: String::new(), plot: Plot::Curves(plot.clone()), size: Size::Small };
        let figure = Figure { title: "Rate & loss".to_owned(), panels: vec![panel(), panel()], ..Figure::default() };
        let section = Section { title: "One".to_owned(), blocks: vec![Block::Figure(figure)] };
        let pictures = pictures(&Report { sections: vec![section], ..Report::default() });
        let names: Vec<&str> = pictures.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["rate-loss.svg", "rate-loss-2.svg"]);
        let picture = &pictures[0].1;
        assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 352 262\""), "{picture}");
        assert_eq!((picture.matches("<svg ").count(), picture.matches("</svg>").count()), (1, 1));
        assert!(picture.contains("<style>") && picture.contains("a &lt; b"));
    }
}
