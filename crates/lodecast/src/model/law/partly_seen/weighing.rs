//! How much each of four forecasts of a run's end counts, by how far each of them is off on the fitted runs.

/// By regression, by update, by what the law misses of the run staying as it is, and by the value itself staying.
const FORECASTS: usize = 4;
/// Weights of the last two of a run that has been seen whole, before any run tells; of one seen in part they are so much less, and the
/// first two share the rest.
const LAST: [f64; 2] = [0.4, 0.3];
const LEAST: f64 = 1e-3;
/// Runs that these count for.
const BEFORE: f64 = 4.0;

/// Something for each of the forecasts.
pub(super) type Each = [f64; FORECASTS];

/// Mean squares of what the forecasts are off by.
#[derive(Debug)]
pub(super) struct Weighing {
    squares: Each,
    /// Mean square of the fall that the law expected of the runs.
    falls: f64,
}

impl Weighing {
    /// From runs of which the part `part` was seen: what each forecast of them was off by, and the fall that the law expected of them
    /// from there on. Runs drift by `drift`, a variance.
    pub(super) fn of(runs: &[(Each, f64)], part: f64, drift: f64) -> Self {
        let [kept, stayed] = LAST.map(|weight| part * weight);
        let first = 0.5 * (1.0 - kept - stayed);
        let mut squares = [first, first, kept, stayed].map(|weight| BEFORE * drift / weight.max(LEAST));
        for (errors, _) in runs {
            (squares.iter_mut().zip(errors)).for_each(|(sum, error)| *sum += error * error);
        }
        let falls = runs.iter().map(|(_, fall)| fall * fall).sum::<f64>() / runs.len().max(1) as f64;
        Self { squares: squares.map(|sum| sum / (BEFORE + runs.len() as f64)), falls }
    }

    /// The weights of the forecasts of a run of which the law expects the fall `fall` from now on; they sum to one. That values stay is
    /// nothing to learn from runs that were to fall less.
    pub(super) fn weights(&self, fall: f64) -> Each {
        let mut squares = self.squares;
        squares[FORECASTS - 1] += (fall * fall - self.falls).max(0.0);
        let least = squares.iter().copied().fold(f64::INFINITY, f64::min).max(f64::MIN_POSITIVE);
        // The better of two by a factor counts more than by it, so that many poor ones do not outweigh a good one.
        let weights = squares.map(|square| (least / square.max(least)).powi(2));
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_any_run_the_later_the_more_what_was_seen_counts() {
        let [regressed, updated, kept, stayed] = Weighing::of(&[], 0.0, 0.01).weights(0.0);
        assert!(regressed == updated && regressed > 0.499 && kept == stayed && kept < 1e-4);
        let late = Weighing::of(&[], 0.9, 0.01).weights(0.0);
        assert!(late[2] > late[0] && late[2] > late[3], "{late:?}");
        assert!((late.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_forecast_that_was_right_is_the_one_that_counts() {
        for right in 0..FORECASTS {
            let errors = std::array::from_fn(|k| if k == right { 0.01 } else { 0.2 });
            let weights = Weighing::of(&[(errors, 0.1); 24], 0.5, 0.001).weights(0.1);
            assert!(weights[right] > 0.9, "{right}: {weights:?}");
        }
    }

    #[test]
    fn runs_that_were_to_stay_tell_nothing_of_one_that_is_to_fall() {
        // Under constant rates the law expects no fall, and there was none.
        let weighing = Weighing::of(&[([0.05, 0.05, 0.02, 0.02], 0.0); 24], 0.5, 0.001);
        assert!(weighing.weights(0.0)[3] > 0.3);
        assert!(weighing.weights(0.7)[3] < 1e-3);
    }

    #[test]
    fn nothing_to_weigh_by_is_no_trouble() {
        for drift in [0.0, 1e-300, 1e300] {
            let weights = Weighing::of(&[([0.0; FORECASTS], 0.0)], 0.5, drift).weights(1e200);
            assert!(weights.iter().all(|weight| weight.is_finite()), "{drift}: {weights:?}");
        }
    }
}
