//! The tables of a contest: what each search and pick reached, and what differs beyond chance.

use lodecast::Metric;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::configuration::ContestConfiguration;
use crate::run::record::number_json;
use crate::studies::statistics::{holm, mean, standard_error, t_test};

/// What one search reached with one pick at one budget, on the test set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContestRow {
    /// How runs were chosen.
    pub search: String,
    /// How the schedule was taken.
    pub pick: String,
    /// Budget, in runs of the full length.
    pub budget: u64,
    /// Mean over pipelines and seeds.
    #[serde(with = "number_json")]
    pub mean: f64,
    /// Standard error of the mean over pipelines; `None` of a single one.
    pub standard_error: Option<f64>,
    /// The worst seed of all pipelines.
    #[serde(with = "number_json")]
    pub worst: f64,
    /// Runs whose final value is NaN.
    pub lost: usize,
    /// Final values: a list a pipeline, by seed.
    pub finals: Vec<Vec<f64>>,
}

/// How one row differs from another of the same budget, paired by pipeline and seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContestDifference {
    /// The row: search and pick.
    pub of: (String, String),
    /// The row it is compared with.
    pub from: (String, String),
    /// Budget of both.
    pub budget: u64,
    /// Mean of the first minus the second, in the metric.
    #[serde(with = "number_json")]
    pub mean: f64,
    /// 95 % interval by a bootstrap over pipelines, then seeds; `None` of a single pipeline.
    pub interval: Option<[f64; 2]>,
    /// Two-sided p-value of the t-test over pipelines.
    pub p: Option<f64>,
    /// The same, corrected by Holm for the number of differences of the contest.
    pub holm_p: Option<f64>,
    /// Pipelines in which the first was better.
    pub won: usize,
    /// Pipelines in all.
    pub pipelines: usize,
}

/// Rows from final values that come by search, pipeline, budget, pick, seed.
pub(super) fn rows(configuration: &ContestConfiguration, metric: &Metric, finals: &[f64]) -> Vec<ContestRow> {
    let ContestConfiguration { budgets, searches, picks, pipelines, seeds, .. } = configuration;
    let (pipelines, seeds) = (*pipelines as usize, *seeds as usize);
    let mut rows = Vec::new();
    for (s, search) in searches.iter().enumerate() {
        for (b, budget) in budgets.iter().enumerate() {
            for (k, pick) in picks.iter().enumerate() {
                let of_pipeline = |pipeline: usize| {
                    let first = (((s * pipelines + pipeline) * budgets.len() + b) * picks.len() + k) * seeds;
                    finals[first..first + seeds].to_vec()
                };
                let finals: Vec<Vec<f64>> = (0..pipelines).map(of_pipeline).collect();
                rows.push(row([search.name(), pick.name()], *budget, metric, finals));
            }
        }
    }
    rows
}

fn row([search, pick]: [&str; 2], budget: u64, metric: &Metric, finals: Vec<Vec<f64>>) -> ContestRow {
    let means: Vec<f64> = finals.iter().map(|finals| mean(finals)).collect();
    let values = || finals.iter().flatten().copied();
    let worse = |a: f64, b: f64| if a.is_nan() || metric.direction.is_better(b, a) { a } else { b };
    ContestRow {
        search: search.to_owned(),
        pick: pick.to_owned(),
        budget,
        mean: mean(&means),
        standard_error: standard_error(&means),
        worst: values().reduce(worse).unwrap_or(f64::NAN),
        lost: values().filter(|value| value.is_nan()).count(),
        finals,
    }
}

/// What each pick gains over the best run, and each search over the first one.
pub(super) fn differences(
    configuration: &ContestConfiguration,
    metric: &Metric,
    rows: &[ContestRow],
) -> Vec<ContestDifference> {
    let mut found = Vec::new();
    let first_search = configuration.searches.first().map_or("", |search| search.name());
    for row in rows {
        let find = |search: &str, pick: &str| {
            rows.iter().find(|other| other.search == search && other.pick == pick && other.budget == row.budget)
        };
        let best_run = find(&row.search, "best-run").filter(|_| row.pick != "best-run");
        let same_pick = find(first_search, &row.pick).filter(|_| row.search != first_search);
        found.extend(best_run.into_iter().chain(same_pick).map(|from| difference(row, from, metric)));
    }
    let corrected = holm(&found.iter().map(|difference| difference.p).collect::<Vec<_>>());
    for (difference, p) in found.iter_mut().zip(corrected) {
        difference.holm_p = p;
    }
    found
}

