//! What was decided, logged where the run is looked at: TensorBoard's event files, JSON lines, or a run of MLflow. The names are those of
//! `lodecast.live.sinks` in Python.

use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use lodecast::Interval;
use lodecast_import::MlflowRun;
use serde::Serialize;

use crate::error::{Error, Result};

/// What is logged of a decision or a forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogBackEntry {
    /// Step at which it was made.
    pub step: u64,
    /// Revision of the schedule.
    pub revision: u64,
    /// Learning rate there.
    pub learning_rate: f64,
    /// What the run is predicted to end at.
    pub predicted: Option<Interval>,
    /// Why it was decided; none of a mere forecast.
    pub reason: Option<String>,
    /// Did the schedule change?
    pub changed: bool,
}

impl LogBackEntry {
    /// What can be drawn, by name.
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        let mut numbers = vec![("lodecast/learning_rate", self.learning_rate)];
        if self.reason.is_some() {
            numbers.push(("lodecast/replanned", f64::from(u8::from(self.changed))));
        }
        if let Some(Interval { mean, low, high }) = self.predicted {
            numbers.extend([
                ("lodecast/predicted_final", mean),
                ("lodecast/predicted_low", low),
                ("lodecast/predicted_high", high),
            ]);
        }
        numbers
    }
}

/// Where decisions are logged.
pub trait LogBack: Send {
    /// Logs an entry.
    ///
    /// # Errors
    /// If that is not possible.
    fn write(&mut self, entry: &LogBackEntry) -> Result<()>;
}

/// A file of JSON lines, one an entry.
#[derive(Debug)]
pub struct JsonLinesLog {
    path: PathBuf,
}

impl JsonLinesLog {
    /// Appends to the file at `path`, which is made when there is something to log.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl LogBack for JsonLinesLog {
    fn write(&mut self, entry: &LogBackEntry) -> Result<()> {
        let failed = |source: io::Error| Error::File { path: self.path.clone(), source };
        let line = serde_json::to_string(entry).map_err(|error| failed(error.into()))? + "\n";
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).map_err(failed)?;
        file.write_all(line.as_bytes()).map_err(failed)
    }
}

/// A folder of TensorBoard's event files: numbers as scalars, the reason as text.
#[derive(Debug)]
pub struct TensorBoardLog {
    folder: PathBuf,
    file: Option<File>,
}

impl TensorBoardLog {
    /// Logs into a new event file in `folder`, which is made when there is something to log.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), file: None }
    }

    fn begin(folder: &Path, now: f64) -> io::Result<File> {
        create_dir_all(folder)?;
        let name = format!("events.out.tfevents.{:010}.lodecast.{}.0", now as u64, std::process::id());
        let mut file = OpenOptions::new().create(true).append(true).open(folder.join(name))?;
        let mut event = Message::default();
        event.double(1, now);
        event.bytes(3, b"brain.Event:2");
        file.write_all(&record(&event.0))?;
        Ok(file)
    }
}

impl LogBack for TensorBoardLog {
    fn write(&mut self, entry: &LogBackEntry) -> Result<()> {
        let failed = |source: io::Error| Error::File { path: self.folder.clone(), source };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(Self::begin(&self.folder, now).map_err(failed)?),
        };
        file.write_all(&record(&event(entry, now))).map_err(failed)
    }
}

/// A run of an MLflow tracking server: numbers as metrics, reasons as tags.
#[derive(Debug)]
pub struct MlflowLog {
    run: MlflowRun,
}

impl MlflowLog {
    /// Logs into a run.
    pub fn new(run: MlflowRun) -> Self {
        Self { run }
    }
}

impl LogBack for MlflowLog {
    fn write(&mut self, entry: &LogBackEntry) -> Result<()> {
        /// Characters of a tag's value at most.
        const LONGEST: usize = 5000;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let numbers: Vec<_> = entry.numbers().into_iter().filter(|(_, number)| number.is_finite()).collect();
        let reason = entry.reason.as_ref().map(|reason| {
            (format!("lodecast.reason.{}", entry.step), reason.chars().take(LONGEST).collect::<String>())
        });
        let tags: Vec<_> = reason.into_iter().collect();
        Ok(self.run.log(entry.step, now, &numbers, &tags)?)
    }
}

/// The event of an entry (`event.proto`, `summary.proto` and `tensor.proto` of TensorBoard).
fn event(entry: &LogBackEntry, now: f64) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, number) in entry.numbers() {
        let mut value = Message::default();
        value.bytes(1, tag.as_bytes());
        value.float(2, number as f32);
        summary.bytes(1, &value.0);
    }
    if let Some(reason) = &entry.reason {
        const STRINGS: u64 = 7;
        let (mut size, mut shape, mut tensor) = (Message::default(), Message::default(), Message::default());
        size.integer(1, 1);
        shape.bytes(2, &size.0);
        tensor.integer(1, STRINGS);
        tensor.bytes(2, &shape.0);
        tensor.bytes(8, reason.as_bytes());
        let (mut plugin, mut metadata, mut value) = (Message::default(), Message::default(), Message::default());
        plugin.bytes(1, b"text");
        metadata.bytes(1, &plugin.0);
        value.bytes(1, b"lodecast/reason/text_summary");
        value.bytes(8, &tensor.0);
        value.bytes(9, &metadata.0);
        summary.bytes(1, &value.0);
    }
    let mut event = Message::default();
    event.double(1, now);
    event.integer(2, entry.step);
    event.bytes(5, &summary.0);
    event.0
}

/// A record of an event file: its length and its bytes, each with a checksum.
fn record(data: &[u8]) -> Vec<u8> {
    let masked = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// A protocol buffer in the making.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn integer(&mut self, field: u64, value: u64) {
        self.key(field, 0);
        self.varint(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn float(&mut self, field: u64, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }
}
