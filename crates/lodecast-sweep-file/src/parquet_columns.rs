//! One column of a Parquet file, read a batch of rows at a time and given out as cells.

use half::f16;
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

use crate::cell::Cell;

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int32,
    Unsigned32,
    Int64,
    Unsigned64,
    Half,
    Float,
    Double,
    /// Whole numbers with so many decimal places.
    Decimal32(u8),
    Decimal64(u8),
    DecimalBytes(u8),
    Text,
}

impl Kind {
    /// The kind of a column, or a name of its type if it has no place in a sweep.
    pub(crate) fn of(column: &ColumnDescPtr) -> Result<Self, String> {
        if column.max_rep_level() > 0 { Err("a list".to_owned()) } else { Self::of_values(column) }
    }

    /// The kind of the elements of a column of lists, if they are numbers.
    pub(crate) fn of_elements(column: &ColumnDescPtr) -> Option<Self> {
        let kind = (column.max_rep_level() == 1).then(|| Self::of_values(column).ok()).flatten();
        kind.filter(|kind| kind.is_number())
    }

    fn of_values(column: &ColumnDescPtr) -> Result<Self, String> {
        let converted = column.converted_type();
        let unsigned = |wide: bool| match (column.logical_type_ref(), converted) {
            (Some(LogicalType::Integer(integer)), _) => Some(!integer.is_signed),
            // A column of nulls only.
            (Some(LogicalType::Unknown), _) => Some(false),
            (None, ConvertedType::NONE | ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::INT_32) => {
                Some(false)
            }
            (None, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32) => Some(true),
            (None, ConvertedType::INT_64) if wide => Some(false),
            (None, ConvertedType::UINT_64) if wide => Some(true),
            _ => None,
        };
        let text = |logical: Option<&LogicalType>| {
            matches!(
                logical,
                None | Some(LogicalType::String | LogicalType::Enum | LogicalType::Json | LogicalType::Unknown)
            )
        };
        // The converted type is there whenever the logical one is a decimal.
        let places = u8::try_from(column.type_scale()).ok().filter(|_| converted == ConvertedType::DECIMAL);
        let kind = match (column.physical_type(), places) {
            (Type::INT32, Some(places)) => Some(Self::Decimal32(places)),
            (Type::INT64, Some(places)) => Some(Self::Decimal64(places)),
            (Type::FIXED_LEN_BYTE_ARRAY, Some(places)) if (1..=16).contains(&column.type_length()) => {
                Some(Self::DecimalBytes(places))
            }
            (Type::INT32, _) => unsigned(false).map(|unsigned| if unsigned { Self::Unsigned32 } else { Self::Int32 }),
            (Type::INT64, _) => unsigned(true).map(|unsigned| if unsigned { Self::Unsigned64 } else { Self::Int64 }),
            (Type::FLOAT, _) => Some(Self::Float),
            (Type::DOUBLE, _) => Some(Self::Double),
            (Type::BYTE_ARRAY, None) if text(column.logical_type_ref()) => Some(Self::Text),
            (Type::FIXED_LEN_BYTE_ARRAY, _)
                if column.logical_type_ref() == Some(&LogicalType::Float16) && column.type_length() == 2 =>
            {
                Some(Self::Half)
            }
            _ => None,
        };
        kind.ok_or_else(|| match column.logical_type_ref() {
            Some(logical) => format!("{logical:?}"),
            None => column.physical_type().to_string(),
        })
    }

    /// Does the column hold numbers?
    pub(crate) fn is_number(self) -> bool {
        self != Self::Text
    }
}

/// The values of a batch.
enum Values {
    Int32(Typed<Int32Type>),
    Unsigned32(Typed<Int32Type>),
    Int64(Typed<Int64Type>),
    Unsigned64(Typed<Int64Type>),
    Half(Typed<FixedLenByteArrayType>),
    Float(Typed<FloatType>),
    Double(Typed<DoubleType>),
    Decimal32(Typed<Int32Type>, u8),
    Decimal64(Typed<Int64Type>, u8),
    DecimalBytes(Typed<FixedLenByteArrayType>, u8),
    Text(Typed<ByteArrayType>),
}

