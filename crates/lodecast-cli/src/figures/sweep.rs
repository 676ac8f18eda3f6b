//! A sweep in tables and figures: its configurations, its curves, what each peak rate led to.

use lodecast::Sweep;

use super::{
    configuration_label, is_fraction, mean, metric_axis, metric_error, metric_name, metric_value, standard_error,
};
use crate::report::{
    Axis, Color, Curves, Figure, Key, Mark, Panel, Plot, Series, Size, Table, Weight, learning_rate, significant,
};

/// The runs of one configuration, summed up.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct ConfigurationSummary {
    /// In words.
    pub configuration: String,
    /// Number of runs.
    pub runs: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// Runs that stopped before their planned end.
    pub stopped: usize,
    /// Points of all runs.
    pub points: usize,
    /// Mean of the last values of the runs that reached their end.
    pub mean_final: Option<f64>,
    /// Standard error of that mean.
    pub standard_error: Option<f64>,
    /// Best last value of a run.
    pub best_final: Option<f64>,
}

/// All configurations, the best first; those without any result last.
pub(crate) fn configurations(sweep: &Sweep, metric: usize) -> Vec<ConfigurationSummary> {
    let direction = sweep.metrics[metric].direction;
    let mut summaries: Vec<ConfigurationSummary> = sweep
        .configurations()
        .into_iter()
        .map(|(name, indices)| {
            let runs = || indices.iter().map(|&index| &sweep.runs[index]);
            let diverged = runs().filter(|run| run.diverged_at(metric).is_some()).count();
            let finals: Vec<f64> = runs().filter_map(|run| run.final_metric(metric)).collect();
            let mean = (!finals.is_empty()).then(|| mean(&finals));
            ConfigurationSummary {
                configuration: name,
                runs: indices.len(),
                diverged,
                stopped: runs().filter(|run| stopped_early(run, metric)).count(),
                points: runs().map(lodecast::Run::len).sum(),
                mean_final: mean,
                standard_error: standard_error(&finals),
                best_final: finals.into_iter().reduce(|a, b| if direction.is_better(a, b) { a } else { b }),
            }
        })
        .collect();
    let reward =
        |summary: &ConfigurationSummary| summary.mean_final.map_or(f64::NEG_INFINITY, |mean| mean * direction.sign());
    summaries.sort_by(|a, b| reward(b).total_cmp(&reward(a)));
    summaries
}

/// Did a run end before its plan, for another reason than that it diverged?
pub(crate) fn stopped_early(run: &lodecast::Run, metric: usize) -> bool {
    !run.is_empty() && !run.reached_end() && run.diverged_at(metric).is_none()
}

/// The configurations as a table.
pub(crate) fn configuration_table(sweep: &Sweep, metric: usize) -> Table {
    let summaries = configurations(sweep, metric);
    let fraction = is_fraction(&sweep.metrics[metric], summaries.iter().filter_map(|summary| summary.best_final));
    let caption = format!("Last {} of each configuration, the best first.", metric_name(&sweep.metrics[metric]));
    // Few searches have runs that stopped early.
    let any_stopped = summaries.iter().any(|summary| summary.stopped > 0);
    let mut headings = vec!["Configuration", "#Runs", "#Diverged", "#Points", "#Mean", "#Std. error", "#Best run"];
    if any_stopped {
        headings.insert(3, "#Stopped");
    }
    let mut table = Table::new(caption, headings);
    for (index, summary) in summaries.iter().enumerate() {
        let missing = || "-".to_owned();
        let value = |value: Option<f64>| value.map_or_else(missing, |value| metric_value(value, fraction));
        let count = |count: usize| if count == 0 { missing() } else { count.to_string() };
        let mut cells = vec![
            summary.configuration.clone(),
            summary.runs.to_string(),
            count(summary.diverged),
            summary.points.to_string(),
            value(summary.mean_final),
            summary.standard_error.map_or_else(missing, |error| metric_error(error, fraction)),
            value(summary.best_final),
        ];
        if any_stopped {
            cells.insert(3, count(summary.stopped));
        }
        let row = table.push(cells);
        row.strong = index == 0;
    }
    table
}

/// Families in order of first appearance; runs that know none are one family.
fn families(sweep: &Sweep) -> Vec<String> {
    let mut families: Vec<String> = Vec::new();
    for run in &sweep.runs {
        let family = run.attributes.schedule.clone().unwrap_or_else(|| "all runs".to_owned());
        if !families.contains(&family) {
            families.push(family);
        }
    }
    families
}

fn family_of(run: &lodecast::Run) -> &str {
    run.attributes.schedule.as_deref().unwrap_or("all runs")
}

/// Peak rates in ascending order.
fn peaks(sweep: &Sweep) -> Vec<f64> {
    let mut peaks: Vec<f64> = sweep.runs.iter().filter_map(|run| run.attributes.peak_lr).collect();
    peaks.sort_by(f64::total_cmp);
    peaks.dedup();
    peaks
}

