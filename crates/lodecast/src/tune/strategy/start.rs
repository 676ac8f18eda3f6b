//! The start design: three schedules whose runs tell much where nothing is known.

use crate::{Family, Result, Schedule, ShapeRange};

/// One of them.
struct Start {
    /// Which quantile of the range of peaks, in logarithms.
    peak: f64,
    warmup: f64,
    hold: f64,
    /// The family that is most like it.
    family: Family,
    reason: &'static str,
}

/// Last rate as a fraction of the peak, where it is free.
const END: f64 = 1e-3;

const STARTS: [Start; 3] = [
    Start {
        peak: 0.55,
        warmup: 0.1,
        hold: 0.75,
        family: Family::WarmupStableDecay,
        reason: "start design: a middle rate, held long",
    },
    Start {
        peak: 0.35,
        warmup: 0.0,
        hold: 0.0,
        family: Family::Linear,
        reason: "start design: a lower rate that falls from the first step",
    },
    Start {
        peak: 0.72,
        warmup: 0.3,
        hold: 0.3,
        family: Family::OneCycle,
        reason: "start design: a higher rate after a long warm-up",
    },
];

/// The schedules of the start design within `range`, each with its reason.
pub(super) fn start_design(range: &ShapeRange) -> Result<Vec<(Schedule, &'static str)>> {
    let (low, high) = range.peak;
    STARTS
        .iter()
        .enumerate()
        .map(|(index, start)| {
            let warmup = start.warmup.clamp(range.shortest_warmup, range.longest_warmup);
            let schedule = match range.families[..] {
                [] => {
                    let peak = (low.ln() + start.peak * (high / low).ln()).exp();
                    let end = END.clamp(range.lowest_end.min(range.greatest_end), range.greatest_end);
                    crate::Shape { peak, warmup, hold: start.hold.max(warmup), end }.schedule()?
                }
                ref families => {
                    let chosen =
                        if families.contains(&start.family) { start.family } else { families[index % families.len()] };
                    let peak = (low.ln() + start.peak * (high / low).ln()).exp();
                    // These rise by themselves.
                    let rises = matches!(chosen, Family::OneCycle);
                    Schedule::parametric(chosen, peak).with_warmup(if rises {
                        range.shortest_warmup
                    } else {
                        warmup
                    })?
                }
            };
            Ok((schedule, start.reason))
        })
        .collect()
}
