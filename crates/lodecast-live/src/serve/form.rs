//! A point as a form says it, `step=12&train_loss=0.3`, so that two lines of `curl` make any language a client; and as JSON.

use axum::http::StatusCode;
use lodecast::Point;
use serde::Deserialize;

use crate::http::problem::Problem;

/// Points of a batch at most.
pub(crate) const MOST: usize = 1000;

fn refused(title: impl Into<String>) -> Problem {
    let remedy = "send step=STEP, and train_loss=, validation= and learning_rate= where they were measured";
    Problem::new(StatusCode::BAD_REQUEST, title, remedy)
}

/// The point in a form. The model's metric goes by `validation` or by its own name.
pub(crate) fn point(body: &[u8], metric: &str) -> Result<Point, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| refused("the form is no UTF-8"))?;
    let (mut step, mut values) = (None, [None; 3]);
    for pair in text.trim().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| refused(format!("'{pair}' is no NAME=VALUE")))?;
        let (name, value) = (decoded(name)?, decoded(value)?);
        if name == "step" {
            let number = value.parse().map_err(|_| refused(format!("step '{value}' is no whole number")))?;
            if step.replace(number).is_some() {
                return Err(refused("step is given twice"));
            }
            continue;
        }
        let place = place(&name, metric).ok_or_else(|| refused(format!("'{name}' means nothing here")))?;
        let number = value.parse::<f64>().map_err(|_| refused(format!("{name} '{value}' is no number")))?;
        if values[place].replace(number).is_some() {
            return Err(refused(format!("{name} is given twice")));
        }
    }
    made(step.ok_or_else(|| refused("the form has no step"))?, values)
}

/// Where a value of that name goes.
fn place(name: &str, metric: &str) -> Option<usize> {
    match name {
        "train_loss" | "loss" => Some(0),
        "learning_rate" | "lr" => Some(1),
        "validation" => Some(2),
        _ => (name == metric).then_some(2),
    }
}

fn made(step: u64, [train_loss, learning_rate, validation]: [Option<f64>; 3]) -> Result<Point, Problem> {
    if learning_rate.is_some_and(|rate| !(rate.is_finite() && rate >= 0.0)) {
        return Err(refused("learning_rate is negative or not finite"));
    }
    Ok(Point { step, train_loss, learning_rate, validation })
}

/// A word of a form, `+` and `%XX` resolved.
fn decoded(text: &str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits =
                    [rest.next(), rest.next()].map(|digit| digit.and_then(|digit| (digit as char).to_digit(16)));
                let [Some(high), Some(low)] = digits else { return Err(refused("a % stands for nothing")) };
                (high * 16 + low) as u8
            }
            byte => byte,
        });
    }
    // "+0.5" is a number that nobody means to begin with a space.
    String::from_utf8(bytes).map(|text| text.trim().to_owned()).map_err(|_| refused("the form is no UTF-8"))
}

/// A number in JSON, which has no words for what is not finite: those come as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Word(String),
}

/// A point in JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonPoint {
    step: u64,
    train_loss: Option<Number>,
    learning_rate: Option<Number>,
    validation: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    points: Vec<JsonPoint>,
}

/// The points in a batch: their steps increase, or stay where one adds to the one before.
pub(crate) fn batch(body: &[u8]) -> Result<Vec<Point>, Problem> {
    let remedy = "send {\"points\": [{\"step\": 1, \"train_loss\": 0.3}, ...]}; what is not finite as \"nan\", \"inf\" or \"-inf\"";
    let refused = |title: String| Problem::new(StatusCode::BAD_REQUEST, title, remedy);
    let batch: Batch =
        serde_json::from_slice(body).map_err(|error| refused(format!("the points cannot be read: {error}")))?;
    if batch.points.len() > MOST {
        let remedy = "send at most 1000 points at once";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too many points", remedy));
    }
    let number = |value: Option<Number>| match value {
        None => Ok(None),
        Some(Number::Finite(value)) => Ok(Some(value)),
        Some(Number::Word(word)) => word.parse().map(Some).map_err(|_| refused(format!("'{word}' is no number"))),
    };
    let mut points: Vec<Point> = Vec::with_capacity(batch.points.len());
    for JsonPoint { step, train_loss, learning_rate, validation } in batch.points {
        if points.last().is_some_and(|last| step < last.step) {
            return Err(refused(format!("step {step} comes after a later one")));
        }
        points.push(made(step, [number(train_loss)?, number(learning_rate)?, number(validation)?])?);
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_a_point_or_says_why_not() {
        let of = |text: &str| point(text.as_bytes(), "val_acc");
        assert_eq!(of("step=12&train_loss=0.3"), Ok(Point::new(12).train_loss(0.3)));
        assert_eq!(of("step=12&val_acc=1e-1&lr=%30.5\n"), Ok(Point::new(12).validation(0.1).learning_rate(0.5)));
        assert!(of("step=1&loss=nan").is_ok_and(|point| point.train_loss.is_some_and(f64::is_nan)));
        for wrong in [
            "",
            "step",
            "step=",
            "step=-1",
            "step=1.5",
            "step=1&step=2",
            "train_loss=1",
            "step=1&x=2",
            "step=1&loss=a",
            "step=1&lr=-1",
            "step=1&lr=inf",
            "step=1&loss=1&train_loss=1",
            "step=%zz",
            "step=1&%=2",
            "step=%ff",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_batch_keeps_its_order() {
        let read = |text: &str| batch(text.as_bytes());
        let points = read(r#"{"points": [{"step": 1, "train_loss": 0.5}, {"step": 1, "validation": "-inf"}]}"#);
        assert_eq!(points, Ok(vec![Point::new(1).train_loss(0.5), Point::new(1).validation(f64::NEG_INFINITY)]));
        for wrong in [
            "",
            "[]",
            r#"{"points": [{}]}"#,
            r#"{"points": [{"step": 2}, {"step": 1}]}"#,
            r#"{"points": [{"step": 1, "train_loss": "x"}]}"#,
            r#"{"points": [{"step": 1, "los": 1}]}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = point(&bytes, "val");
            let _ = batch(&bytes);
        }

        #[test]
        fn numbers_arrive_to_the_last_bit(value in prop::num::f64::NORMAL) {
            let found = point(format!("step=3&train_loss={value:e}").as_bytes(), "val").expect("a point");
            prop_assert_eq!(found.train_loss.map(f64::to_bits), Some(value.to_bits()));
            let found = batch(format!("{{\"points\": [{{\"step\": 3, \"train_loss\": {value:e}}}]}}").as_bytes());
            prop_assert_eq!(found.expect("a point")[0].train_loss.map(f64::to_bits), Some(value.to_bits()));
        }
    }
}