/// All runs, a panel a family, coloured by their peak rate.
pub(crate) fn curves(sweep: &Sweep, metric: usize) -> Figure {
    const MOST_FAMILIES: usize = 12;
    let peaks = peaks(sweep);
    let place = |peak: Option<f64>| match peak.and_then(|peak| peaks.iter().position(|&other| other == peak)) {
        Some(index) if peaks.len() > 1 => Color::Shade(index as f64 / (peaks.len() - 1) as f64),
        _ => Color::Shade(0.5),
    };
    let name = metric_name(&sweep.metrics[metric]);
    let all = || sweep.runs.iter().flat_map(|run| run.validation(metric).iter().copied().flatten());
    let y = metric_axis(&sweep.metrics[metric], name.clone(), all());
    let mut families = families(sweep);
    families.truncate(MOST_FAMILIES);
    let panels = families.iter().map(|family| {
        let series = sweep.runs.iter().filter(|run| family_of(run) == family).map(|run| {
            let points = run.points(metric).filter_map(|point| Some((point.step as f64, point.validation?)));
            let seed = run.attributes.seed.map_or_else(|| run.id.clone(), |seed| format!("seed {seed}"));
            Series {
                label: format!("{}, {seed}", configuration_label(run)),
                color: place(run.attributes.peak_lr),
                mark: Mark::Line,
                weight: Weight::Faint,
                points: points.collect(),
            }
        });
        let plot =
            Curves { x: Axis::linear("optimizer step"), y: y.clone(), series: series.collect(), ..Curves::default() };
        Panel { title: family.clone(), plot: Plot::Curves(plot), size: Size::Half }
    });
    let panels: Vec<Panel> = panels.collect();
    let keys = peaks.iter().map(|&peak| Key { label: learning_rate(peak), color: place(Some(peak)), mark: Mark::Line });
    let diverged = sweep.runs.iter().filter(|run| run.diverged_at(metric).is_some()).count();
    let mut reading = vec![match peaks.len() {
        0 => format!("Each line is one of the {} runs.", sweep.runs.len()),
        _ => format!("Each line is one of the {} runs; its colour is its peak learning rate.", sweep.runs.len()),
    }];
    if diverged > 0 {
        reading.push(format!("{diverged} of them diverged, and their lines end there."));
    }
    if let Some((_, mean, runs)) = sweep.best_configuration(metric) {
        reading.push(format!(
            "On average {} ended best, at {}.",
            configuration_label(&sweep.runs[runs[0]]),
            metric_value(mean, is_fraction(&sweep.metrics[metric], all()))
        ));
    }
    let reading = reading.join(" ");
    Figure { title: format!("{} of every run", capitalised(&name)), reading, keys: keys.collect(), panels }
}

/// Last value against peak rate, a colour a family; `None` where no run knows its peak.
pub(crate) fn finals(sweep: &Sweep, metric: usize) -> Option<Figure> {
    let peaks = peaks(sweep);
    if peaks.len() < 2 {
        return None;
    }
    let name = metric_name(&sweep.metrics[metric]);
    let (mut series, mut keys) = (Vec::new(), Vec::new());
    for (index, family) in families(sweep).into_iter().enumerate() {
        let color = Color::Hue(index);
        let of_peak = |peak: f64| -> Vec<f64> {
            let runs = sweep.runs.iter().filter(|run| family_of(run) == family && run.attributes.peak_lr == Some(peak));
            runs.filter(|run| run.diverged_at(metric).is_none())
                .filter_map(|run| run.final_validation(metric))
                .collect()
        };
        let mut means = Vec::new();
        for &peak in &peaks {
            let finals = of_peak(peak);
            if finals.is_empty() {
                continue;
            }
            means.push((peak, mean(&finals)));
            series.push(Series {
                label: format!("{family} {}", learning_rate(peak)),
                color,
                mark: Mark::Dot,
                weight: Weight::Faint,
                points: finals.iter().map(|&last| (peak, last)).collect(),
            });
        }
        series.push(Series { label: family.clone(), color, mark: Mark::Line, weight: Weight::Normal, points: means });
        keys.push(Key { label: family, color, mark: Mark::Line });
    }
    let all = series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    let y = Axis { percent: is_fraction(&sweep.metrics[metric], all), ..Axis::linear(format!("last {name}")) };
    let plot = Curves { x: Axis::log("peak learning rate"), y, series, ..Curves::default() };
    Some(Figure {
        title: format!(
            "What each peak learning rate led to, from {} to {}",
            learning_rate(peaks[0]),
            learning_rate(peaks[peaks.len() - 1])
        ),
        reading: "A dot is one run, a line the mean over its seeds. Runs that diverged are left out.".to_owned(),
        keys,
        panels: vec![Panel { title: String::new(), plot: Plot::Curves(plot), size: Size::Wide }],
    })
}

/// The first letter made large.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// Smallest and largest positive learning rate of a sweep, in words.
pub(crate) fn learning_rate_range(sweep: &Sweep) -> String {
    let rates = sweep.runs.iter().flat_map(|run| run.learning_rate().iter().copied().flatten());
    let positive = rates.filter(|rate| rate.is_finite() && *rate > 0.0);
    let (low, high) = positive.fold((f64::INFINITY, 0.0f64), |(low, high), rate| (low.min(rate), high.max(rate)));
    if low <= high { format!("{} to {}", significant(low, 2), significant(high, 2)) } else { "unknown".to_owned() }
}
