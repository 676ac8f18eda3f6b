//! Warm-up, stable, decay (Hu et al. 2024), tuned: its peak, and over how much of the run the rate falls.

use lodecast::ShapeRange;
use lodecast::tune::{Trial, Tuner};

use super::entry::{Asks, Search, Trains};
use super::places::place;
use crate::error::Result;

pub(super) const SEARCH: Search = Search {
    name: "warmup-stable-decay",
    about: "warm-up over a twentieth, hold, then down in a straight line: peaks and decays spread evenly",
    asks: Asks::Rival(ask),
    trains: Trains::Optimizer,
};

/// Fraction of a run in which the rate rises.
const WARMUP: f64 = 0.05;
/// Fractions of a run over which it falls, from which to which.
const DECAY: (f64, f64) = (0.1, 0.5);

fn ask(tuner: &mut Tuner) -> Result<Option<Trial>> {
    let Some(range) = tuner.settings().space.peaks.and_then(|(low, high)| ShapeRange::of([low, high], None)) else {
        return Ok(tuner.ask()?);
    };
    let [peak, decay] = place(tuner.settings().seed, tuner.trials().len());
    let decay = DECAY.0 + decay * (DECAY.1 - DECAY.0);
    let range = ShapeRange {
        shortest_warmup: WARMUP,
        longest_warmup: WARMUP,
        least_anneal: decay,
        greatest_end: range.lowest_end,
        ..range
    };
    Ok(tuner.try_schedule(range.at([peak, 0.0, 1.0, 0.0, 0.0])?, "the next peak and decay")?)
}

#[cfg(test)]
mod tests {
    use lodecast::{Direction, Metric};

    use super::*;

    #[test]
    fn every_trial_holds_its_peak_and_falls_to_nothing() {
        let builder = Tuner::builder(Metric::new("loss", Direction::Min), 100).peaks(0.01, 1.0).seed(3);
        let mut tuner = builder.build().expect("sound");
        let mut decays = Vec::new();
        for _ in 0..24 {
            let trial = ask(&mut tuner).expect("rates").expect("no budget");
            let rate = |progress: f64| trial.schedule.learning_rate(progress);
            let peak = trial.schedule.highest_rate();
            assert!((0.01..=1.0).contains(&peak) && rate(0.5 * WARMUP) < 0.6 * peak && rate(1.0) < 0.01 * peak);
            assert!((rate(WARMUP) - peak).abs() < 1e-12 && (rate(0.49) - peak).abs() < 1e-12, "{:?}", trial.schedule);
            decays.push((0..=100).filter(|k| rate(f64::from(*k) / 100.0) < 0.999 * peak).count());
            tuner.tell(&trial.name, 1.0).expect("a fresh trial");
        }
        assert!(decays.iter().max() > Some(&50) && decays.iter().min() < Some(&20), "{decays:?}");
    }
}
