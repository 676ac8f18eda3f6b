//! Runs nested in a JSON document, as people's own scripts save them: by name, in a list, within `history` or `metrics`, with
//! training and evaluations apart.

use serde_json::{Map, Value};

use crate::names::{
    EPOCH, RUN_ID, STEP, direction, held_out, holds_settings, is_count, is_of_data, is_training, loss_rank, rate_rank,
    validation_rank,
};

/// What was recorded of one run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct History<'v> {
    /// The keys that lead to it.
    pub(super) path: Vec<String>,
    /// What stands beside it and above it.
    pub(super) settings: Map<String, Value>,
    /// Lists of values by metric.
    pub(super) lists: Vec<(String, &'v [Value])>,
    /// Rows, in place of lists.
    pub(super) rows: Vec<Map<String, Value>>,
}

/// Keys that say nothing of the run.
const WRAPPERS: [&str; 9] = ["history", "metrics", "results", "logs", "log", "data", "runs", "curves", "experiments"];

/// The histories in a document, in its order.
pub(super) fn histories(document: &Value) -> Vec<History<'_>> {
    let mut found = Vec::new();
    walk(document, &mut Vec::new(), &Map::new(), &mut found);
    for history in &mut found {
        history.path.retain(|key| !WRAPPERS.contains(&key.to_lowercase().as_str()));
    }
    found
}

