//! Axes: from data to places on the page, with ticks at round numbers.

use super::number;

/// An axis of a plot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Axis {
    /// What is measured, with its unit.
    pub label: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Both ends; the data's own where it is `None`.
    pub range: Option<(f64, f64)>,
    /// Written as percent?
    pub percent: bool,
}

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Equal differences take equal room.
    #[default]
    Linear,
    /// Equal ratios take equal room; values that are not positive have no place.
    Log,
}

impl Axis {
    /// A linear axis over the range of the data.
    pub(crate) fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// A logarithmic axis over the range of the data.
    pub(crate) fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Log, ..Self::default() }
    }

    /// Sets both ends.
    #[must_use]
    pub(crate) fn between(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// Writes fractions as percent.
    #[must_use]
    pub(crate) fn percent(mut self) -> Self {
        self.percent = true;
        self
    }

    /// Fixes the ends of the axis, where they are open, so that `values` fit with a little air.
    pub(super) fn fitted(&self, values: impl Iterator<Item = f64>) -> FittedAxis<'_> {
        let (low, high) = self.range.unwrap_or_else(|| self.extent(values));
        let (mut from, mut to) = (self.forward(low), self.forward(high));
        if !(from.is_finite() && to.is_finite()) {
            (from, to) = (0.0, 1.0);
        }
        if to - from <= 1e-12 * (1.0 + from.abs()) {
            (from, to) = (from - 0.5, to + 0.5);
        }
        FittedAxis { axis: self, from, to }
    }

    fn extent(&self, values: impl Iterator<Item = f64>) -> (f64, f64) {
        let (low, high) = values
            .filter(|value| self.forward(*value).is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (from, to) = (self.forward(low), self.forward(high));
        let air = 0.03 * (to - from);
        (self.backward(from - air), self.backward(to + air))
    }

    fn forward(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Log => f64::NAN,
        }
    }

    fn backward(&self, place: f64) -> f64 {
        match self.scale {
            Scale::Linear => place,
            Scale::Log => 10f64.powf(place),
        }
    }
}

/// An axis whose ends are known.
pub(super) struct FittedAxis<'a> {
    axis: &'a Axis,
    from: f64,
    to: f64,
}

/// A tick: its value and how it is written.
pub(super) struct Tick {
    pub value: f64,
    pub text: String,
}

impl FittedAxis<'_> {
    /// Place of `value`: 0 at the lower end, 1 at the upper; not finite where the value has no place.
    pub(super) fn place(&self, value: f64) -> f64 {
        (self.axis.forward(value) - self.from) / (self.to - self.from)
    }

    /// Value of the lower and the upper end.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.axis.backward(self.from), self.axis.backward(self.to))
    }

    /// About `count` ticks at round values.
    pub(super) fn ticks(&self, count: usize) -> Vec<Tick> {
        match self.axis.scale {
            Scale::Linear => self.linear_ticks(count),
            Scale::Log => self.log_ticks(count),
        }
    }

    fn linear_ticks(&self, count: usize) -> Vec<Tick> {
        let rough = (self.to - self.from) / count.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(10.0 * power);
        let first = (self.from / step - 1e-9).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        let unit = if self.axis.percent { 100.0 } else { 1.0 };
        let digits =
            |value: f64| (0..8).find(|&k| ((value * 10f64.powi(k)).round() - value * 10f64.powi(k)).abs() < 1e-6);
        let decimals = digits(step * unit).unwrap_or(0) as usize;
        (first..=last)
            .map(|index| {
                let value = index as f64 * step;
                let text = number::typeset(&format!("{:.decimals$}", value * unit));
                Tick { value, text: if self.axis.percent { format!("{text} %") } else { text } }
            })
            .collect()
    }

    fn log_ticks(&self, count: usize) -> Vec<Tick> {
        let decades = self.to - self.from;
        let factors: &[f64] = if decades > count as f64 * 0.8 {
            &[1.0]
        } else if decades > 1.4 {
            &[1.0, 3.0]
        } else {
            &[1.0, 2.0, 3.0, 5.0, 7.0]
        };
        let stride = (decades / count.max(1) as f64).ceil().max(1.0) as i32;
        let mut ticks = Vec::new();
        for decade in self.from.floor() as i32..=self.to.ceil() as i32 {
            if decade.rem_euclid(stride) != 0 {
                continue;
            }
            for factor in factors {
                let value = factor * 10f64.powi(decade);
                if (self.from - 1e-9..=self.to + 1e-9).contains(&value.log10()) {
                    ticks.push(Tick { value, text: number::typeset(&number::learning_rate(value)) });
                }
            }
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis, count: usize) -> Vec<String> {
        axis.fitted(std::iter::empty()).ticks(count).into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(texts(&Axis::linear("").between(0.0, 1.0), 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&Axis::linear("").between(-0.01, 0.02), 3), ["−0.01", "0.00", "0.01", "0.02"]);
        assert_eq!(texts(&Axis::linear("").between(0.5, 1.0).percent(), 2), ["50 %", "75 %", "100 %"]);
    }

    #[test]
    fn log_ticks_fall_on_decades() {
        assert_eq!(texts(&Axis::log("").between(1e-5, 1.0), 5), ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"]);
        assert_eq!(texts(&Axis::log("").between(0.01, 0.1), 5), ["0.01", "0.02", "0.03", "0.05", "0.07", "0.1"]);
    }

    #[test]
    fn values_without_a_place_do_not_stretch_an_axis() {
        let axis = Axis::log("");
        let fitted = axis.fitted([0.0, -1.0, f64::NAN, 1.0, 100.0].into_iter());
        assert!(fitted.ends().0 > 0.5 && fitted.ends().1 < 200.0);
        assert!(!fitted.place(0.0).is_finite());
    }

    #[test]
    fn an_axis_without_data_or_extent_still_has_two_ends() {
        for axis in [Axis::linear(""), Axis::log("")] {
            for values in [vec![], vec![3.0], vec![f64::NAN]] {
                let fitted = axis.fitted(values.into_iter());
                assert!(fitted.ends().0 < fitted.ends().1);
                assert!(!fitted.ticks(5).is_empty());
            }
        }
    }
}
