//! [`MlflowRun`]: one run of a tracking server, to log into.

use std::fmt;

use serde_json::{Value, json};

use super::http::Client;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// A run of an MLflow tracking server, into which can be logged. Credentials are those of MLflow's own client, from the environment.
pub struct MlflowRun {
    client: Client,
    id: String,
}

impl fmt::Debug for MlflowRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for MlflowRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} run {}", self.client.base(), self.id)
    }
}

impl MlflowRun {
    /// The run at an address as a browser shows it, `http://HOST:5000/#/experiments/1/runs/ID`, or in short `http://HOST:5000/runs/ID`.
    ///
    /// # Errors
    /// If the address names no run, or holds credentials.
    pub fn at(address: &str, limits: &Limits) -> Result<Self> {
        let unknown = || Error::Remote {
            address: crate::source::without_password(address),
            reason: "it names no run".to_owned(),
            remedy: "give the address of the run's page, http://HOST:5000/#/experiments/1/runs/ID".to_owned(),
        };
        let (before, after) = address.split_once("/runs/").ok_or_else(unknown)?;
        let id: String =
            after.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "_-".contains(*letter)).collect();
        if id.is_empty() {
            return Err(unknown());
        }
        let base = before.split("/#/").next().unwrap_or(before);
        Ok(Self { client: Client::new(base.trim_end_matches("/#"), limits)?, id })
    }

    /// Logs metrics at a step, and tags.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses.
    pub fn log(&self, step: u64, milliseconds: u64, metrics: &[(&str, f64)], tags: &[(String, String)]) -> Result<()> {
        let metrics: Vec<Value> = metrics
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value, "timestamp": milliseconds, "step": step}))
            .collect();
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let body = json!({"run_id": self.id, "metrics": metrics, "tags": tags});
        self.client.post::<Value>("runs/log-batch", &body).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_in_the_addresses_that_there_are() {
        let at = |address: &str| MlflowRun::at(address, &Limits::default()).map(|run| run.to_string()).ok();
        let run = Some("http://localhost:5000 run a1b2".to_owned());
        assert_eq!(at("http://localhost:5000/#/experiments/1/runs/a1b2"), run);
        assert_eq!(at("http://localhost:5000/#/experiments/1/runs/a1b2/artifacts"), run);
        assert_eq!(at("http://localhost:5000/runs/a1b2"), run);
        assert_eq!(at("https://host/mlflow/#/experiments/1/runs/a"), Some("https://host/mlflow run a".to_owned()));
        for wrong in ["http://localhost:5000", "http://localhost:5000/runs/", "http://me:secret@host/runs/a"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
