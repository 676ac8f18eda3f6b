//! As much of Thrift's compact protocol as it takes to walk through a Parquet footer or page header; nothing is allocated.

use std::io::Read;

use parquet::errors::{ParquetError, Result};

/// Type of a 32-bit integer.
pub(crate) const I32: u8 = 5;
/// Type of a struct.
pub(crate) const STRUCT: u8 = 12;
/// Deeper than any struct of Parquet.
const DEPTH: u8 = 32;

/// A walk through bytes, which takes at least one byte a step.
pub(crate) struct Thrift<R> {
    source: R,
    /// Bytes that may still be read.
    left: u64,
}

impl<R: Read> Thrift<R> {
    /// A walk through at most `left` bytes of `source`.
    pub(crate) fn new(source: R, left: u64) -> Self {
        Self { source, left }
    }

    /// Bytes not walked through yet.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    fn bad(what: &str) -> ParquetError {
        ParquetError::General(format!("a header {what}"))
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.left = self.left.checked_sub(1).ok_or_else(|| Self::bad("is cut off"))?;
        self.source.read_exact(&mut byte).map_err(|_| Self::bad("is cut off"))?;
        Ok(byte[0])
    }

    fn bytes(&mut self, count: u64) -> Result<()> {
        self.left = self.left.checked_sub(count).ok_or_else(|| Self::bad("is cut off"))?;
        let read = std::io::copy(&mut self.source.by_ref().take(count), &mut std::io::sink())?;
        if read == count { Ok(()) } else { Err(Self::bad("is cut off")) }
    }

    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Self::bad("has an endless number"))
    }

    pub(crate) fn zigzag(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Goes to the next field, whose number follows from the `last` one, and gives its type; none at the end of the struct.
    pub(crate) fn field(&mut self, last: &mut i64) -> Result<Option<u8>> {
        let byte = self.byte()?;
        let kind = byte & 0x0f;
        if kind == 0 {
            return Ok(None);
        }
        *last = match i64::from(byte >> 4) {
            0 => self.zigzag()?,
            delta => last.saturating_add(delta),
        };
        Ok(Some(kind))
    }

    /// Passes over a struct.
    pub(crate) fn skip_struct(&mut self) -> Result<()> {
        self.skip(STRUCT)
    }

    /// Passes over a field of type `kind`.
    pub(crate) fn skip(&mut self, kind: u8) -> Result<()> {
        self.skip_nested(kind, 0)
    }

    fn skip_nested(&mut self, kind: u8, depth: u8) -> Result<()> {
        if depth > DEPTH {
            return Err(Self::bad("is nested too deeply"));
        }
        match kind {
            // A boolean's value is in its type.
            1 | 2 => Ok(()),
            3 => self.bytes(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.bytes(8),
            8 => {
                let length = self.varint()?;
                self.bytes(length)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let length = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
                let kind = byte & 0x0f;
                // Parquet has none, and decoders disagree on how many bytes they take.
                if length > 0 && matches!(kind, 1 | 2) {
                    return Err(Self::bad("has a list of booleans"));
                }
                for _ in 0..length {
                    self.skip_nested(kind, depth + 1)?;
                }
                Ok(())
            }
            STRUCT => {
                let mut field = 0;
                while let Some(kind) = self.field(&mut field)? {
                    self.skip_nested(kind, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(Self::bad("has a field of an unknown type")),
        }
    }
}