fn walk<'v>(node: &'v Value, path: &mut Vec<String>, above: &Map<String, Value>, found: &mut Vec<History<'v>>) {
    match node {
        Value::Object(members) => {
            let history = lists(members).or_else(|| rows_by_key(members)).or_else(|| rows_of_member(members));
            if let Some((mut history, taken)) = history {
                history.path.clone_from(path);
                history.settings.clone_from(above);
                let beside = members.iter().filter(|(key, _)| !taken.contains(&key.as_str()));
                history.settings.extend(beside.map(|(key, value)| (key.clone(), value.clone())));
                found.push(history);
                return;
            }
            let is_setting =
                |(key, value): &(&String, &Value)| holds_settings(key) || !(value.is_object() || value.is_array());
            let mut settings = above.clone();
            settings.extend(members.iter().filter(is_setting).map(|(key, value)| (key.clone(), value.clone())));
            for (key, value) in members.iter().filter(|member| !is_setting(member)) {
                path.push(key.clone());
                walk(value, path, &settings, found);
                path.pop();
            }
        }
        Value::Array(elements) => {
            if let Some(rows) = rows(elements) {
                found.push(History { path: path.clone(), settings: above.clone(), lists: Vec::new(), rows });
                return;
            }
            for (number, element) in elements.iter().enumerate().filter(|(_, element)| element.is_object()) {
                path.push(name_of(element).unwrap_or_else(|| number.to_string()));
                walk(element, path, above, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// What an element of a list says that its run is called.
fn name_of(element: &Value) -> Option<String> {
    let members = element.as_object()?;
    let named = |(key, value): (&String, &Value)| {
        let lower = key.to_lowercase();
        let says = RUN_ID.contains(&lower.as_str()) || ["name", "id", "label"].contains(&lower.as_str());
        says.then(|| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
    };
    members.iter().filter(|(_, value)| value.is_string() || value.is_number()).find_map(named)
}

/// A history with the members that it was made of.
type Made<'v> = Option<(History<'v>, Vec<&'v str>)>;

/// A list of numbers a metric: among the members, or among those of phases (`{"train": {"loss": [...]}, "val": {"acc": [...]}}`).
fn lists(members: &Map<String, Value>) -> Made<'_> {
    let mut lists = Vec::new();
    let mut taken = Vec::new();
    for (key, value) in members {
        match value {
            Value::Array(values) if is_series(values) => lists.push((key.clone(), values.as_slice(), key.as_str())),
            Value::Object(inner) if is_phase(key) => {
                let of_phase = inner.iter().filter_map(|(name, value)| Some((name, value.as_array()?)));
                for (name, values) in of_phase.filter(|(_, values)| is_series(values)) {
                    let named = if is_of_data(name) || is_count(name) { name.clone() } else { format!("{key}/{name}") };
                    lists.push((named, values.as_slice(), key.as_str()));
                }
            }
            _ => {}
        }
    }
    let longest = lists.iter().filter(|(name, ..)| is_metric(name)).map(|(_, values, _)| values.len()).max()?;
    // A list of another length that is called like no metric is a setting: `betas`, `milestones`.
    lists.retain(|(name, values, _)| is_metric(name) || is_count(name) || values.len() == longest);
    for (_, _, key) in &lists {
        if !taken.contains(key) {
            taken.push(*key);
        }
    }
    let lists = lists.into_iter().map(|(name, values, _)| (name, values)).collect();
    (longest > 1).then(|| (History { lists, ..History::default() }, taken))
}

/// Rows by the number of their epoch or step: `{"0": {"loss": 2.3}, "1": {"loss": 1.9}}`, `{"epoch_1": {...}}`.
fn rows_by_key(members: &Map<String, Value>) -> Made<'_> {
    let row = |(key, value): (&String, &Value)| {
        let number = key.trim_start_matches(|c: char| !c.is_ascii_digit());
        let counts = key[..key.len() - number.len()].trim_end_matches(['_', '-', ' ', ':']).to_lowercase();
        let counts = if STEP.contains(&counts.as_str()) { STEP[0] } else { EPOCH[0] };
        let mut row = value.as_object()?.clone();
        row.insert(counts.to_owned(), number.parse::<u64>().ok()?.into());
        Some(row)
    };
    let rows: Vec<_> = members.iter().map(row).collect::<Option<_>>()?;
    let is_row = |row: &Map<String, Value>| row.iter().any(|(key, value)| value.is_number() && is_metric(key));
    (rows.len() > 1 && rows.iter().all(is_row))
        .then(|| (History { rows, ..History::default() }, members.keys().map(String::as_str).collect()))
}

/// Rows in a list that is a member: `{"config": {...}, "logs": [{"step": 1, "loss": 2.3}]}`, or in one a phase.
fn rows_of_member(members: &Map<String, Value>) -> Made<'_> {
    let mut all = Vec::new();
    let mut taken: Vec<&str> = Vec::new();
    for (key, value) in members {
        let Some(found) = value.as_array().and_then(|elements| rows(elements)) else { continue };
        let is_joined = taken.first().is_none_or(|first| is_phase(first) && is_phase(key));
        if !is_joined {
            // Several such lists are several runs.
            return None;
        }
        taken.push(key);
        let of_phase = |(name, value): (String, Value)| {
            let is_named = !is_phase(key) || is_of_data(&name) || is_count(&name);
            (if is_named { name } else { format!("{key}/{name}") }, value)
        };
        all.extend(found.into_iter().map(|row| row.into_iter().map(of_phase).collect::<Map<_, _>>()));
    }
    (!all.is_empty()).then(|| (History { rows: all, ..History::default() }, taken))
}

/// The rows of a list of them: objects with numbers of which one is called like a metric.
fn rows(elements: &[Value]) -> Option<Vec<Map<String, Value>>> {
    let row = |element: &Value| {
        let row = element.as_object()?;
        let says = row.iter().any(|(key, value)| value.is_number() && (is_metric(key) || is_count(key)));
        says.then(|| row.clone())
    };
    let rows: Vec<_> = elements.iter().map(row).collect::<Option<_>>()?;
    let is_measured = rows.iter().any(|row| row.iter().any(|(key, value)| value.is_number() && is_metric(key)));
    // Results of a run each have nothing that counts.
    let counts = rows.iter().any(|row| row.keys().any(|key| is_count(key)));
    (is_measured && counts && rows.len() > 1).then_some(rows)
}

/// Values of a metric: numbers, or what stands for them where nothing was measured.
fn is_series(values: &[Value]) -> bool {
    values.iter().all(|value| !value.is_object() && !value.is_array()) && values.iter().any(Value::is_number)
}

fn is_metric(name: &str) -> bool {
    loss_rank(name).is_some()
        || rate_rank(name).is_some()
        || validation_rank(name).is_some()
        || direction(name).is_some()
}

fn is_phase(key: &str) -> bool {
    is_training(key) || held_out(key).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(document: &Value) -> Vec<String> {
        histories(document).iter().map(|history| history.path.join("/")).collect()
    }

    #[test]
    fn runs_are_found_wherever_they_are_nested() {
        let history = json!({"loss": [2.0, 1.5], "lr": [0.1, 0.1], "val_acc": [0.3, 0.4]});
        let rows = json!([{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 1.5}]);
        for (document, expected) in [
            (json!({"history": history, "config": {"lr": 0.1}}), vec![""]),
            (json!({"a": history, "b": history}), vec!["a", "b"]),
            (json!({"results": {"a": {"metrics": history}, "b": {"metrics": history}}}), vec!["a", "b"]),
            (json!([{"run": "a", "history": history}, {"seed": 3, "history": history}]), vec!["a", "1"]),
            (json!({"a": rows, "b": rows}), vec!["a", "b"]),
            (json!({"config": {"betas": [0.9, 0.95]}, "logs": rows}), vec![""]),
            (json!({"train": {"loss": [2.0, 1.0]}, "val": {"acc": [0.1, 0.2]}}), vec![""]),
            (json!({"0": {"loss": 2.0}, "1": {"loss": 1.5}}), vec![""]),
            (json!({"betas": [0.9, 0.95], "milestones": [30, 60], "lr": 0.1}), vec![]),
            (json!([{"run": "a", "val_acc": 0.3}, {"run": "b", "val_acc": 0.4}]), vec![]),
        ] {
            assert_eq!(paths(&document), expected, "{document}");
        }
    }

    #[test]
    fn what_stands_beside_a_history_is_its_settings() {
        let document =
            json!({"seed": 1, "a": {"config": {"lr": 0.1}, "betas": [0.9, 0.95, 0.1], "train": {"loss": [2.0, 1.0]}}});
        let found = histories(&document);
        let settings: Vec<&str> = found[0].settings.keys().map(String::as_str).collect();
        assert_eq!(settings, ["betas", "config", "seed"]);
        assert_eq!(found[0].lists[0].0, "train/loss");
    }
}
