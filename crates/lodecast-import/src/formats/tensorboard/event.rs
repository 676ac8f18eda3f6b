//! Event messages: the scalars and hyper-parameters in one record of an event file.
//!
//! Source: `event.proto`, `summary.proto`, `tensor.proto` and `types.proto` of `tensorboard/compat/proto`.

use crate::decode::wire::{Fields, Malformed, Value, varint};

/// One scalar, as it lies in the record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scalar<'a> {
    /// Name of the metric; any bytes.
    pub(crate) tag: &'a [u8],
    pub(crate) value: f64,
}

/// One record of an event file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Event<'a> {
    /// Seconds since 1970.
    pub(crate) wall_time: f64,
    pub(crate) step: i64,
    /// Did a session start with it?
    starts: bool,
    /// The `Summary` message with the event's values, if it has any.
    summary: Option<&'a [u8]>,
}

impl<'a> Event<'a> {
    /// The event in `record`.
    #[inline]
    pub(crate) fn read(record: &'a [u8]) -> Result<Self, Malformed> {
        let mut event = Self::default();
        for field in Fields::of(record) {
            match field? {
                (1, value) => event.wall_time = value.double().ok_or(Malformed)?,
                (2, value) => event.step = value.integer().ok_or(Malformed)?,
                (5, value) => event.summary = Some(value.bytes().ok_or(Malformed)?),
                (7, value) => event.starts = starts(value.bytes().ok_or(Malformed)?)?,
                _ => {}
            }
        }
        Ok(event)
    }

    /// The step from which on a session that starts here takes the place of what was recorded before, as
    /// `SummaryWriter(purge_step=...)` and TensorFlow's supervisor say.
    pub(crate) fn begins_from(&self) -> Option<u64> {
        u64::try_from(self.step).ok().filter(|_| self.starts)
    }

    /// The event's values.
    pub(crate) fn values(&self) -> impl Iterator<Item = Result<Entry<'a>, Malformed>> + use<'a> {
        Fields::of(self.summary.unwrap_or_default()).filter_map(|field| match field {
            Ok((1, value)) => Some(value.bytes().ok_or(Malformed).and_then(Entry::read)),
            Ok(_) => None,
            Err(malformed) => Some(Err(malformed)),
        })
    }
}

/// Is the `SessionLog` one of a start?
fn starts(session_log: &[u8]) -> Result<bool, Malformed> {
    let mut starts = false;
    for field in Fields::of(session_log) {
        if let (1, status) = field? {
            starts = status.integer() == Some(1);
        }
    }
    Ok(starts)
}

/// One value of a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Entry<'a> {
    /// A number.
    Scalar(Scalar<'a>),
    /// What the plugin for hyper-parameters keeps about the run: an `HParamsPluginData` message.
    HyperParameters(&'a [u8]),
    /// Images, texts, histograms: nothing of ours.
    Other,
}

impl<'a> Entry<'a> {
    #[inline]
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let (mut tag, mut simple, mut tensor, mut metadata) = (&[][..], None, None, None);
        for field in Fields::of(message) {
            match field? {
                (1, value) => tag = value.bytes().ok_or(Malformed)?,
                (2, value) => simple = Some(value.float().ok_or(Malformed)?),
                (8, value) => tensor = value.bytes(),
                (9, value) => metadata = value.bytes(),
                _ => {}
            }
        }
        if let Some(value) = simple {
            return Ok(Self::Scalar(Scalar { tag, value: f64::from(value) }));
        }
        if let Some(content) = metadata.map(hyper_parameters).transpose()?.flatten() {
            return Ok(Self::HyperParameters(content));
        }
        let value = tensor.map(scalar).transpose()?.flatten();
        Ok(value.map_or(Self::Other, |value| Self::Scalar(Scalar { tag, value })))
    }
}

