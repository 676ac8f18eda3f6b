//! The control of a differential equation: piecewise linear in time, with jumps allowed.

/// One straight piece of a control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    /// Time at which it ends.
    pub(crate) end: f64,
    /// Value at its start.
    pub(crate) from: f64,
    /// Value at its end.
    pub(crate) to: f64,
}

/// A control over `[start, end of the last segment]`, segments in the order of time.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Control {
    pub(crate) start: f64,
    pub(crate) segments: Vec<Segment>,
}

impl Control {
    /// No control: one segment of value zero.
    pub(crate) fn none(start: f64, end: f64) -> Self {
        Self { start, segments: vec![Segment { end, from: 0.0, to: 0.0 }] }
    }

    /// The fewest straight lines that stay within `tolerance` of the samples `(time, value)`, by repeatedly splitting at
    /// the sample farthest off (Douglas & Peucker 1973). Two samples of one time are a jump. At least two samples.
    pub(crate) fn simplified(samples: &[(f64, f64)], tolerance: f64) -> Self {
        let mut keep = vec![false; samples.len()];
        let last = samples.len() - 1;
        (keep[0], keep[last]) = (true, true);
        for (index, pair) in samples.windows(2).enumerate() {
            if pair[0].0 == pair[1].0 {
                (keep[index], keep[index + 1]) = (true, true);
            }
        }
        let anchors: Vec<usize> = (0..samples.len()).filter(|&index| keep[index]).collect();
        let mut open: Vec<(usize, usize)> = anchors.windows(2).map(|pair| (pair[0], pair[1])).collect();
        while let Some((first, last)) = open.pop() {
            let (start, end) = (samples[first], samples[last]);
            let slope = if end.0 > start.0 { (end.1 - start.1) / (end.0 - start.0) } else { 0.0 };
            let off = |index: usize| (samples[index].1 - start.1 - slope * (samples[index].0 - start.0)).abs();
            let farthest = (first + 1..last).max_by(|&a, &b| off(a).total_cmp(&off(b)));
            if let Some(middle) = farthest.filter(|&middle| off(middle) > tolerance) {
                keep[middle] = true;
                open.push((first, middle));
                open.push((middle, last));
            }
        }
        let kept: Vec<(f64, f64)> =
            (0..samples.len()).filter(|&index| keep[index]).map(|index| samples[index]).collect();
        let segments = kept
            .windows(2)
            .filter(|pair| pair[1].0 > pair[0].0)
            .map(|pair| Segment { end: pair[1].0, from: pair[0].1, to: pair[1].1 })
            .collect();
        Self { start: samples[0].0, segments }
    }

    /// The part from `time` on, which must lie before the end.
    pub(crate) fn after(&self, time: f64) -> Self {
        let mut start = self.start;
        let mut segments = Vec::with_capacity(self.segments.len());
        for &segment in &self.segments {
            if segment.end > time {
                let cut = (time - start).max(0.0) / (segment.end - start);
                segments.push(Segment { from: segment.from + (segment.to - segment.from) * cut, ..segment });
            }
            start = segment.end;
        }
        Self { start: time.max(self.start), segments }
    }

    /// End of the last segment.
    pub(crate) fn end(&self) -> f64 {
        self.segments.last().map_or(self.start, |segment| segment.end)
    }

    /// Value at `time`; at a jump the later one.
    #[cfg(test)]
    pub(crate) fn at(&self, time: f64) -> f64 {
        let mut start = self.start;
        for (index, segment) in self.segments.iter().enumerate() {
            if time < segment.end || index + 1 == self.segments.len() {
                return segment.from + (segment.to - segment.from) * (time - start) / (segment.end - start);
            }
            start = segment.end;
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn straight_lines_and_jumps_are_recognised() {
        let line: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i), 2.0 * f64::from(i))).collect();
        assert_eq!(Control::simplified(&line, 1e-9).segments, [Segment { end: 49.0, from: 0.0, to: 98.0 }]);
        let stair = Control::simplified(&[(0.0, 1.0), (1.0, 1.0), (1.0, 0.5), (2.0, 0.5)], 1e-9);
        assert_eq!(stair.segments.len(), 2);
        assert_eq!((stair.at(0.9), stair.at(1.1), stair.end()), (1.0, 0.5, 2.0));
        let later = stair.after(0.5);
        assert_eq!((later.start, later.segments.len(), later.at(0.6), later.at(1.5)), (0.5, 2, 1.0, 0.5));
        assert_eq!(stair.after(1.0).segments.len(), 1);
    }

    proptest! {
        #[test]
        fn stays_within_the_tolerance(values in prop::collection::vec(-3.0..3.0f64, 2..60), tolerance in 0.01..1.0f64) {
            let samples: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, &v)| (i as f64, v)).collect();
            let control = Control::simplified(&samples, tolerance);
            for &(time, value) in &samples {
                prop_assert!((control.at(time) - value).abs() <= tolerance + 1e-12);
            }
        }
    }
}
