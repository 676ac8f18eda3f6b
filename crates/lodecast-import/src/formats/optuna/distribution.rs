//! How Optuna keeps the value of a parameter: a number, and a distribution that says what it stands for.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Distribution {
    name: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    choices: Vec<Value>,
}

/// The parameter's value in words: `internal` as `distribution`, a JSON object, means it.
pub(crate) fn spell(internal: f64, distribution: &str) -> String {
    let number = internal.to_string();
    // A number under a distribution of the future is still a number.
    let Ok(distribution) = serde_json::from_str::<Distribution>(distribution) else { return number };
    if distribution.name != "CategoricalDistribution" {
        return number;
    }
    match distribution.attributes.choices.get(internal as usize) {
        Some(Value::String(choice)) => choice.clone(),
        Some(choice) => choice.to_string(),
        None => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_optuna_shows_them() {
        let categorical = r#"{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", 5, null, 0.5]}}"#;
        let spelled: Vec<_> = (0..5).map(|index| spell(f64::from(index), categorical)).collect();
        assert_eq!(spelled, ["sgd", "5", "null", "0.5", "4"]);
        let integer = r#"{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 10}}"#;
        assert_eq!(spell(4.0, integer), "4");
        // As in storages of Optuna 2.
        let old = r#"{"name": "LogUniformDistribution", "attributes": {"low": 1e-05, "high": 0.001}}"#;
        assert_eq!(spell(4.301_438_324_072_41e-05, old), "0.0000430143832407241");
        assert_eq!(spell(0.5, "not JSON"), "0.5");
    }
}