/// What the plugin for hyper-parameters keeps in a `SummaryMetadata` message, if it is that plugin's.
fn hyper_parameters(metadata: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    for field in Fields::of(metadata) {
        let (1, plugin) = field? else { continue };
        let (mut name, mut content) = (None, &[][..]);
        for field in Fields::of(plugin.bytes().ok_or(Malformed)?) {
            match field? {
                (1, value) => name = value.text(),
                (2, value) => content = value.bytes().ok_or(Malformed)?,
                _ => {}
            }
        }
        if name == Some("hparams") {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

/// The element types of `DataType` that hold numbers, and how one is spelt in `tensor_content`.
#[derive(Clone, Copy)]
enum Element {
    Float,
    Double,
    Half,
    Brain,
    Signed(usize),
    Unsigned(usize),
}

impl Element {
    fn of(data_type: i64) -> Option<Self> {
        Some(match data_type {
            1 => Self::Float,
            2 => Self::Double,
            3 => Self::Signed(4),
            4 | 10 => Self::Unsigned(1),
            5 => Self::Signed(2),
            6 => Self::Signed(1),
            9 => Self::Signed(8),
            14 => Self::Brain,
            17 => Self::Unsigned(2),
            19 => Self::Half,
            22 => Self::Unsigned(4),
            23 => Self::Unsigned(8),
            _ => return None,
        })
    }

    /// The one number whose bytes are `content`; none if these are more or less than one.
    fn decode(self, content: &[u8]) -> Option<f64> {
        let wide = |size: usize| {
            let mut bytes = [0; 8];
            bytes.get_mut(..size)?.copy_from_slice((content.len() == size).then_some(content)?);
            Some(u64::from_le_bytes(bytes))
        };
        match self {
            Self::Float => content.try_into().ok().map(|bytes| f64::from(f32::from_le_bytes(bytes))),
            Self::Double => content.try_into().ok().map(f64::from_le_bytes),
            Self::Half => wide(2).map(|bits| half(bits as u16)),
            Self::Brain => wide(2).map(|bits| brain(bits as u16)),
            Self::Unsigned(size) => wide(size).map(|bits| bits as f64),
            Self::Signed(size) => {
                let unused = 64 - 8 * size as u32;
                wide(size).map(|bits| ((bits << unused).cast_signed() >> unused) as f64)
            }
        }
    }
}

fn half(bits: u16) -> f64 {
    half::f16::from_bits(bits).to_f64()
}

fn brain(bits: u16) -> f64 {
    half::bf16::from_bits(bits).to_f64()
}

/// The number in a `TensorProto`; none if it holds texts, or more or less than one.
fn scalar(tensor: &[u8]) -> Result<Option<f64>, Malformed> {
    let mut element = None;
    let mut content = None;
    let mut values = 0;
    let mut last = 0.0;
    let mut take = |value: f64| {
        values += 1;
        last = value;
    };
    for field in Fields::of(tensor) {
        let (number, value) = field?;
        match (number, value) {
            (1, value) => element = Element::of(value.integer().ok_or(Malformed)?),
            (2, value) if elements(value.bytes().ok_or(Malformed)?)? != Some(1) => return Ok(None),
            (4, Value::Bytes(bytes)) if !bytes.is_empty() => content = Some(bytes),
            (5, Value::Fixed32(bits)) => take(f64::from(f32::from_bits(bits))),
            (6, Value::Fixed64(bits)) => take(f64::from_bits(bits)),
            (5, Value::Bytes(bytes)) => {
                bytes.as_chunks().0.iter().for_each(|&bytes| take(f64::from(f32::from_le_bytes(bytes))));
            }
            (6, Value::Bytes(bytes)) => bytes.as_chunks().0.iter().for_each(|&bytes| take(f64::from_le_bytes(bytes))),
            (7 | 10 | 11 | 13 | 16 | 17, Value::Varint(bits)) => take(integer(number, bits, element)),
            (7 | 10 | 11 | 13 | 16 | 17, Value::Bytes(mut bytes)) => {
                while !bytes.is_empty() {
                    take(integer(number, varint(&mut bytes)?, element));
                }
            }
            _ => {}
        }
    }
    Ok(match (element, content) {
        (None, _) => None,
        (Some(element), Some(content)) => element.decode(content),
        (Some(_), None) => (values == 1).then_some(last),
    })
}

/// The number of elements of a `TensorShapeProto`; none if it is not known.
fn elements(shape: &[u8]) -> Result<Option<u64>, Malformed> {
    let mut count = Some(1_u64);
    for field in Fields::of(shape) {
        let (2, dimension) = field? else { continue };
        let mut size = 0;
        for field in Fields::of(dimension.bytes().ok_or(Malformed)?) {
            if let (1, value) = field? {
                size = value.integer().ok_or(Malformed)?;
            }
        }
        count = count.zip(u64::try_from(size).ok()).and_then(|(count, size)| count.checked_mul(size));
    }
    Ok(count)
}

/// A number of one of the lists of integers in a `TensorProto`, of which that of 16-bit floats holds their bits.
fn integer(list: u64, bits: u64, element: Option<Element>) -> f64 {
    match (list, element) {
        (13, Some(Element::Brain)) => brain(bits as u16),
        (13, _) => half(bits as u16),
        (16 | 17, _) => bits as f64,
        _ => bits.cast_signed() as f64,
    }
}
