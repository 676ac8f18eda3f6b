//! [`Counters`]: what a server has done since it began, for Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper ends of the buckets of waiting times, in milliseconds.
const BUCKETS: [u64; 7] = [5, 10, 25, 50, 100, 500, 2500];

/// What has been counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) points: AtomicU64,
    pub(crate) known_points: AtomicU64,
    pub(crate) decisions: AtomicU64,
    pub(crate) forecasts: AtomicU64,
    pub(crate) not_stored: AtomicU64,
    pub(crate) defects: AtomicU64,
    answers: [AtomicU64; 5],
    took: [AtomicU64; BUCKETS.len() + 1],
    took_microseconds: AtomicU64,
}

impl Counters {
    /// Counts an answer by its status.
    pub(crate) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.answers[class].fetch_add(1, Relaxed);
    }

    /// Counts how long points took until they were answered.
    pub(crate) fn took(&self, time: Duration) {
        let bucket = BUCKETS.iter().position(|&end| time <= Duration::from_millis(end)).unwrap_or(BUCKETS.len());
        self.took[bucket].fetch_add(1, Relaxed);
        self.took_microseconds.fetch_add(time.as_micros() as u64, Relaxed);
    }

    /// Everything in Prometheus's text format.
    pub(crate) fn text(&self, runs: u64, in_memory: usize) -> String {
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
            let _ = writeln!(text, "# HELP lodecast_{name} {help}\n# TYPE lodecast_{name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "lodecast_{name}{labels} {value}");
            }
        };
        let plain = |value: u64| [(String::new(), value)];
        let count = |counter: &AtomicU64| plain(counter.load(Relaxed));
        metric("runs", "gauge", "Runs in the store.", &plain(runs));
        metric("runs_in_memory", "gauge", "Runs in memory.", &plain(in_memory as u64));
        metric("points_total", "counter", "Points taken in.", &count(&self.points));
        metric("known_points_total", "counter", "Points that were known.", &count(&self.known_points));
        metric("decisions_total", "counter", "Schedules decided upon.", &count(&self.decisions));
        metric("forecasts_total", "counter", "Forecasts made between decisions.", &count(&self.forecasts));
        metric("not_stored_total", "counter", "Requests that the disk did not take.", &count(&self.not_stored));
        metric("defects_total", "counter", "Defects of lodecast that were met.", &count(&self.defects));
        let answers: Vec<_> = self
            .answers
            .iter()
            .zip(1..)
            .map(|(answers, class)| (format!("{{status=\"{class}xx\"}}"), answers.load(Relaxed)))
            .collect();
        metric("answers_total", "counter", "Answers by the class of their status.", &answers);
        let mut so_far = 0;
        let mut buckets = Vec::new();
        for (bucket, counted) in self.took.iter().enumerate() {
            so_far += counted.load(Relaxed);
            let end = BUCKETS.get(bucket).map_or_else(|| "+Inf".to_owned(), |&end| (end as f64 / 1e3).to_string());
            buckets.push((format!("_bucket{{le=\"{end}\"}}"), so_far));
        }
        buckets.push(("_count".to_owned(), so_far));
        metric("point_seconds", "histogram", "Time from a request with points to its answer.", &buckets);
        let _ = writeln!(text, "lodecast_point_seconds_sum {}", self.took_microseconds.load(Relaxed) as f64 / 1e6);
        text
    }
}
