//! The grid that people run by hand: four families by six peak rates, in an order of the pipeline's own, so that a smaller budget
//! has a part of it.

use lodecast::tune::{Trial, Tuner};
use lodecast::{Family, Schedule};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::entry::{Asks, Search, Trains};
use crate::error::Result;

pub(super) const SEARCH: Search = Search {
    name: "grid",
    about: "four families by six peak rates, shuffled; then no more",
    asks: Asks::Rival(ask),
    trains: Trains::Optimizer,
};

/// Its families.
pub const GRID_FAMILIES: [Family; 4] = [Family::Constant, Family::Cosine, Family::OneCycle, Family::Staircase];
const PEAKS: u32 = 6;
/// How far beyond a task's own grid of peaks searches look, as a factor on its highest: a grid ends where rates begin to be too high,
/// and a search may find out by how much.
pub const BEYOND_THE_GRID: f64 = 3.0;

fn ask(tuner: &mut Tuner) -> Result<Option<Trial>> {
    let Some((low, high)) = tuner.settings().space.peaks else { return Ok(tuner.ask()?) };
    let step = (high / BEYOND_THE_GRID / low).powf(1.0 / f64::from(PEAKS - 1));
    let peaks: Vec<f64> = (0..PEAKS).map(|k| low * step.powf(f64::from(k))).collect();
    let of_family = |family| peaks.iter().map(move |&peak| Schedule::parametric(family, peak));
    let mut grid: Vec<Schedule> = GRID_FAMILIES.into_iter().flat_map(of_family).collect();
    grid.shuffle(&mut ChaCha8Rng::seed_from_u64(tuner.settings().seed));
    let Some(schedule) = grid.into_iter().nth(tuner.trials().len()) else { return Ok(None) };
    Ok(tuner.try_schedule(schedule, "the next of the grid")?)
}

#[cfg(test)]
mod tests {
    use lodecast::{Direction, Metric};

    use super::*;

    #[test]
    fn the_whole_grid_is_asked_for_once_in_an_order_of_the_seeds_own() {
        let asked = |seed: u64| {
            let builder = Tuner::builder(Metric::new("loss", Direction::Min), 100).peaks(0.01, 0.96).seed(seed);
            let mut tuner = builder.build().expect("sound");
            let mut schedules = Vec::new();
            while let Some(trial) = ask(&mut tuner).expect("rates") {
                tuner.tell(&trial.name, 1.0).expect("a fresh trial");
                schedules.push(trial.schedule);
            }
            schedules
        };
        let first = asked(1);
        let others = (0..first.len()).filter(|&k| first[k + 1..].contains(&first[k])).count();
        assert_eq!((first.len(), others), (24, 0));
        let (low, high) = first
            .iter()
            .map(Schedule::highest_rate)
            .fold((1.0, 0.0), |(low, high): (f64, f64), rate| (low.min(rate), high.max(rate)));
        assert!((low - 0.01).abs() < 1e-12 && (high - 0.32).abs() < 1e-12, "{low} to {high}");
        assert_eq!(first, asked(1));
        assert_ne!(first, asked(2));
    }
}
