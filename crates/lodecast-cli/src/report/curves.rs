//! Draws lines, ranges and dots over two axes.

use super::axis::FittedAxis;
use super::figure::{Curves, Guide, Mark, Series, Size, Weight};
use super::svg::{Anchor, Drawing, text_width};

/// The rectangle that data is drawn in.
struct Frame<'a> {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: FittedAxis<'a>,
    y: FittedAxis<'a>,
}

impl Frame<'_> {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + self.width * self.x.place(x), self.top + self.height * (1.0 - self.y.place(y)))
    }
}

/// Width, height and number of ticks across and up.
fn dimensions(size: Size) -> (f64, f64, usize, usize) {
    match size {
        Size::Small => (352.0, 262.0, 4, 5),
        Size::Half => (520.0, 330.0, 6, 6),
        Size::Wide => (1064.0, 400.0, 10, 6),
    }
}

/// The plot as an SVG element. `id` is unique in the page; `label` is read out instead of the plot.
pub(super) fn draw(curves: &Curves, size: Size, id: &str, label: &str) -> String {
    let (width, height, across, up) = dimensions(size);
    let x = curves.x.fitted(xs(curves));
    let y = curves.y.fitted(ys(curves));
    let (x_ticks, y_ticks) = (x.ticks(across), y.ticks(up));
    let left = 14.0 + y_ticks.iter().map(|tick| text_width(&tick.text)).fold(10.0, f64::max);
    let top = 28.0;
    let frame = Frame { left, top, width: width - left - 14.0, height: height - top - 42.0, x, y };
    let (right, bottom) = (frame.left + frame.width, frame.top + frame.height);

    let mut drawing = Drawing::new(width, height);
    drawing.text("label", (0.0, 12.0), Anchor::Start, &curves.y.label);
    drawing.text("label", (right, height - 4.0), Anchor::End, &curves.x.label);
    for tick in &y_ticks {
        let (_, place) = frame.at(f64::NAN, tick.value);
        drawing.line("grid", (frame.left, place), (right, place));
        drawing.text("tick", (frame.left - 8.0, place + 4.0), Anchor::End, &tick.text);
    }
    for tick in &x_ticks {
        let (place, _) = frame.at(tick.value, f64::NAN);
        drawing.line("notch", (place, bottom), (place, bottom + 4.0));
        drawing.text("tick", (place, bottom + 17.0), Anchor::Middle, &tick.text);
    }
    drawing.line("axis", (frame.left, bottom), (right, bottom));

    drawing.begin_clip(id, (frame.left - 4.0, frame.top - 4.0), (frame.width + 8.0, frame.height + 8.0));
    for band in &curves.bands {
        let finite =
            || band.points.iter().filter(|(x, low, high)| x.is_finite() && low.is_finite() && high.is_finite());
        let upper = finite().map(|&(x, _, high)| frame.at(x, high));
        let lower = finite().rev().map(|&(x, low, _)| frame.at(x, low));
        let outline: Vec<_> = upper.chain(lower).filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        drawing.polygon(&format!("band {}", band.color), &outline);
    }
    for guide in &curves.guides {
        match *guide {
            Guide::Vertical(x) => {
                let (place, _) = frame.at(x, f64::NAN);
                drawing.line("guide", (place, frame.top), (place, bottom));
            }
            Guide::Diagonal => {
                let ((low_x, high_x), (low_y, high_y)) = (frame.x.ends(), frame.y.ends());
                let (low, high) = (low_x.max(low_y), high_x.min(high_y));
                drawing.line("guide", frame.at(low, low), frame.at(high, high));
            }
        }
    }
    for series in &curves.series {
        draw_series(&mut drawing, &frame, series);
    }
    drawing.end_clip();
    drawing.finish(label)
}

fn draw_series(drawing: &mut Drawing, frame: &Frame<'_>, series: &Series) {
    let weight = match series.weight {
        Weight::Faint => "faint",
        Weight::Normal => "normal",
        Weight::Strong => "strong",
    };
    let places: Vec<_> = series.points.iter().map(|&(x, y)| frame.at(x, y)).collect();
    match series.mark {
        Mark::Dot => {
            let radius = if series.weight == Weight::Strong { 4.5 } else { 3.2 };
            for place in places.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
                drawing.dot(&format!("dot {weight} {}", series.color), place, radius, &series.label);
            }
        }
        Mark::Line | Mark::Dashes | Mark::Area => {
            let dashes = if series.mark == Mark::Dashes { " dashes" } else { "" };
            drawing.path(&format!("curve {weight}{dashes} {}", series.color), &places, &series.label);
        }
    }
}

fn xs(curves: &Curves) -> impl Iterator<Item = f64> + '_ {
    let bands = curves.bands.iter().flat_map(|band| band.points.iter().map(|point| point.0));
    let series = curves.series.iter().flat_map(|series| series.points.iter().map(|point| point.0));
    bands.chain(series)
}

fn ys(curves: &Curves) -> impl Iterator<Item = f64> + '_ {
    let bands = curves.bands.iter().flat_map(|band| band.points.iter().flat_map(|point| [point.1, point.2]));
    let series = curves.series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    bands.chain(series)
}
