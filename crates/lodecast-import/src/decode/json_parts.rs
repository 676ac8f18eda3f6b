//! A JSON document read part by part, so that memory does not grow with its lists: of an object, the elements of the lists that
//! are its members; of a list, its elements.

use std::fmt;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use lodecast_sweep_file::quote_bare_tokens;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::decode::json_value::Bounded;
use crate::decode::text::open;
use crate::error::Result;

/// Takes an element of a list with its number, and the key of the list in the document if that is an object.
pub(crate) type EachElement<'a> = dyn FnMut(Option<&str>, usize, Value) -> Result<ControlFlow<()>> + 'a;

/// What a document is besides the elements that were handed over.
#[derive(Debug, PartialEq)]
pub(crate) enum Document {
    /// An object, with its members; empty lists stand for those whose elements were handed over.
    Object(Map<String, Value>),
    /// A list.
    List,
    /// Neither.
    Other,
    /// It was left before its end.
    Left,
}

/// Does it begin like a document of either kind: `{"loss": [0.5` or `[{"epoch": 1`?
pub(crate) fn begins_with_a_list(path: &Path) -> bool {
    const GLANCE: u64 = 4096;
    let Ok(file) = open(path) else { return false };
    let mut start = Vec::new();
    if file.take(GLANCE).read_to_end(&mut start).is_err() {
        return false;
    }
    let text: String = String::from_utf8_lossy(&start).chars().filter(|character| !character.is_whitespace()).collect();
    let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == 'N');
    let of_lists = text.starts_with("{\"")
        && text.split_once(":[").is_some_and(|(key, rest)| number(rest) && key.matches('"').count() == 2);
    of_lists || text.starts_with("[{\"")
}

/// Hands the elements of the lists of a document to `each`.
///
/// # Errors
/// What `each` returns; and within, what is wrong with the document.
pub(crate) fn each_element(bytes: &[u8], each: &mut EachElement<'_>) -> Result<Result<Document, String>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Ok(Err(format!("byte {} is not UTF-8", error.valid_up_to() + 1))),
    };
    let (text, _) = quote_bare_tokens(text.trim_start_matches('\u{feff}'));
    let mut reader = serde_json::Deserializer::from_str(&text);
    let mut taken = Taken { each, ended: None };
    let document = Parts { taken: &mut taken, key: None }.deserialize(&mut reader);
    let document = document.and_then(|document| reader.end().map(|()| document));
    match (taken.ended, document) {
        (Some(Err(error)), _) => Err(error),
        (Some(Ok(())), _) => Ok(Ok(Document::Left)),
        (None, Ok(part)) => Ok(Ok(match part {
            Part::List => Document::List,
            Part::Value(Value::Object(members)) => Document::Object(members),
            Part::Value(_) => Document::Other,
        })),
        (None, Err(error)) => Ok(Err(error.to_string())),
    }
}

/// Where elements go, and how it ended if it was left early.
struct Taken<'t, 'a> {
    each: &'t mut EachElement<'a>,
    ended: Option<Result<()>>,
}

/// The document, or the member `key` of it.
struct Parts<'p, 't, 'a> {
    taken: &'p mut Taken<'t, 'a>,
    key: Option<&'p str>,
}

enum Part {
    List,
    Value(Value),
}

impl<'de> DeserializeSeed<'de> for Parts<'_, '_, '_> {
    type Value = Part;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Part, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Parts<'_, '_, '_> {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_unit<E>(self) -> Result<Part, E> {
        Ok(Part::Value(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Part, E> {
        Ok(Part::Value(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Part, E> {
        Ok(Part::Value(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Part, E> {
        Ok(Part::Value(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Part, E> {
        Ok(Part::Value(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Part, E> {
        Ok(Part::Value(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Part, A::Error> {
        let mut number = 0;
        while let Some(Bounded(element)) = list.next_element()? {
            let flow = (self.taken.each)(self.key, number, element);
            match flow {
                Ok(ControlFlow::Continue(())) => number += 1,
                other => {
                    self.taken.ended = Some(other.map(|_| ()));
                    return Err(A::Error::custom("left"));
                }
            }
        }
        Ok(Part::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Part, A::Error> {
        let mut members = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            // Only the document's own lists are taken apart.
            let value = if self.key.is_some() {
                object.next_value::<Bounded>()?.0
            } else {
                match object.next_value_seed(Parts { taken: self.taken, key: Some(&key) })? {
                    Part::List => Value::Array(Vec::new()),
                    Part::Value(value) => value,
                }
            };
            members.insert(key, value);
        }
        Ok(Part::Value(Value::Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Elements = Vec<(Option<String>, usize, Value)>;

    fn parts(text: &str) -> (Elements, Result<Document, String>) {
        let mut elements = Vec::new();
        let document = each_element(text.as_bytes(), &mut |key, number, value| {
            elements.push((key.map(str::to_owned), number, value));
            Ok(if elements.len() == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        (elements, document.expect("no error of the reader"))
    }

    #[test]
    fn lists_are_handed_over_element_by_element() {
        let (elements, document) =
            parts(r#"{"loss": [0.5, NaN], "net": {"widths": [3, 4]}, "seed": 7, "log": [{"step": 1}]}"#);
        let element = |key: &str, number, value| (Some(key.to_owned()), number, value);
        assert_eq!(
            elements,
            [
                element("loss", 0, 0.5.into()),
                element("loss", 1, "NaN".into()),
                element("log", 0, serde_json::json!({"step": 1}))
            ]
        );
        let rest = serde_json::json!({"loss": [], "net": {"widths": [3, 4]}, "seed": 7, "log": []});
        assert_eq!(document, Ok(Document::Object(rest.as_object().expect("an object").clone())));
        assert_eq!(
            parts("[[1], 2]"),
            (vec![(None, 0, serde_json::json!([1])), (None, 1, 2.into())], Ok(Document::List))
        );
        assert_eq!(parts("7").1, Ok(Document::Other));
        assert_eq!(parts("[1, 2, 3, 4, 5").1, Ok(Document::Left));
        assert!(parts("{\"a\": [1, 2").1.is_err_and(|reason| reason.contains("EOF")));
        assert!(parts("[1] 2").1.is_err_and(|reason| reason.contains("trailing")));
    }
}
