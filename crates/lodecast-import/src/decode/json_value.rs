//! JSON values of files that nobody vouches for: a text of some bytes becomes a value of little more.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::decode::text::shorten;

/// Longest list that is kept. A longer one holds weights or histograms: it is neither a setting nor a metric.
const LONGEST_LIST: usize = 1024;
/// Members of an object: as many as there may be settings and series, several times over.
const MOST_MEMBERS: usize = 1 << 17;

/// A JSON value without its longest lists, in the place of which null stands. In memory a value takes ten to fifty times its
/// text, so that lists could fill it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bounded(pub(crate) Value);

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OfValue)
    }
}

/// An object of such values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BoundedObject(pub(crate) Map<String, Value>);

impl<'de> Deserialize<'de> for BoundedObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Bounded::deserialize(deserializer)?.0 {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(D::Error::custom("not an object")),
        }
    }
}

struct OfValue;

impl<'de> Visitor<'de> for OfValue {
    type Value = Bounded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Bounded, E> {
        Ok(Bounded(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Bounded, E> {
        Ok(Bounded(Value::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Bounded, E> {
        Ok(Bounded(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Bounded, E> {
        Ok(Bounded(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Bounded, E> {
        Ok(Bounded(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Bounded, E> {
        Ok(Bounded(Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Bounded, E> {
        Ok(Bounded(Value::String(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bounded, A::Error> {
        let mut elements = Vec::new();
        while elements.len() <= LONGEST_LIST {
            match list.next_element::<Bounded>()? {
                Some(Bounded(element)) => elements.push(element),
                None => return Ok(Bounded(Value::Array(elements))),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Bounded(Value::Null))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Bounded, A::Error> {
        let mut members = Map::new();
        while let Some((key, Bounded(value))) = object.next_entry::<String, Bounded>()? {
            if members.get(&key).is_some_and(|known| *known != value) {
                return Err(A::Error::custom(format!("'{}' stands there twice, and is not the same", shorten(&key))));
            }
            members.insert(key, value);
            if members.len() > MOST_MEMBERS {
                return Err(A::Error::custom(format!("an object of more than {MOST_MEMBERS} members")));
            }
        }
        Ok(Bounded(Value::Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_are_what_they_are_and_long_lists_null() {
        let text = r#"{"a": [1, -2, 0.5, "x", null, true, {"b": []}], "c": 18446744073709551615}"#;
        let Bounded(value) = serde_json::from_str(text).expect("sound");
        assert_eq!(value, serde_json::from_str::<Value>(text).expect("sound"));
        let long = format!(r#"{{"weights": [{}0], "loss": 1}}"#, "0,".repeat(LONGEST_LIST));
        let Bounded(value) = serde_json::from_str(&long).expect("sound");
        assert_eq!(value, serde_json::json!({"weights": null, "loss": 1}));
        assert!(serde_json::from_str::<BoundedObject>("[1]").is_err());
        assert!(serde_json::from_str::<Bounded>(r#"{"a": 1, "a": 1}"#).is_ok());
        assert!(serde_json::from_str::<Bounded>(r#"{"a": 1, "a": 2}"#).is_err());
        let many: Vec<String> = (0..=MOST_MEMBERS).map(|number| format!("\"{number}\":0")).collect();
        assert!(serde_json::from_str::<Bounded>(&format!("{{{}}}", many.join(","))).is_err());
    }
}
