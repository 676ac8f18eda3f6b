//! The families of schedules, each fixed before the run.

use lodecast::Family;

use super::entry::{Makes, Rival};

pub(super) const CONSTANT: Rival = fixed(Family::Constant, "constant", "one rate all along");
pub(super) const COSINE: Rival = fixed(Family::Cosine, "cosine", "half a cosine down to nothing");
pub(super) const ONE_CYCLE: Rival = fixed(Family::OneCycle, "one-cycle", "up, down, and further down: one cycle");
pub(super) const STAIRCASE: Rival = fixed(Family::Staircase, "staircase", "halved in stages");
pub(super) const LINEAR: Rival = fixed(Family::Linear, "linear", "a straight line down to nothing");
pub(super) const WARMUP_STABLE_DECAY: Rival =
    fixed(Family::WarmupStableDecay, "warmup-stable-decay", "up, level, then down to nothing");

const fn fixed(family: Family, name: &'static str, describes: &'static str) -> Rival {
    Rival { family, ..Rival::new(name, describes, Makes::Schedule) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_called_by_its_name() {
        for rival in [CONSTANT, COSINE, ONE_CYCLE, STAIRCASE, LINEAR, WARMUP_STABLE_DECAY] {
            assert_eq!(rival.name(), rival.family().name());
        }
    }
}