/// A column's reader and the values of the batch at hand, without gaps.
struct Typed<T: DataType> {
    reader: ColumnReaderImpl<T>,
    values: Vec<T::T>,
    /// Of each level whether it goes on with the list before, in a column of lists.
    repeated: Vec<i16>,
}

impl<T: DataType> Typed<T> {
    fn new(column: ColumnDescPtr, pages: Box<dyn PageReader>) -> Self {
        Self { reader: ColumnReaderImpl::new(column, pages), values: Vec::new(), repeated: Vec::new() }
    }

    /// Checks that no values are left.
    fn check_end(&mut self) -> Result<()> {
        let (levels, repeated) = (&mut Vec::new(), &mut Vec::new());
        let (more, _, _) = self.reader.read_records(1, Some(levels), Some(repeated), &mut Vec::new())?;
        if more == 0 { Ok(()) } else { Err(ParquetError::General("its pages hold more values than rows".to_owned())) }
    }

    /// Reads exactly `rows` rows.
    fn fill(&mut self, rows: usize, levels: &mut Vec<i16>) -> Result<()> {
        self.values.clear();
        self.repeated.clear();
        levels.clear();
        let mut filled = 0;
        while filled < rows {
            let (levels, repeated) = (Some(&mut *levels), Some(&mut self.repeated));
            let (read, _, _) = self.reader.read_records(rows - filled, levels, repeated, &mut self.values)?;
            if read == 0 {
                return Err(ParquetError::EOF(format!("{} rows are missing", rows - filled)));
            }
            filled += read;
        }
        Ok(())
    }
}

/// One column of one row group.
pub(crate) struct Column {
    values: Values,
    /// The level of each row: it has a value if it is `present`.
    levels: Vec<i16>,
    present: i16,
    /// The level from which on there is an element, be it null, in a column of lists.
    element: i16,
    row: usize,
    value: usize,
}

impl Column {
    /// The column of kind `kind` whose pages are `pages`.
    pub(crate) fn new(kind: Kind, column: ColumnDescPtr, pages: Box<dyn PageReader>) -> Self {
        let present = column.max_def_level();
        let element = present - i16::from(column.self_type().is_optional());
        let values = match kind {
            Kind::Int32 => Values::Int32(Typed::new(column, pages)),
            Kind::Unsigned32 => Values::Unsigned32(Typed::new(column, pages)),
            Kind::Int64 => Values::Int64(Typed::new(column, pages)),
            Kind::Unsigned64 => Values::Unsigned64(Typed::new(column, pages)),
            Kind::Half => Values::Half(Typed::new(column, pages)),
            Kind::Float => Values::Float(Typed::new(column, pages)),
            Kind::Double => Values::Double(Typed::new(column, pages)),
            Kind::Decimal32(places) => Values::Decimal32(Typed::new(column, pages), places),
            Kind::Decimal64(places) => Values::Decimal64(Typed::new(column, pages), places),
            Kind::DecimalBytes(places) => Values::DecimalBytes(Typed::new(column, pages), places),
            Kind::Text => Values::Text(Typed::new(column, pages)),
        };
        Self { values, levels: Vec::new(), present, element, row: 0, value: 0 }
    }

    /// Reads the next `rows` rows.
    pub(crate) fn fill(&mut self, rows: usize) -> Result<()> {
        (self.row, self.value) = (0, 0);
        let levels = &mut self.levels;
        match &mut self.values {
            Values::Int32(typed) | Values::Unsigned32(typed) | Values::Decimal32(typed, _) => typed.fill(rows, levels),
            Values::Int64(typed) | Values::Unsigned64(typed) | Values::Decimal64(typed, _) => typed.fill(rows, levels),
            Values::Half(typed) | Values::DecimalBytes(typed, _) => typed.fill(rows, levels),
            Values::Float(typed) => typed.fill(rows, levels),
            Values::Double(typed) => typed.fill(rows, levels),
            Values::Text(typed) => typed.fill(rows, levels),
        }
    }

