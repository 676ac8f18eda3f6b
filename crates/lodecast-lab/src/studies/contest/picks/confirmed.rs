//! The best run confirmed: a quarter of the budget goes to the best schedules under new seeds, the best mean of those is taken.
//!
//! Of a budget of 24 runs 18 are the search's and 6 train its six best schedules once more each; of 120, 90 and five seeds for each
//! of six. What made a schedule a finalist was luck, too, so only the new seeds count. A budget in whose quarter there is no room
//! for two runs confirms nothing: then it is the best run.

use lodecast::Schedule;

use super::measured::best_run;
use super::rule::{PickRule, Taking};
use crate::error::Result;
use crate::studies::contest::seeds::SEEDS;
use crate::studies::contest::store::{Kept, Wanted};
use crate::studies::contest::tried::Tried;

pub(super) const RULE: PickRule = PickRule {
    name: "confirmed",
    about: "the best of up to six finalists under new seeds, within the same budget",
    take,
};

/// One in so many runs of a budget is for confirming, and finalists at most.
const SHARE: u64 = 4;
const FINALISTS: u64 = 6;

/// Of a budget in runs: how many are searched, how many finalists there are, and how often each is trained again.
fn division(budget: u64) -> Option<(u64, u64, u64)> {
    let confirming = budget / SHARE;
    if confirming < 2 {
        return None;
    }
    let finalists = confirming.min(FINALISTS);
    let rounds = confirming / finalists;
    Some((budget - finalists * rounds, finalists, rounds))
}

fn take(taking: &Taking<'_>) -> Result<Schedule> {
    let Some((searched, finalists, rounds)) = division(taking.budget) else { return best_run(taking) };
    let finalists = self::finalists(taking, searched * taking.total_steps, finalists as usize);
    let sign = taking.worker.task().metric().direction.sign();
    let mut best: Option<(f64, &Schedule)> = None;
    for finalist in finalists {
        let mut sum = 0.0;
        for round in 0..rounds {
            // Neither those of the search nor those that picks are trained under.
            let seed = taking.pipeline * SEEDS + SEEDS / 4 + round;
            let Taking { rule, length, .. } = *taking;
            let wanted = Wanted { schedule: finalist.schedule.clone(), rule, length, seed };
            let record = taking.worker.run(&wanted, Kept::Curves)?;
            sum += record.validated().map_or(f64::NEG_INFINITY, |value| sign * value);
        }
        if best.as_ref().is_none_or(|(most, _)| sum > *most) {
            best = Some((sum, &finalist.schedule));
        }
    }
    best.map_or_else(|| best_run(taking), |(_, schedule)| Ok(schedule.clone()))
}

/// The best runs of the full length, of different schedules, that a budget of so many steps holds.
fn finalists<'a>(taking: &Taking<'a>, steps: u64, count: usize) -> Vec<&'a Tried> {
    let sign = taking.worker.task().metric().direction.sign();
    let measured = |tried: &&Tried| tried.total_steps == taking.total_steps && tried.value.is_some();
    let held = taking.tried.iter().take_while(|tried| tried.committed <= steps);
    let mut order: Vec<&Tried> = held.filter(measured).collect();
    order.sort_by(|a, b| (sign * b.value.unwrap_or(0.0)).total_cmp(&(sign * a.value.unwrap_or(0.0))));
    let mut chosen: Vec<&Tried> = Vec::new();
    for tried in order {
        if chosen.len() < count && chosen.iter().all(|known| known.schedule != tried.schedule) {
            chosen.push(tried);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirming_costs_what_the_search_gives_up() {
        assert_eq!(division(6), None);
        assert_eq!(division(12), Some((9, 3, 1)));
        assert_eq!(division(24), Some((18, 6, 1)));
        assert_eq!(division(120), Some((90, 6, 5)));
        // 33 runs in a quarter are five for each of six, and three more for the search.
        assert_eq!(division(132), Some((102, 6, 5)));
    }
}