fn difference(row: &ContestRow, from: &ContestRow, metric: &Metric) -> ContestDifference {
    let paired: Vec<Vec<f64>> = row
        .finals
        .iter()
        .zip(&from.finals)
        .map(|(mine, others)| mine.iter().zip(others).map(|(mine, other)| mine - other).collect())
        .collect();
    let means: Vec<f64> = paired.iter().map(|differences| mean(differences)).collect();
    ContestDifference {
        of: (row.search.clone(), row.pick.clone()),
        from: (from.search.clone(), from.pick.clone()),
        budget: row.budget,
        mean: mean(&means),
        interval: nested_bootstrap(&paired),
        p: t_test(&means),
        holm_p: None,
        won: means.iter().filter(|mean| metric.direction.is_better(**mean, 0.0)).count(),
        pipelines: means.len(),
    }
}

/// 95 % interval of the mean of means, pipelines drawn again and within each its seeds.
fn nested_bootstrap(differences: &[Vec<f64>]) -> Option<[f64; 2]> {
    const RESAMPLES: usize = 10_000;
    let count = differences.len();
    if count < 2 || differences.iter().flatten().any(|difference| !difference.is_finite()) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut resampled = || {
        let of_pipeline = |random: &mut ChaCha8Rng| {
            let seeds = &differences[random.random_range(0..count)];
            (0..seeds.len()).map(|_| seeds[random.random_range(0..seeds.len())]).sum::<f64>() / seeds.len() as f64
        };
        (0..count).map(|_| of_pipeline(&mut random)).sum::<f64>() / count as f64
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resampled()).collect();
    means.sort_by(f64::total_cmp);
    Some([means[RESAMPLES * 25 / 1000], means[RESAMPLES * 975 / 1000 - 1]])
}

#[cfg(test)]
mod tests {
    use lodecast::Direction;

    use super::*;

    fn configuration() -> ContestConfiguration {
        serde_json::from_str(
            r#"{"task": "t", "optimizer": "sgd", "peaks": [0.01, 1.0], "budgets": [6, 12], "pipelines": 3, "seeds": 2,
                "searches": ["random", "spread"], "picks": ["best-run", "ours"]}"#,
        )
        .expect("a configuration")
    }

    #[test]
    fn final_values_find_their_rows() {
        let configuration = configuration();
        // By search, pipeline, budget, pick, seed: each value says where it belongs.
        let mut finals = Vec::new();
        for search in 0..2 {
            for pipeline in 0..3 {
                for budget in 0..2 {
                    for pick in 0..2 {
                        finals.extend((0..2).map(|seed| {
                            f64::from(10_000 * search + 1000 * pipeline + 100 * budget + 10 * pick + seed)
                        }));
                    }
                }
            }
        }
        let metric = Metric::new("accuracy", Direction::Max);
        let rows = rows(&configuration, &metric, &finals);
        assert_eq!(rows.len(), 8);
        let row =
            rows.iter().find(|row| row.search == "spread" && row.pick == "ours" && row.budget == 12).expect("there");
        assert_eq!(row.finals, [[10_110.0, 10_111.0], [11_110.0, 11_111.0], [12_110.0, 12_111.0]]);
        assert_eq!((row.mean, row.worst, row.lost), (11_110.5, 10_110.0, 0));
        let differences = differences(&configuration, &metric, &rows);
        // Ours beside the best run in 2 searches x 2 budgets, spread beside random in 2 picks x 2 budgets.
        assert_eq!(differences.len(), 8);
        assert!(differences.iter().all(|found| found.mean == if found.of.1 == found.from.1 { 10_000.0 } else { 10.0 }));
        assert!(differences.iter().all(|found| found.won == 3 && found.interval == Some([found.mean; 2])));
    }

    #[test]
    fn intervals_widen_with_what_pipelines_and_seeds_scatter() {
        // Four pipelines of equal seeds: the interval is that of the pipelines, whose means are -1, 0, 1, 2.
        let by_pipeline: Vec<Vec<f64>> = (0..4).map(|k| vec![f64::from(k) - 1.0; 3]).collect();
        let [low, high] = nested_bootstrap(&by_pipeline).expect("finite");
        assert!(low <= -0.4 && high >= 1.4 && low >= -1.0 && high <= 2.0, "{low} {high}");
        // Seeds that scatter about the same means widen it.
        let scattered: Vec<Vec<f64>> =
            by_pipeline.iter().map(|seeds| vec![seeds[0] - 6.0, seeds[0], seeds[0] + 6.0]).collect();
        let wider = nested_bootstrap(&scattered).expect("finite");
        assert!(wider[1] - wider[0] > 1.3 * (high - low), "{wider:?}");
        assert_eq!(nested_bootstrap(&by_pipeline[..1]), None);
    }
}
