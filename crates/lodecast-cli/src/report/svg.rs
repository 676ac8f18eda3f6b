//! Elements of an SVG drawing, as text.

use std::fmt::Write;

/// `text` with the characters that mean something in HTML and SVG written as entities.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Where a text stands relative to its place.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Rough width of a text of the page's 12 px labels.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars().map(|c| if matches!(c, '.' | ',' | ' ' | 'i' | 'l' | '1' | '-') { 5.0 } else { 6.7 }).sum()
}

/// A drawing that grows element by element. Lengths are in pixels at the drawing's own size.
pub(super) struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

impl Drawing {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// Appends an element; writing to a string cannot fail.
    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(element);
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.push(format_args!(
            r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    pub(super) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            r#"<text class="{class}" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            at.0,
            at.1,
            escaped(text)
        ));
    }

    pub(super) fn dot(&mut self, class: &str, at: (f64, f64), radius: f64, label: &str) {
        self.push(format_args!(r#"<circle class="{class}" cx="{:.1}" cy="{:.1}" r="{radius}">"#, at.0, at.1));
        self.title(label);
        self.body.push_str("</circle>");
    }

    /// A line through `points`; a point that is not finite breaks it.
    pub(super) fn path(&mut self, class: &str, points: &[(f64, f64)], label: &str) {
        let mut data = String::new();
        let mut pen_down = false;
        for &(x, y) in points {
            if x.is_finite() && y.is_finite() {
                let _ = write!(data, "{}{x:.1} {y:.1}", if pen_down { "L" } else { "M" });
                pen_down = true;
            } else {
                pen_down = false;
            }
        }
        if data.is_empty() {
            return;
        }
        self.push(format_args!(r#"<path class="{class}" d="{data}">"#));
        self.title(label);
        self.body.push_str("</path>");
    }

    pub(super) fn polygon(&mut self, class: &str, points: &[(f64, f64)]) {
        let corners: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(format_args!(r#"<polygon class="{class}" points="{}"/>"#, corners.join(" ")));
    }

    /// Everything drawn until [`Drawing::end_clip`] is cut off at the edges of this rectangle.
    pub(super) fn begin_clip(&mut self, id: &str, at: (f64, f64), size: (f64, f64)) {
        self.push(format_args!(
            r#"<clipPath id="{id}"><rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}"/></clipPath><g clip-path="url(#{id})">"#,
            at.0, at.1, size.0, size.1
        ));
    }

    pub(super) fn end_clip(&mut self) {
        self.body.push_str("</g>");
    }

    fn title(&mut self, label: &str) {
        if !label.is_empty() {
            self.push(format_args!("<title>{}</title>", escaped(label)));
        }
    }

    /// The finished drawing. `label` is what is read out instead of it.
    pub(super) fn finish(self, label: &str) -> String {
        format!(
            r#"<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>"#,
            self.width,
            self.height,
            escaped(label),
            self.body
        )
    }
}
