//! A toy training whose end depends on its rates, a law fitted to a few runs of it, and logs of it in several formats.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lodecast::{Direction, Family, FitOptions, LawFit, Metric, Model, Point, Run, Schedule, Sweep};
use lodecast_live::{Follower, FollowerOptions, Looked, RatesFile, WatchOptions};

/// Steps of a run.
pub(crate) const STEPS: u64 = 400;
/// Rates of the runs that are learned from.
pub(crate) const PEAKS: [f64; 4] = [0.02, 0.05, 0.1, 0.2];

/// A training: its loss falls with the rates it was given, and scatters with the rate it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Training {
    area: f64,
    pub(crate) step: u64,
    seed: u64,
}

impl Training {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Takes a step and gives what is measured after it.
    pub(crate) fn step(&mut self, learning_rate: f64) -> Point {
        self.area += learning_rate / (1.0 + 8.0 * learning_rate);
        self.step += 1;
        let noise = (self.step.wrapping_mul(2_654_435_761).wrapping_add(self.seed * 97) % 1000) as f64 / 1000.0 - 0.5;
        let loss = 0.15 + 2.0 / (1.0 + 0.6 * self.area) + 0.8 * learning_rate + 0.01 * noise;
        Point::new(self.step).train_loss(loss).learning_rate(learning_rate).validation(1.0 - 0.4 * loss)
    }
}

/// A law fitted to eight whole runs, once for all tests.
pub(crate) fn model() -> Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(fitted).clone()
}

fn fitted() -> Model {
    let mut sweep = Sweep::new(vec![Metric::new("val_accuracy", Direction::Max)]);
    for (seed, family) in [(1, Family::Cosine), (2, Family::Constant)] {
        for peak in PEAKS {
            let schedule = Schedule::parametric(family, peak);
            let mut training = Training::new(seed);
            let points = (0..STEPS).map(|step| training.step(schedule.at_step(step, STEPS).max(1e-4)));
            let every_tenth: Vec<Point> = points.filter(|point| point.step % 10 == 0).collect();
            let mut run = Run::from_points(format!("{family} {peak}"), every_tenth).expect("steps increase");
            run.attributes.total_steps = Some(STEPS);
            run.attributes.schedule = Some(family.name().to_owned());
            run.attributes.peak_lr = Some(peak);
            sweep.runs.push(run);
        }
    }
    lodecast::fit(&sweep, &LawFit::default().into(), FitOptions::default()).expect("a usable sweep").model
}

/// A folder with a log in it, and the rates beside it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    pub(crate) log: PathBuf,
    pub(crate) rates: PathBuf,
}

impl Place {
    pub(crate) fn new(log: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let (log, rates) = (path(log), path("out/rates.json"));
        fs::create_dir_all(path("out")).expect("made");
        fs::create_dir_all(log.parent().expect("a folder")).expect("made");
        Self { folder, log, rates }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn options(&self) -> FollowerOptions {
        let place = self.log.to_str().expect("Unicode").to_owned();
        FollowerOptions {
            watch: WatchOptions { place, ..WatchOptions::default() },
            out: self.rates.clone(),
            total_steps: Some(STEPS),
            ..FollowerOptions::default()
        }
    }

    pub(crate) fn follower(&self) -> Follower {
        Follower::open(model(), self.options()).expect("it follows")
    }

    pub(crate) fn file(&self) -> RatesFile {
        RatesFile::read(&self.rates).expect("a file of rates")
    }

    /// Appends to the log.
    pub(crate) fn append(&self, text: &str) {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.log).expect("opened");
        file.write_all(text.as_bytes()).expect("written");
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(&self.log, text).expect("written");
    }
}

pub(crate) fn look(follower: &mut Follower) -> Looked {
    follower.look().expect("a look")
}

/// Points as rows of a table.
pub(crate) const HEADER: &str = "step,train_loss,learning_rate,val_accuracy\n";

pub(crate) fn rows(points: &[Point]) -> String {
    points.iter().fold(String::new(), |mut text, point| {
        let value = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let cells = [point.train_loss, point.learning_rate, point.validation].map(value);
        let _ = writeln!(text, "{},{}", point.step, cells.join(","));
        text
    })
}

pub(crate) fn json_lines(points: &[Point]) -> String {
    points.iter().map(|point| json(point) + "\n").collect()
}

pub(crate) fn json(point: &Point) -> String {
    let Point { step, train_loss, learning_rate, validation } = *point;
    let value =
        |name: &str, value: Option<f64>| value.map_or_else(String::new, |value| format!(", \"{name}\": {value}"));
    format!(
        "{{\"step\": {step}{}{}{}}}",
        value("loss", train_loss),
        value("learning_rate", learning_rate),
        value("val_accuracy", validation)
    )
}

/// Trains `count` steps at the rates of the file, and gives every tenth point.
pub(crate) fn train(training: &mut Training, file: &RatesFile, count: u64) -> Vec<Point> {
    let points = (0..count).map(|_| training.step(file.learning_rate(training.step)));
    let points: Vec<Point> = points.collect();
    points.into_iter().filter(|point| point.step % 10 == 0).collect()
}
