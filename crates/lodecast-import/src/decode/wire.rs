//! Protobuf's wire format, walked through field by field in place: nothing is copied or allocated.

/// A message that does not follow the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What a field holds; its meaning is up to the message's definition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// An integer, a boolean or a member of an enumeration.
    Varint(u64),
    /// Eight bytes, least significant first.
    Fixed64(u64),
    /// A text, bytes, a message, or numbers packed.
    Bytes(&'a [u8]),
    /// Four bytes, least significant first.
    Fixed32(u32),
}

impl<'a> Value<'a> {
    /// The bytes, if it is a field of bytes.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The text, if it is one.
    pub(crate) fn text(self) -> Option<&'a str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The integer, if it is one.
    pub(crate) fn integer(self) -> Option<i64> {
        if let Value::Varint(bits) = self { Some(bits.cast_signed()) } else { None }
    }

    /// The number, if it is a `double`.
    pub(crate) fn double(self) -> Option<f64> {
        if let Value::Fixed64(bits) = self { Some(f64::from_bits(bits)) } else { None }
    }

    /// The number, if it is a `float`.
    pub(crate) fn float(self) -> Option<f32> {
        if let Value::Fixed32(bits) = self { Some(f32::from_bits(bits)) } else { None }
    }
}

/// The fields of a message in the order in which they were written.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let key = varint(&mut self.rest)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(*chunk(&mut self.rest)?)),
            2 => {
                let length = varint(&mut self.rest)?;
                let length = usize::try_from(length).map_err(|_| Malformed)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => Value::Fixed32(u32::from_le_bytes(*chunk(&mut self.rest)?)),
            // Groups went out of use long before any of our formats came up.
            _ => return Err(Malformed),
        };
        Ok((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    /// A field's number and what it holds.
    type Item = Result<(u64, Value<'a>), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Takes a number of variable length off the front of `rest`.
#[inline]
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for (index, &byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *rest = &rest[index + 1..];
            return Ok(value);
        }
    }
    Err(Malformed)
}

fn chunk<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Malformed> {
    let (chunk, after) = rest.split_first_chunk().ok_or(Malformed)?;
    *rest = after;
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_encoding_guide() {
        // The examples of protobuf.dev/programming-guides/encoding: field 1 = 150, field 2 = "testing".
        let message = [0x08, 0x96, 0x01, 0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g'];
        let fields: Result<Vec<_>, _> = Fields::of(&message).collect();
        assert_eq!(fields, Ok(vec![(1, Value::Varint(150)), (2, Value::Bytes(b"testing"))]));
        // -2 as an int64.
        let minus_two = [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let (_, value) = Fields::of(&minus_two).next().expect("a field").expect("sound");
        assert_eq!(value.integer(), Some(-2));
    }

    #[test]
    fn numbers_of_fixed_width() {
        let mut message = vec![0x09];
        message.extend(1.5_f64.to_le_bytes());
        message.push(0x15);
        message.extend(f32::NAN.to_le_bytes());
        let fields: Vec<_> = Fields::of(&message).map(|field| field.expect("sound").1).collect();
        assert_eq!(fields[0].double(), Some(1.5));
        assert!(fields[1].float().is_some_and(f32::is_nan));
        assert_eq!(fields[1].double(), None);
    }

    #[test]
    fn what_is_cut_off_or_no_field_is_malformed_and_ends_the_walk() {
        for message in
            [&[0x08][..], &[0x08, 0x80], &[0x12, 0x05, 1], &[0x09, 0, 0], &[0x0b], &[0x15, 1, 2, 3], &[0x80; 11]]
        {
            let mut fields = Fields::of(message);
            assert_eq!(fields.next(), Some(Err(Malformed)), "{message:?}");
            assert_eq!(fields.next(), None);
        }
        let beyond_memory = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Fields::of(&beyond_memory).next(), Some(Err(Malformed)));
    }
}
