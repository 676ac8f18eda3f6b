//! One line of JSON lines: an object whose keys are columns.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::assemble::Assembly;
use crate::bare_tokens::quote_bare_tokens;
use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::origin::Origin;
use crate::role::{Attribute, Fixed, Role};
use crate::row::Row;

/// Reads lines into an [`Assembly`], learning the columns as they appear.
pub(crate) struct PointReader {
    origin: Origin,
    layout: Layout,
    /// Id of the one run of a file that needs none.
    single: Option<String>,
    /// One a column.
    columns: Vec<Column>,
    line: u64,
    id: Option<String>,
    row: Row,
    /// Attributes wait until the line's run is known.
    attributes: Vec<(Attribute, String)>,
    failure: Option<Error>,
}

/// What has been seen of a column.
#[derive(Clone, Copy, Default)]
struct Column {
    /// Last line it was on.
    line: u64,
    number: bool,
    other: bool,
}

impl PointReader {
    pub(crate) fn new(origin: Origin, layout: Layout, single: Option<String>) -> Self {
        let row = Row::new(layout.metrics().len());
        Self {
            origin,
            layout,
            single,
            columns: Vec::new(),
            line: 0,
            id: None,
            row,
            attributes: Vec::new(),
            failure: None,
        }
    }

    /// Reads the object in `text`, line `line` of the file.
    pub(crate) fn read(&mut self, line: u64, text: &str, assembly: &mut Assembly) -> Result<()> {
        self.line = line;
        self.row.clear();
        self.id = None;
        let (text, quoted) = quote_bare_tokens(text);
        let mut parser = serde_json::Deserializer::from_str(&text);
        let parsed = (&mut parser).deserialize_map(LineVisitor(self)).and_then(|()| parser.end());
        if let Err(error) = parsed {
            return Err(self.failure.take().unwrap_or_else(|| self.syntax(&error, &quoted)));
        }
        assembly.learn_metrics(self.layout.metrics())?;
        let place = || self.origin.at(line);
        let run = match (&self.id, &self.single) {
            (Some(id), _) if !id.is_empty() => assembly.run(id)?,
            (None, Some(single)) => assembly.run(single)?,
            _ => return Err(Error::MissingRunId { place: place() }),
        };
        for (attribute, text) in self.attributes.drain(..) {
            assembly.attribute(run, line, &attribute, Cell::Text(&text))?;
        }
        assembly.add(run, line, &self.row)
    }

    /// Checks that nothing was missing, and gives the columns that were ignored.
    pub(crate) fn finish(self, has_header: bool) -> Result<Vec<String>> {
        self.layout.check_complete(has_header)?;
        let columns = self.columns;
        self.layout.ignored(|column| columns[column].number && !columns[column].other)
    }

    /// Takes in the value of column `column`.
    fn take(&mut self, column: usize, cell: Cell<'_>) -> Result<()> {
        let name = self.layout.name(column);
        let number = || cell.number().map_err(|_| self.origin.not_a_number(self.line, name, cell));
        match self.layout.role(column) {
            Role::Fixed(Fixed::RunId) => {
                let id = cell.text().map_err(|_| self.origin.not_an_id(self.line, name, cell))?;
                self.id = id.map(std::borrow::Cow::into_owned);
            }
            Role::Fixed(Fixed::Step) => {
                self.row.step = cell.count().map_err(|_| self.origin.not_a_step(self.line, name, cell))?;
            }
            Role::Fixed(Fixed::TrainLoss) => self.row.train_loss = number()?,
            Role::Fixed(Fixed::LearningRate) => self.row.learning_rate = number()?,
            Role::Metric(metric) => self.row.validation[*metric] = number()?,
            Role::LossAndMetric(metric) => self.row.loss_and_metric(*metric, number()?),
            Role::Attribute(attribute) => {
                let text = cell.text().map_err(|_| Error::Value {
                    place: self.origin.at(self.line),
                    column: name.to_owned(),
                    value: cell.describe().into(),
                    expected: "an attribute",
                    remedy: "an attribute is a text or a number",
                })?;
                if let Some(text) = text {
                    self.attributes.push((attribute.clone(), text.into_owned()));
                }
            }
            Role::Ignored => match cell {
                Cell::Absent => {}
                cell if cell.number().is_ok() => self.columns[column].number = true,
                _ => self.columns[column].other = true,
            },
        }
        Ok(())
    }

    fn syntax(&self, error: &serde_json::Error, quoted: &[usize]) -> Error {
        let message = error.to_string();
        let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
        // Each token that was quoted before this place moved it by two.
        let mut at = error.column();
        for (before, &token) in quoted.iter().enumerate() {
            if token + 2 * before + 1 < error.column() {
                at = error.column().saturating_sub(2 * (before + 1));
            }
        }
        let reason = if at == 0 { reason.to_owned() } else { format!("{reason} at byte {at} of the line") };
        Error::Syntax { place: self.origin.at(self.line), reason }
    }
}

/// Visits the object of a line.
struct LineVisitor<'a>(&'a mut PointReader);

impl<'de> Visitor<'de> for LineVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object such as {\"run_id\": \"a\", \"step\": 10, \"train_loss\": 0.5}")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut expected = 0;
        while let Some(column) = map.next_key_seed(Key { points: self.0, expected })? {
            map.next_value_seed(Value { points: self.0, column })?;
            expected = column + 1;
        }
        Ok(())
    }
}

/// A key, read as the index of its column; lines mostly have their keys in the same order.
struct Key<'a> {
    points: &'a mut PointReader,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<usize, E> {
        let points = self.points;
        let column = if self.expected < points.columns.len() && points.layout.name(self.expected) == name {
            self.expected
        } else {
            match points.layout.column(name) {
                Ok(column) => column,
                Err(error) => {
                    points.failure = Some(error);
                    return Err(E::custom("column"));
                }
            }
        };
        if column == points.columns.len() {
            points.columns.push(Column::default());
            points.row.learn_metrics(points.layout.metrics().len());
        }
        let seen = &mut points.columns[column].line;
        if *seen == points.line {
            return Err(E::custom(format_args!("the key '{}' occurs twice", crate::error::shorten(name))));
        }
        *seen = points.line;
        Ok(column)
    }
}

/// A value, handed to [`PointReader::take`].
struct Value<'a> {
    points: &'a mut PointReader,
    column: usize,
}

impl Value<'_> {
    fn take<E: de::Error>(self, cell: Cell<'_>) -> Result<(), E> {
        self.points.take(self.column, cell).map_err(|error| {
            self.points.failure = Some(error);
            E::custom("value")
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.take(Cell::Absent)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.take(Cell::Other(if value { "true" } else { "false" }))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.take(Cell::Unsigned(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.take(Cell::Negative(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.take(Cell::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.take(Cell::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        self.take(Cell::Other("an array"))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.take(Cell::Other("an object"))
    }
}
