//! A contest of whole tuning pipelines in tables and figures, and its page.

use lodecast::Direction;
use lodecast_lab::{Contest, ContestDifference, ContestRow};

use super::{bare_metric_name, is_fraction, mean, metric_value};
use crate::report::{
    Axis, Band, Block, Color, Curves, Figure, Key, Mark, Outcome, Panel, Plot, Report, Section, Series, Size, Strip,
    StripRow, Table, Weight, learning_rate, signed, significant,
};

/// The level at which a difference counts as one.
const LEVEL: f64 = 0.05;
/// The picks that the verdict is about: of the one, against the other.
const OURS: &str = "ours";
const BEST_RUN: &str = "best-run";

/// A contest, to be put into words.
pub(crate) struct View<'a> {
    contest: &'a Contest,
    fraction: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(contest: &'a Contest) -> Self {
        let values = contest.rows.iter().flat_map(|row| row.finals.iter().flatten().copied());
        Self { contest, fraction: is_fraction(&contest.metric, values) }
    }

    /// Factor and places of an error or a difference: percentage points where the metric is a fraction.
    fn unit(&self) -> (f64, usize) {
        if self.fraction { (100.0, 2) } else { (1.0, 4) }
    }

    fn value(&self, value: f64) -> String {
        metric_value(value, self.fraction)
    }

    fn difference(&self, value: f64) -> String {
        let (factor, places) = self.unit();
        signed(value * factor, places)
    }

    /// What every search and pick reached at every budget.
    pub(crate) fn rows(&self) -> Table {
        let (factor, places) = self.unit();
        let mean = format!("#mean {}", bare_metric_name(&self.contest.metric));
        let headings = ["search", "pick", "#runs", mean.as_str(), "#+/-", "#worst seed"];
        let mut table = Table::new(
            "Mean over pipelines and fresh seeds, on test data that no choice has seen, with its standard error over pipelines.",
            headings,
        );
        for row in &self.contest.rows {
            let error = row.standard_error.map_or_else(String::new, |error| format!("{:.places$}", error * factor));
            let (mean, worst) = (self.value(row.mean), self.value(row.worst));
            let cells = [row.search.clone(), row.pick.clone(), row.budget.to_string(), mean, error, worst];
            table.push(cells).color = Some(self.color(&row.search));
        }
        table
    }

    /// What differs, and whether beyond chance.
    pub(crate) fn differences(&self) -> Table {
        let headings = ["search, pick", "minus", "#runs", "#difference", "#95 % interval", "#p", "#Holm", "#won"];
        let mut table = Table::new(
            "Differences paired by pipeline; intervals by a bootstrap over pipelines, then seeds; p-values of the t-test over \
             pipelines, and as Holm corrects them for all of these.",
            headings,
        );
        let p = |p: Option<f64>| p.map_or_else(|| "-".to_owned(), |p| significant(p, 2));
        for found in &self.contest.differences {
            table.push([
                format!("{}, {}", found.of.0, found.of.1),
                format!("{}, {}", found.from.0, found.from.1),
                found.budget.to_string(),
                self.difference(found.mean),
                self.interval(found).unwrap_or_else(|| "-".to_owned()),
                p(found.p),
                p(found.holm_p),
                format!("{}/{}", found.won, found.pipelines),
            ]);
        }
        table
    }

    fn interval(&self, found: &ContestDifference) -> Option<String> {
        found.interval.map(|[low, high]| format!("{} to {}", self.difference(low), self.difference(high)))
    }

    fn color(&self, search: &str) -> Color {
        let searches = &self.contest.configuration.searches;
        Color::Hue(searches.iter().position(|known| known.name() == search).unwrap_or(0))
    }

    fn keys(&self) -> Vec<Key> {
        let searches = self.contest.configuration.searches.iter();
        let key = |name: &str| Key { label: name.to_owned(), color: self.color(name), mark: Mark::Line };
        searches.map(|search| key(search.name())).collect()
    }

    /// The final metric against the steps that were spent, a panel a pick.
    pub(crate) fn spent(&self) -> Figure {
        let name = bare_metric_name(&self.contest.metric);
        // The same for all panels, so that picks can be compared.
        let ends = self.contest.rows.iter().flat_map(|row| {
            let error = row.standard_error.unwrap_or(0.0);
            [row.mean - error, row.mean + error]
        });
        let (low, high) = ends
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let air = 0.05 * (high - low).max(1e-9);
        let label = format!("final test {name}");
        let mut y = Axis { percent: self.fraction, ..Axis::linear(label) };
        if low < high {
            y = y.between(low - air, high + air);
        }
        let panel = |pick: &lodecast_lab::PickRule| {
            let mut plot = Curves { x: Axis::log("training steps spent"), y: y.clone(), ..Curves::default() };
            for search in &self.contest.configuration.searches {
                let mut rows: Vec<&ContestRow> = self.contest.rows.iter().collect();
                rows.retain(|row| row.search == search.name() && row.pick == pick.name());
                rows.sort_by_key(|row| row.budget);
                let steps = |row: &ContestRow| (row.budget * self.contest.total_steps) as f64;
                let color = self.color(search.name());
                let range = |row: &&ContestRow| {
                    row.standard_error.map(|error| (steps(row), row.mean - error, row.mean + error))
                };
                plot.bands.push(Band { color, points: rows.iter().filter_map(range).collect() });
                let points: Vec<(f64, f64)> = rows.iter().map(|row| (steps(row), row.mean)).collect();
                for mark in [Mark::Line, Mark::Dot] {
                    let (label, points) = (search.name().to_owned(), points.clone());
                    plot.series.push(Series { label, color, mark, weight: Weight::Normal, points });
                }
            }
            Panel { title: pick.name().to_owned(), plot: Plot::Curves(plot), size: Size::Half }
        };
        let configuration = &self.contest.configuration;
        Figure {
            title: "What a budget buys".to_owned(),
            reading: format!(
                "A panel a pick, a colour a search: the mean over {} pipelines and {} fresh seeds each, and its standard error over \
                 pipelines. Steps are those that the search spent, confirming runs included.",
                configuration.pipelines, configuration.seeds
            ),
            keys: self.keys(),
            panels: configuration.picks.iter().map(panel).collect(),
        }
    }

    /// What each pick gains over the best measured run, pipeline by pipeline, a panel a budget. `None` if the best run took no part.
    pub(crate) fn gains(&self) -> Option<Figure> {
        let (factor, _) = self.unit();
        let configuration = &self.contest.configuration;
        let rows = |budget: u64| {
            let of_budget = self.contest.rows.iter().filter(move |row| row.budget == budget && row.pick != BEST_RUN);
            of_budget.filter_map(move |row| {
                let from = self.row(&row.search, BEST_RUN, budget)?;
                let gain = |(mine, others): (&Vec<f64>, &Vec<f64>)| factor * (mean(mine) - mean(others));
                let values: Vec<f64> = row.finals.iter().zip(&from.finals).map(gain).collect();
                let label = format!("{}, {}", row.search, row.pick);
                let interval = self.found(row, from).and_then(|found| found.interval);
                // The bootstrap's interval, about its middle.
                let bar = interval.map(|[low, high]| (factor * 0.5 * (low + high), factor * 0.5 * (high - low)));
                Some(StripRow { label, color: self.color(&row.search), values, mean: bar })
            })
        };
        let unit = if self.fraction { ", percentage points" } else { "" };
        let label = format!("difference in final test {}{unit}", bare_metric_name(&self.contest.metric));
        let panel = |&budget: &u64| {
            let plot = Strip { x: Axis::linear(label.clone()), reference: Some(0.0), rows: rows(budget).collect() };
            Panel { title: format!("{budget} runs"), plot: Plot::Strip(plot), size: Size::Wide }
        };
        let panels: Vec<Panel> =
            configuration.budgets.iter().filter(|budget| rows(**budget).next().is_some()).map(panel).collect();
        let better = if self.contest.metric.direction == Direction::Max { "right" } else { "left" };
        (!panels.is_empty()).then(|| Figure {
            title: "Beside the best measured run".to_owned(),
            reading: format!(
                "A dot is a pipeline, the bar the 95 % interval of the mean by a bootstrap over pipelines, then seeds, the diamond its \
                 middle. What lies {better} of the line is better than the schedule of the best run of the same search."
            ),
            panels,
            ..Figure::default()
        })
    }

    fn row(&self, search: &str, pick: &str, budget: u64) -> Option<&'a ContestRow> {
        self.contest.rows.iter().find(|row| row.search == search && row.pick == pick && row.budget == budget)
    }

    fn found(&self, of: &ContestRow, from: &ContestRow) -> Option<&'a ContestDifference> {
        let is = |place: &(String, String), row: &ContestRow| place.0 == row.search && place.1 == row.pick;
        let mut all = self.contest.differences.iter();
        all.find(|found| found.budget == of.budget && is(&found.of, of) && is(&found.from, from))
    }

    /// How our pick came out beside the best run of the first search, at the largest budget.
    fn verdict(&self) -> Option<(Outcome, String, String)> {
        let configuration = &self.contest.configuration;
        let (search, budget) = (configuration.searches.first()?.name(), *configuration.budgets.iter().max()?);
        let (ours, best) = (self.row(search, OURS, budget)?, self.row(search, BEST_RUN, budget)?);
        let found = self.found(ours, best)?;
        let beyond_chance = found.holm_p.is_some_and(|p| p < LEVEL);
        let better = self.contest.metric.direction.is_better(found.mean, 0.0);
        let outcome = match (beyond_chance, better) {
            (true, true) => Outcome::Won,
            (true, false) => Outcome::Lost,
            (false, _) => Outcome::Tied,
        };
        let unit = if self.fraction { " percentage points" } else { "" };
        let chance = if beyond_chance { "beyond chance" } else { "not beyond chance" };
        let sentence = format!(
            "From {budget} runs of the search '{search}', our pick ends {}{unit} from the best measured run: {chance}.",
            self.difference(found.mean)
        );
        let interval = self.interval(found).map_or_else(String::new, |interval| format!("95 % interval {interval}; "));
        let basis = format!("{interval}better in {} of {} pipelines.", found.won, found.pipelines);
        Some((outcome, sentence, basis))
    }

    /// The page.
    pub(crate) fn report(&self) -> Report {
        let configuration = &self.contest.configuration;
        let list = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let (low, high) = configuration.peaks;
        let facts = [
            ("Task", configuration.task.clone()),
            ("Optimizer", configuration.optimizer.to_string()),
            ("Length of a run", format!("{} steps", self.contest.total_steps)),
            ("Budgets", format!("the steps of {} runs", list(&configuration.budgets))),
            ("Peaks tried", format!("{} to {}", learning_rate(low), learning_rate(high))),
            ("Pipelines", configuration.pipelines.to_string()),
            ("Fresh seeds a pick", configuration.seeds.to_string()),
        ];
        let prose = "A pipeline is everything from the first run to a schedule: a search asks for runs, a pick takes a schedule from \
                     what they measured on the validation set, and that schedule is trained under fresh seeds. Searches are nested: \
                     the first runs of a larger budget are the smaller one. Runs that diverged or confirmed another count.";
        let terms = configuration
            .searches
            .iter()
            .map(|search| (search.name().to_owned(), format!("search: {}", search.about())));
        let picks = configuration.picks.iter().map(|pick| (pick.name().to_owned(), format!("pick: {}", pick.about())));
        let mut blocks = vec![Block::Prose(prose.to_owned()), Block::Figure(self.spent()), Block::Table(self.rows())];
        blocks.extend(self.gains().map(Block::Figure));
        blocks.push(Block::Table(self.differences()));
        let (outcome, verdict, basis) = self.verdict().unwrap_or_default();
        Report {
            title: format!("Searches and picks on {}", configuration.task),
            verdict,
            outcome,
            basis,
            facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            sections: vec![
                Section { title: "The result".to_owned(), blocks },
                Section {
                    title: "What took part".to_owned(),
                    blocks: vec![Block::Glossary(terms.chain(picks).collect())],
                },
            ],
        }
    }
}
