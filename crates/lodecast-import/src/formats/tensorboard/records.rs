//! TFRecord, the framing of event files: each record has its length, its bytes, and a checksum of either.
//!
//! ```text
//! u64 length | u32 masked CRC-32C of the length | bytes | u32 masked CRC-32C of the bytes
//! ```
//!
//! Source: `tensorflow/core/lib/io/record_writer.h`. Numbers are little endian.

use std::io::{self, ErrorKind, Read};

use crate::decode::framing::Next;

/// Bytes read from the file at a time.
const CHUNK: usize = 1 << 18;
/// Longest record that is looked into. Metrics take less than a hundred bytes; what is longer holds images or graphs.
const LONGEST: u64 = 16 << 20;
const HEADER: usize = 12;
const CHECKSUM: usize = 4;

/// The records of a file, read through a buffer that grows no larger than the longest record looked into.
pub(crate) struct Records<R> {
    source: R,
    buffer: Vec<u8>,
    /// What has been read and not given out yet lies at `start..end` of the buffer.
    start: usize,
    end: usize,
    /// Place in the file of the buffer's `start`.
    offset: u64,
    ended: bool,
}

impl<R: Read> Records<R> {
    /// The records of `source`.
    pub(crate) fn new(source: R) -> Self {
        Self { source, buffer: vec![0; CHUNK], start: 0, end: 0, offset: 0, ended: false }
    }

    /// The records of `source`, which stands at `offset` of its file.
    pub(crate) fn from(source: R, offset: u64) -> Self {
        Self { offset, ..Self::new(source) }
    }

