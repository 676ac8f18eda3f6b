//! What one training leaves behind, in memory and as JSON.

use lodecast::{Attributes, Metric, Run};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A finished training: its curves, its final test result, and where the time went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Task that was trained.
    pub task: String,
    /// Name of the method that gave the learning rate.
    pub method: String,
    /// Seed of the network's first weights and of the order of the examples.
    pub seed: u64,
    /// Metric that the run's one validation column holds.
    pub metric: Metric,
    /// The curves, with one validation column.
    #[serde(with = "run_json")]
    pub run: Run,
    /// Optimizer step of the point at which loss or metric were NaN or infinite. The run ended there.
    pub diverged_at: Option<u64>,
    /// The metric on the test set after the last step.
    #[serde(with = "number_json")]
    pub test_metric: f64,
    /// Mean loss on the test set after the last step.
    #[serde(with = "number_json")]
    pub test_loss: f64,
    /// Duration of the training, evaluations and method included.
    pub wall_seconds: f64,
    /// Time spent inside the method.
    pub scheduler_seconds: f64,
    /// What the method could not do, in the order of steps. Empty if all went well.
    pub notes: Vec<Note>,
    /// Largest eigenvalues of the loss's Hessian at the end, the largest first; empty if not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "numbers_json")]
    pub sharpness: Vec<f64>,
    /// Time that their measurement took, after the training.
    #[serde(default)]
    pub sharpness_seconds: f64,
    /// What decided the run beside its names: in a comparison the method, see [`Contender`](crate::Contender); of a run on its own
    /// its whole configuration, as JSON.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
}

impl RunRecord {
    /// The metric on the validation set at the end; `None` if the run diverged, or its curves were not kept.
    pub(crate) fn validated(&self) -> Option<f64> {
        self.run.final_validation(0).filter(|_| self.diverged_at.is_none())
    }
}

/// Something that went wrong in a method while the training went on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Optimizer step.
    pub step: u64,
    /// What happened and what was done about it.
    pub message: String,
}

/// A number as JSON: NaN and the infinities, which JSON lacks, as words.
#[derive(Clone, Copy)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("nan"),
            value if value > 0.0 => serializer.serialize_str("inf"),
            _ => serializer.serialize_str("-inf"),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, \"nan\", \"inf\" or \"-inf\"")
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Number, E> {
                match value {
                    "nan" => Ok(Number(f64::NAN)),
                    "inf" => Ok(Number(f64::INFINITY)),
                    "-inf" => Ok(Number(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

pub(crate) mod number_json {
    use super::{Deserialize, Deserializer, Number, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Number(*value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Number::deserialize(deserializer).map(|number| number.0)
    }
}

mod numbers_json {
    use super::{Deserialize, Deserializer, Number, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().copied().map(Number))
    }

    /// `null` is NaN as it was written once.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<Number>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|value| value.map_or(f64::NAN, |number| number.0)).collect())
    }
}

mod run_json {
    use super::{Attributes, Deserialize, Deserializer, Number, Run, Serialize, Serializer, de};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Columns {
        id: String,
        steps: Vec<u64>,
        train_loss: Vec<Option<Number>>,
        learning_rate: Vec<Option<Number>>,
        validation: Vec<Vec<Option<Number>>>,
        attributes: Attributes,
    }

    fn written(column: &[Option<f64>]) -> Vec<Option<Number>> {
        column.iter().map(|value| value.map(Number)).collect()
    }

    fn read(column: Vec<Option<Number>>) -> Vec<Option<f64>> {
        column.into_iter().map(|value| value.map(|number| number.0)).collect()
    }

    pub(super) fn serialize<S: Serializer>(run: &Run, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = Columns {
            id: run.id.clone(),
            steps: run.steps().to_vec(),
            train_loss: written(run.train_loss()),
            learning_rate: written(run.learning_rate()),
            validation: run.validations().map(written).collect(),
            attributes: run.attributes.clone(),
        };
        columns.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Run, D::Error> {
        let columns = Columns::deserialize(deserializer)?;
        let Columns { id, steps, train_loss, learning_rate, validation, attributes } = columns;
        let validation = validation.into_iter().map(read).collect();
        let run = Run::from_columns(id, steps, read(train_loss), read(learning_rate), validation);
        run.map(|run| run.with_attributes(attributes)).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use lodecast::{Direction, Point};

    use super::*;

    fn record() -> RunRecord {
        let points = [
            Point::new(1).train_loss(0.1 + 0.2).learning_rate(1e-3).validation(f64::NAN),
            Point::new(2).train_loss(f64::INFINITY).learning_rate(1.0 / 3.0),
        ];
        RunRecord {
            task: "t".to_owned(),
            method: "m".to_owned(),
            seed: u64::MAX,
            metric: Metric::new("val_accuracy", Direction::Max),
            run: Run::from_points("r", points).unwrap(),
            diverged_at: Some(2),
            test_metric: 0.0,
            test_loss: f64::NEG_INFINITY,
            wall_seconds: 1.5,
            scheduler_seconds: 0.25,
            notes: vec![Note { step: 1, message: "quote \" and\nnewline".to_owned() }],
            sharpness: vec![0.1 + 0.2, f64::NAN],
            sharpness_seconds: 0.5,
            fingerprint: "abc".to_owned(),
        }
    }

    #[test]
    fn json_keeps_every_bit_and_tells_nan_from_not_measured() {
        let written = serde_json::to_string(&record()).unwrap();
        assert!(!written.contains('\n'), "a journal has one record a line");
        let read: RunRecord = serde_json::from_str(&written).unwrap();
        assert!(read.run.validation(0)[0].unwrap().is_nan());
        assert_eq!(read.run.validation(0)[1], None);
        assert_eq!(read.run.train_loss(), record().run.train_loss());
        assert_eq!(read.run.learning_rate(), record().run.learning_rate());
        assert_eq!(read.sharpness[0], 0.1 + 0.2);
        assert!(read.sharpness[1].is_nan(), "an eigenvalue that was none must not make a journal unreadable");
        let old = written.replace("0.30000000000000004,\"nan\"]", "null]");
        assert!(serde_json::from_str::<RunRecord>(&old).unwrap().sharpness[0].is_nan());
        assert_eq!((read.test_loss, read.seed), (f64::NEG_INFINITY, u64::MAX));
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }

    #[test]
    fn columns_of_different_length_are_refused() {
        let written = serde_json::to_string(&record()).unwrap().replace("\"steps\":[1,2]", "\"steps\":[1,2,3]");
        let error = serde_json::from_str::<RunRecord>(&written).unwrap_err().to_string();
        assert!(error.contains("run 'r' has 3 steps, but 2 values of its train loss"), "{error}");
    }
}
