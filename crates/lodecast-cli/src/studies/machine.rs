//! What machine this is and what day it is, for the record beside every measurement.

use serde::{Deserialize, Serialize};

/// The machine and the moment of a measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Processor as it calls itself.
    pub processor: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Operating system and instruction set.
    pub system: String,
    /// Version of lodecast.
    pub lodecast: String,
    /// When, in UTC.
    pub date: String,
}

impl Machine {
    /// This machine, now.
    pub(crate) fn here() -> Self {
        Self {
            processor: processor().unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            lodecast: env!("CARGO_PKG_VERSION").to_owned(),
            date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        }
    }
}

#[cfg(target_os = "linux")]
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn processor() -> Option<String> {
    None
}
