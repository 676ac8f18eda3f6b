//! The `lodecast_sweep` record: metric directions and run attributes, as JSON.
//!
//! ```json
//! {"lodecast_sweep": 1, "metrics": ["val_accuracy:max"], "runs": {"cosine-3e-3-s0": {"schedule": "cosine", "seed": 0}}}
//! ```
//!
//! It is the first line of a JSON-lines file and the value of the key `lodecast_sweep` in a Parquet file's metadata. It lists
//! every run in its order, also those without points.

use std::collections::BTreeMap;
use std::fmt;

use lodecast::{Attributes, Metric, Sweep};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Name of the record's version field, and of the Parquet metadata key that holds it.
pub(crate) const KEY: &str = "lodecast_sweep";

/// The only version there is so far.
const VERSION: u64 = 1;

/// The record as read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Header {
    /// Metrics whose direction the file declares.
    pub(crate) metrics: Vec<Metric>,
    /// Runs in order, with their attributes.
    pub(crate) runs: Vec<(String, Attributes)>,
}

impl Header {
    /// Parses the record.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            lodecast_sweep: u64,
            metrics: Vec<String>,
            runs: Runs,
        }
        let fields: Fields = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if fields.lodecast_sweep != VERSION {
            return Err(format!(
                "it is of version {}, and this lodecast reads version {VERSION}: use the lodecast that wrote it",
                fields.lodecast_sweep
            ));
        }
        let metrics: Result<_, _> = fields.metrics.iter().map(|text| text.parse()).collect();
        Ok(Self { metrics: metrics.map_err(|error: lodecast::Error| error.to_string())?, runs: fields.runs.0 })
    }
}

/// The record of a sweep, ready to be written.
pub(crate) struct HeaderOf<'a> {
    /// Validation metrics.
    pub(crate) metrics: &'a [Metric],
    /// Runs in order, with their attributes.
    pub(crate) runs: Vec<(&'a str, &'a Attributes)>,
}

impl<'a> HeaderOf<'a> {
    /// The record of a sweep in memory.
    pub(crate) fn sweep(sweep: &'a Sweep) -> Self {
        Self {
            metrics: &sweep.metrics,
            runs: sweep.runs.iter().map(|run| (run.id.as_str(), &run.attributes)).collect(),
        }
    }
}

impl Serialize for HeaderOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct RunsOf<'a>(&'a [(&'a str, &'a Attributes)]);
        impl Serialize for RunsOf<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|&(id, attributes)| (id, Record::from(attributes.clone()))))
            }
        }
        let metrics: Vec<String> = self.metrics.iter().map(ToString::to_string).collect();
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(KEY, &VERSION)?;
        map.serialize_entry("metrics", &metrics)?;
        map.serialize_entry("runs", &RunsOf(&self.runs))?;
        map.end()
    }
}

/// The runs of a record, in the order of the file, which a map type would lose.
struct Runs(Vec<(String, Attributes)>);

impl<'de> Deserialize<'de> for Runs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RunsVisitor;
        impl<'de> Visitor<'de> for RunsVisitor {
            type Value = Runs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the attributes of each run")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Runs, M::Error> {
                let mut runs = Vec::new();
                while let Some((id, record)) = map.next_entry::<String, Record>()? {
                    runs.push((id, Attributes::from(record)));
                }
                Ok(Runs(runs))
            }
        }
        deserializer.deserialize_map(RunsVisitor)
    }
}

/// [`Attributes`] in the file: the same fields, with a spelling for a peak rate that is not finite.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_lr: Option<Real>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    optimizer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_steps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    other: BTreeMap<String, String>,
}

impl From<Attributes> for Record {
    fn from(attributes: Attributes) -> Self {
        let Attributes { schedule, peak_lr, seed, optimizer, total_steps, source, other } = attributes;
        Self { schedule, peak_lr: peak_lr.map(Real), seed, optimizer, total_steps, source, other }
    }
}

impl From<Record> for Attributes {
    fn from(record: Record) -> Self {
        let Record { schedule, peak_lr, seed, optimizer, total_steps, source, other } = record;
        Self { schedule, peak_lr: peak_lr.map(|real| real.0), seed, optimizer, total_steps, source, other }
    }
}

/// A number that JSON may have to spell as a text: "NaN", "inf", "-inf".
struct Real(f64);

impl Serialize for Real {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.collect_str(&self.0) }
    }
}

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RealVisitor;
        impl Visitor<'_> for RealVisitor {
            type Value = Real;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"NaN\", \"inf\" or \"-inf\"")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Real, E> {
                Ok(Real(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Real, E> {
                Ok(Real(value as f64))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Real, E> {
                Ok(Real(value as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Real, E> {
                text.parse().map(Real).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(RealVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_keep_their_order() {
        let text = r#"{"lodecast_sweep":1,"metrics":["a:max"],"runs":{"z":{"peak_lr":"inf"},"a":{"peak_lr":1}}}"#;
        let header = Header::parse(text).unwrap();
        assert_eq!(header.runs.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["z", "a"]);
        assert_eq!(header.runs[0].1.peak_lr, Some(f64::INFINITY));
        assert_eq!(header.runs[1].1.peak_lr, Some(1.0));
    }

    #[test]
    fn what_it_does_not_know_is_an_error() {
        for bad in [
            r#"{"lodecast_sweep":2,"metrics":[],"runs":{}}"#,
            r#"{"lodecast_sweep":1,"metrics":["a"],"runs":{}}"#,
            r#"{"lodecast_sweep":1,"metrics":[],"runs":{"a":{"unheard_of":1}}}"#,
            r#"{"lodecast_sweep":1,"metrics":[]}"#,
        ] {
            assert!(Header::parse(bad).is_err(), "{bad}");
        }
    }
}
