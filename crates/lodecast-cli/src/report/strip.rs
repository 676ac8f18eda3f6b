//! Draws one row a category: a dot a measurement, their mean and its confidence interval.

use super::figure::Strip;
use super::number;
use super::svg::{Anchor, Drawing, text_width};

const WIDTH: f64 = 1064.0;
const ROW_HEIGHT: f64 = 46.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 42.0;
const RIGHT: f64 = 24.0;

/// The plot as an SVG element. `label` is read out instead of it.
pub(super) fn draw(strip: &Strip, label: &str) -> String {
    let height = TOP + ROW_HEIGHT * strip.rows.len() as f64 + BOTTOM;
    let bottom = height - BOTTOM;
    let values = strip.rows.iter().flat_map(|row| {
        let interval = row.mean.into_iter().flat_map(|(mean, half)| [mean - half, mean + half]);
        row.values.iter().copied().chain(interval)
    });
    let axis = strip.x.fitted(values.chain(strip.reference));
    let left = 20.0 + strip.rows.iter().map(|row| text_width(&row.label)).fold(60.0, f64::max);
    let width = WIDTH - left - RIGHT;
    let at = |value: f64| left + width * axis.place(value);

    let mut drawing = Drawing::new(WIDTH, height);
    for tick in axis.ticks(9) {
        drawing.line("grid", (at(tick.value), TOP), (at(tick.value), bottom));
        drawing.text("tick", (at(tick.value), bottom + 17.0), Anchor::Middle, &tick.text);
    }
    drawing.text("label", (WIDTH - RIGHT, height - 4.0), Anchor::End, &strip.x.label);
    if let Some(reference) = strip.reference {
        drawing.line("reference", (at(reference), TOP - 6.0), (at(reference), bottom));
    }
    for (index, row) in strip.rows.iter().enumerate() {
        let middle = TOP + ROW_HEIGHT * (index as f64 + 0.5);
        drawing.text("name", (left - 14.0, middle + 4.0), Anchor::End, &row.label);
        for (position, &value) in row.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            // Neighbours in the list go to different heights, so that equal values do not hide each other.
            let shift = [0.0, -5.0, 5.0, -9.0, 9.0][position % 5];
            let label = format!("{}: {}", row.label, number::significant(value, 4));
            drawing.dot(&format!("dot faint {}", row.color), (at(value), middle + shift), 3.4, &label);
        }
        if let Some((mean, half)) = row.mean.filter(|(mean, half)| mean.is_finite() && half.is_finite()) {
            let class = format!("interval {}", row.color);
            drawing.line(&class, (at(mean - half), middle), (at(mean + half), middle));
            let center = at(mean);
            let diamond =
                [(center - 7.0, middle), (center, middle - 7.0), (center + 7.0, middle), (center, middle + 7.0)];
            drawing.polygon(&format!("mean {}", row.color), &diamond);
        }
    }
    drawing.finish(label)
}