    /// Checks, when all rows have been read, that no values are left.
    pub(crate) fn check_end(&mut self) -> Result<()> {
        match &mut self.values {
            Values::Int32(typed) | Values::Unsigned32(typed) | Values::Decimal32(typed, _) => typed.check_end(),
            Values::Int64(typed) | Values::Unsigned64(typed) | Values::Decimal64(typed, _) => typed.check_end(),
            Values::Half(typed) | Values::DecimalBytes(typed, _) => typed.check_end(),
            Values::Float(typed) => typed.check_end(),
            Values::Double(typed) => typed.check_end(),
            Values::Text(typed) => typed.check_end(),
        }
    }

    /// The numbers of the next list of the batch, which is a row's; none for a null.
    pub(crate) fn next_list(&mut self) -> Vec<Option<f64>> {
        let mut list = Vec::new();
        let mut is_first = true;
        while self.row < self.levels.len() && (is_first || self.goes_on()) {
            is_first = false;
            if self.levels[self.row] < self.element {
                self.row += 1;
                continue;
            }
            list.push(self.next().and_then(|cell| cell.number().ok()).flatten());
        }
        list
    }

    /// Does the level at hand go on with the list before?
    fn goes_on(&self) -> bool {
        let repeated = match &self.values {
            Values::Int32(typed) | Values::Unsigned32(typed) | Values::Decimal32(typed, _) => &typed.repeated,
            Values::Int64(typed) | Values::Unsigned64(typed) | Values::Decimal64(typed, _) => &typed.repeated,
            Values::Half(typed) | Values::DecimalBytes(typed, _) => &typed.repeated,
            Values::Float(typed) => &typed.repeated,
            Values::Double(typed) => &typed.repeated,
            Values::Text(typed) => &typed.repeated,
        };
        repeated.get(self.row).is_some_and(|&level| level > 0)
    }

    /// The cell of the next row of the batch. None if its text is not UTF-8.
    pub(crate) fn next(&mut self) -> Option<Cell<'_>> {
        let present = self.present == 0 || self.levels.get(self.row) == Some(&self.present);
        self.row += 1;
        if !present {
            return Some(Cell::Absent);
        }
        let at = self.value;
        self.value += 1;
        let signed = |value: i64| u64::try_from(value).map_or(Cell::Negative(value), Cell::Unsigned);
        Some(match &self.values {
            Values::Int32(typed) => signed(i64::from(*typed.values.get(at)?)),
            Values::Unsigned32(typed) => Cell::Unsigned(u64::from(typed.values.get(at)?.cast_unsigned())),
            Values::Int64(typed) => signed(*typed.values.get(at)?),
            Values::Unsigned64(typed) => Cell::Unsigned(typed.values.get(at)?.cast_unsigned()),
            Values::Half(typed) => Cell::Float(half(typed.values.get(at)?)?),
            Values::Float(typed) => Cell::Float(f64::from(*typed.values.get(at)?)),
            Values::Double(typed) => Cell::Float(*typed.values.get(at)?),
            Values::Decimal32(typed, places) => decimal(i128::from(*typed.values.get(at)?), *places),
            Values::Decimal64(typed, places) => decimal(i128::from(*typed.values.get(at)?), *places),
            Values::DecimalBytes(typed, places) => decimal(whole_number(typed.values.get(at)?.data()), *places),
            Values::Text(typed) => Cell::Text(text(typed.values.get(at)?)?),
        })
    }
}

fn half(bytes: &FixedLenByteArray) -> Option<f64> {
    Some(f64::from(f16::from_le_bytes(*bytes.data().first_chunk()?)))
}

/// A whole number of at most 16 bytes, the most significant first, negative ones as their complement to two.
fn whole_number(bytes: &[u8]) -> i128 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, &byte| number << 8 | i128::from(byte))
}

/// A whole number with so many decimal places; one without any may count steps.
fn decimal(number: i128, places: u8) -> Cell<'static> {
    match (places, u64::try_from(number)) {
        (0, Ok(number)) => Cell::Unsigned(number),
        _ => Cell::Float(number as f64 / 10f64.powi(i32::from(places))),
    }
}

fn text(bytes: &ByteArray) -> Option<&str> {
    std::str::from_utf8(bytes.data()).ok()
}
