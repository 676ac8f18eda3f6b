//! The tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), as Optuna 5.0's `TPESampler` has it by default.
//!
//! Ten trials are those of the random search. Then a tenth of the trials (rounded up, 25 at most) count as good; of 24 points drawn
//! from the Parzen estimator of the good ones that is tried which is most likely among them and least among the others. The four
//! numbers are the logarithm of the peak, the warm-up, how much is held of what it and the shortest anneal leave, and the logarithm
//! of the last rate over the peak: the same ranges as those of the other searches. A run that diverged is the worst there can be.

use lodecast::tune::{Trial, TrialStatus, Tuner};
use lodecast::{Schedule, ShapeRange};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::entry::{Asks, Search, Trains};
use super::parzen::Parzen;
use crate::error::Result;

pub(super) const SEARCH: Search = Search {
    name: "tpe",
    about: "a tree-structured Parzen estimator, after ten random runs",
    asks: Asks::Rival(ask),
    trains: Trains::Optimizer,
};

const STARTS: usize = 10;
const CANDIDATES: usize = 24;
const MOST_GOOD: usize = 25;

/// Numbers of a schedule, each between 0 and 1.
type Place = [f64; 4];

fn ask(tuner: &mut Tuner) -> Result<Option<Trial>> {
    let asked = tuner.trials().len();
    let space = tuner.settings().space.peaks.and_then(|(low, high)| ShapeRange::of([low, high], None));
    let Some(range) = space.filter(|_| asked >= STARTS) else { return Ok(tuner.ask()?) };
    let mut tried: Vec<(usize, f64, Place)> = Vec::new();
    let sign = tuner.settings().metric.direction.sign();
    for (index, record) in tuner.trials().iter().enumerate() {
        let value = match record.status {
            TrialStatus::Finished => record.last_value().map(|value| -sign * value),
            TrialStatus::Diverged => Some(f64::INFINITY),
            _ => None,
        };
        if let (Some(loss), Some(place)) = (value, place(&range, &record.trial.schedule)) {
            tried.push((index, loss, place));
        }
    }
    let mut random = ChaCha8Rng::seed_from_u64(tuner.settings().seed);
    random.set_stream(asked as u64);
    let [peak, warmup, hold, end] = propose(&tried, &mut random);
    let schedule = range.at([peak, warmup, hold, end, 0.0])?;
    Ok(tuner.try_schedule(schedule, "likely among the good, unlikely among the others")?)
}

/// The most promising of the candidates, from trials by their number, loss and place.
fn propose(tried: &[(usize, f64, Place)], random: &mut ChaCha8Rng) -> Place {
    let mut order = tried.to_vec();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut others = order.split_off(order.len().div_ceil(10).min(MOST_GOOD));
    let estimator = |trials: &mut Vec<(usize, f64, Place)>| {
        trials.sort_by_key(|trial| trial.0);
        Parzen::new(&trials.iter().map(|trial| trial.2).collect::<Vec<_>>())
    };
    let (good, others) = (estimator(&mut order), estimator(&mut others));
    let candidates = (0..CANDIDATES).map(|_| {
        let place = good.draw(random);
        (good.log_density(&place) - others.log_density(&place), place)
    });
    let better = |best: (f64, Place), next: (f64, Place)| if next.0 > best.0 { next } else { best };
    candidates.reduce(better).map_or([0.5; 4], |(_, place)| place)
}

/// Where a schedule that warms up, holds and anneals lies within the range.
fn place(range: &ShapeRange, schedule: &Schedule) -> Option<Place> {
    let Schedule::PiecewiseLinear { knots } = schedule else { return None };
    let [.., warmup, hold, end] = knots.as_slice() else { return None };
    let (low, high) = range.peak;
    let peak = warmup.learning_rate;
    let left = 1.0 - range.least_anneal - warmup.progress;
    let numbers = [
        (peak / low).ln() / (high / low).ln(),
        (warmup.progress - range.shortest_warmup) / (range.longest_warmup - range.shortest_warmup),
        if left > 0.0 { (hold.progress - warmup.progress) / left } else { 0.0 },
        (end.learning_rate / peak / range.lowest_end).ln() / (range.greatest_end / range.lowest_end).ln(),
    ];
    numbers.iter().all(|number| number.is_finite()).then(|| numbers.map(|number| number.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use lodecast::tune::Strategy;
    use lodecast::{Direction, Metric};

    use super::*;

    #[test]
    fn a_schedule_lies_where_it_was_made() {
        let range = ShapeRange::of([0.01, 1.0], None).expect("peaks");
        for numbers in [[0.2, 0.3, 0.4, 0.5], [0.9, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]] {
            let [peak, warmup, hold, end] = numbers;
            let schedule = range.at([peak, warmup, hold, end, 0.0]).expect("a shape");
            let found = place(&range, &schedule).expect("a shape");
            assert!(
                found.iter().zip(numbers).all(|(found, made)| (found - made).abs() < 1e-9),
                "{found:?} {numbers:?}"
            );
        }
        assert_eq!(place(&range, &Schedule::cosine(0.1)), None);
    }

    #[test]
    fn what_is_proposed_is_near_the_good_ones() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let cube = Parzen::<4>::new(&[]);
        // The loss is the distance from a corner; diverged trials are the worst.
        let tried: Vec<(usize, f64, Place)> = (0..60)
            .map(|index| {
                let place = cube.draw(&mut random);
                let loss =
                    if place[0] > 0.9 { f64::INFINITY } else { (place[0] - 0.7).powi(2) + (place[1] - 0.2).powi(2) };
                (index, loss, place)
            })
            .collect();
        let proposed: Vec<Place> = (0..40).map(|_| propose(&tried, &mut random)).collect();
        let near = |dimension: usize, at: f64| {
            proposed.iter().map(|place| (place[dimension] - at).abs()).sum::<f64>() / proposed.len() as f64
        };
        // Evenly at random it would be 0.29 and 0.34.
        assert!(near(0, 0.7) < 0.15 && near(1, 0.2) < 0.15, "{} {}", near(0, 0.7), near(1, 0.2));
    }

    #[test]
    fn it_begins_as_the_random_search_and_goes_on_by_itself() {
        let builder = Tuner::builder(Metric::new("loss", Direction::Min), 100).peaks(0.01, 1.0).seed(5).budget(1400);
        let strategy: Strategy = "random".parse().expect("known");
        let mut by_chance = builder.clone().strategy(strategy).build().expect("sound");
        let mut tuner = by_chance.clone();
        let mut same = 0;
        while let Some(trial) = ask(&mut tuner).expect("rates") {
            let other = by_chance.ask().expect("rates").expect("the same budget");
            same += usize::from(trial.schedule == other.schedule);
            let loss = (trial.schedule.highest_rate().ln() + 2.0).powi(2);
            for (tuner, trial) in [(&mut tuner, &trial), (&mut by_chance, &other)] {
                tuner.tell(&trial.name, loss).expect("a fresh trial");
            }
        }
        assert_eq!((same, tuner.trials().len()), (STARTS, 14));
    }
}
