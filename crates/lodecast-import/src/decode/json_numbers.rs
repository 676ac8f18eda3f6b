//! The numbers in a JSON value that was logged as one metric.

use serde_json::Value;

use crate::decode::text_number::{Meaning, meaning};
use crate::names::rate_rank;

/// Hands the numbers in `value` to `of`, each with its name: a number or a text that says one by the `name` of the whole, the
/// members of an object by theirs behind it, a list of one number like that number, and a list of rates as those of parameter
/// groups. Other lists are histograms and the like.
///
/// # Errors
/// What `of` returns.
pub(crate) fn each_number<E>(
    name: &str,
    value: &Value,
    of: &mut dyn FnMut(&str, f64) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::Number(number) => number.as_f64().map_or(Ok(()), |number| of(name, number)),
        Value::String(text) => match meaning(text) {
            Meaning::Number(number) => of(name, number),
            _ => Ok(()),
        },
        // A table or an image.
        Value::Object(members) if members.contains_key("_type") => Ok(()),
        Value::Object(members) => {
            members.iter().try_for_each(|(member, value)| each_number(&format!("{name}/{member}"), value, of))
        }
        Value::Array(items) => match items.as_slice() {
            [item @ (Value::Number(_) | Value::String(_))] => each_number(name, item, of),
            items if rate_rank(name).is_some() && items.iter().all(Value::is_number) => (0..)
                .zip(items)
                .try_for_each(|(group, rate): (usize, _)| each_number(&format!("{name}/{group}"), rate, of)),
            _ => Ok(()),
        },
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_rates_and_nested_numbers_have_names() {
        let value = serde_json::json!({"loss": "NaN", "lr": [0.1, 0.01], "one": [2], "histogram": [1, 2], "word": "a", "image": {"_type": "file", "width": 3}});
        let mut found = Vec::new();
        each_number("train", &value, &mut |name, number| {
            found.push((name.to_owned(), number.is_nan() || number > 0.0));
            Ok::<(), ()>(())
        })
        .expect("taken");
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["train/loss", "train/lr/0", "train/lr/1", "train/one"]);
    }
}