    /// Place in the file of what comes next.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// What comes next. After [`Next::CutOff`] and [`Next::Lost`] comes the end.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Next<'_>> {
        let offset = self.offset;
        if self.ended || !self.fill(1)? {
            return Ok(Next::End);
        }
        if !self.fill(HEADER)? {
            return Ok(self.end_with(Next::CutOff(offset)));
        }
        let (length, checksum) = self.buffer[self.start..self.start + HEADER].split_at(8);
        if !holds(length, checksum) {
            return Ok(self.end_with(Next::Lost(offset)));
        }
        let length = length.first_chunk().map_or(0, |&length| u64::from_le_bytes(length));
        if length > LONGEST {
            let whole = self.pass(length.saturating_add((HEADER + CHECKSUM) as u64))?;
            return Ok(if whole { Next::Passed(offset) } else { self.end_with(Next::CutOff(offset)) });
        }
        let length = length as usize;
        let whole = HEADER + length + CHECKSUM;
        if !self.fill(whole)? {
            return Ok(self.end_with(Next::CutOff(offset)));
        }
        let (bytes, checksum) = self.buffer[self.start + HEADER..self.start + whole].split_at(length);
        self.start += whole;
        self.offset += whole as u64;
        Ok(if holds(bytes, checksum) { Next::Record(bytes) } else { Next::Damaged(offset) })
    }

    fn end_with(&mut self, next: Next<'static>) -> Next<'static> {
        self.ended = true;
        next
    }

    /// Sees to it that `count` bytes lie in the buffer; false if the file has no more as many.
    #[inline]
    fn fill(&mut self, count: usize) -> io::Result<bool> {
        if self.end - self.start >= count { Ok(true) } else { self.refill(count) }
    }

    #[cold]
    fn refill(&mut self, count: usize) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < count {
            // Grown as the bytes come, not as the length announces.
            if self.end == self.buffer.len() {
                self.buffer.resize((2 * self.end).min(count.next_multiple_of(CHUNK)), 0);
            }
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Passes over `count` bytes; false if the file has no more as many.
    fn pass(&mut self, mut count: u64) -> io::Result<bool> {
        while count > 0 {
            if !self.fill(1)? {
                return Ok(false);
            }
            let passed = count.min((self.end - self.start) as u64);
            self.start += passed as usize;
            self.offset += passed;
            count -= passed;
        }
        Ok(true)
    }
}

/// Does the masked checksum fit the bytes? The mask keeps a checksum of bytes that hold checksums from going astray.
fn holds(bytes: &[u8], checksum: &[u8]) -> bool {
    let masked = crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8);
    checksum == masked.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as TensorFlow's `TFRecordWriter` writes it.
    fn framed(bytes: &[u8]) -> Vec<u8> {
        let masked = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
        let length = (bytes.len() as u64).to_le_bytes();
        [&length[..], &masked(&length), bytes, &masked(bytes)].concat()
    }

    /// Hands out a few bytes at a time, as a pipe may.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.0.len()).min(7);
            let (given, rest) = self.0.split_at(count);
            buffer[..count].copy_from_slice(given);
            self.0 = rest;
            Ok(count)
        }
    }

    #[test]
    fn a_record_that_tensorboard_wrote() {
        // The first record of every event file that tensorboard 2.21 writes, less its time: "brain.Event:2".
        let bytes = b"\x1a\x0dbrain.Event:2";
        // tensorboard.compat.tensorflow_stub.pywrap_tensorflow.masked_crc32c of the length and of the bytes.
        let length = 15_u64.to_le_bytes();
        let file = [&length[..], &0x092b_536d_u32.to_le_bytes(), bytes, &0x2951_98fc_u32.to_le_bytes()].concat();
        let mut records = Records::new(&file[..]);
        assert_eq!(records.next().expect("readable"), Next::Record(bytes));
        assert_eq!(records.next().expect("readable"), Next::End);
    }

    #[test]
    fn records_across_the_ends_of_buffers() {
        let long: Vec<u8> = (0..3 * CHUNK as u32 + 11).map(|index| index as u8).collect();
        let file = [framed(b"one"), framed(&long), framed(b""), framed(b"four")].concat();
        let mut records = Records::new(Trickle(&file));
        for expected in [&b"one"[..], &long, b"", b"four"] {
            assert_eq!(records.next().expect("readable"), Next::Record(expected));
        }
        assert_eq!(records.next().expect("readable"), Next::End);
    }

    #[test]
    fn every_cut_is_seen_and_what_lies_before_it_kept() {
        let file = [framed(b"one"), framed(b"second")].concat();
        let first = framed(b"one").len();
        for cut in 0..file.len() {
            let mut records = Records::new(&file[..cut]);
            if cut >= first {
                assert_eq!(records.next().expect("readable"), Next::Record(b"one"));
            }
            let begun = if cut < first { 0 } else { first };
            let expected = if cut == begun { Next::End } else { Next::CutOff(begun as u64) };
            assert_eq!(records.next().expect("readable"), expected, "cut at {cut}");
            assert_eq!(records.next().expect("readable"), Next::End);
        }
    }

    #[test]
    fn a_flipped_bit_costs_its_record_or_what_follows() {
        let file = [framed(b"one"), framed(b"second")].concat();
        for byte in 0..framed(b"one").len() {
            let mut file = file.clone();
            file[byte] ^= 0x10;
            let mut records = Records::new(&file[..]);
            if byte < HEADER {
                assert_eq!(records.next().expect("readable"), Next::Lost(0), "byte {byte}");
                assert_eq!(records.next().expect("readable"), Next::End);
            } else {
                assert_eq!(records.next().expect("readable"), Next::Damaged(0), "byte {byte}");
                assert_eq!(records.next().expect("readable"), Next::Record(b"second"));
            }
        }
    }

    #[test]
    fn a_record_too_long_is_passed_over_without_being_held() {
        let file = [framed(&vec![7; LONGEST as usize + 1]), framed(b"after")].concat();
        let mut records = Records::new(&file[..]);
        assert_eq!(records.next().expect("readable"), Next::Passed(0));
        assert_eq!(records.next().expect("readable"), Next::Record(b"after"));
        assert_eq!(records.buffer.len(), CHUNK);
        // One that announces all there is in the world.
        let length = u64::MAX.to_le_bytes();
        let checksum = crc32c::crc32c(&length).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
        let mut records = Records::new(io::Cursor::new([&length[..], &checksum, b"little"].concat()));
        assert_eq!(records.next().expect("readable"), Next::CutOff(0));
    }
}
