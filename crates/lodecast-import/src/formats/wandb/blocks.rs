//! LevelDB's log format, in which `.wandb` files keep their records: 32 KiB blocks of checksummed chunks.
//!
//! ```text
//! u32 CRC-32 of type and bytes | u16 length | u8 type: 1 whole, 2 first, 3 middle, 4 last | bytes
//! ```
//!
//! A record that does not fit its block is split over chunks in following blocks. Differences to LevelDB: the file has a
//! header of 7 bytes, which belongs to the first block, and the checksum is the IEEE one, without a mask.
//! Source: `wandb/sdk/internal/datastore.py` of wandb 0.19. Numbers are little endian.

use std::io::{self, ErrorKind, Read};

use crate::decode::framing::Next;

const BLOCK: usize = 1 << 15;
const CHUNK_HEADER: usize = 7;
/// What a file begins with; a byte with the version of the format follows.
const MAGIC: [u8; 6] = *b":W&B\xe1\xbe";
/// Longest record that is put together. A row of metrics takes kilobytes at most.
const LONGEST: usize = 16 << 20;

/// The file does not begin like a `.wandb` file.
#[derive(Debug, PartialEq)]
pub(crate) struct NoHeader;

/// The records of a `.wandb` file.
pub(crate) struct Records<R> {
    source: R,
    block: Box<[u8]>,
    /// Length of the block at hand; shorter than a block at the end of the file.
    length: usize,
    /// Place in the block.
    at: usize,
    /// Place in the file of the block at hand.
    offset: u64,
    /// A record in the making, and where it begins.
    record: Vec<u8>,
    begun: Option<u64>,
    ended: bool,
}

/// Where the bytes of a finished record are.
enum Found {
    InBlock(usize, usize),
    PutTogether,
}

impl<R: Read> Records<R> {
    /// The records of `source`, if it begins like a `.wandb` file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn new(source: R) -> io::Result<Result<Self, NoHeader>> {
        let mut records = Self {
            source,
            block: vec![0; BLOCK].into_boxed_slice(),
            length: 0,
            at: CHUNK_HEADER,
            offset: 0,
            record: Vec::new(),
            begun: None,
            ended: false,
        };
        records.fill()?;
        Ok(if records.length >= CHUNK_HEADER && records.block.starts_with(&MAGIC) {
            Ok(records)
        } else {
            Err(NoHeader)
        })
    }

    /// The records from `offset` on, where one begins; `source` stands at the beginning of that block.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn from(source: R, offset: u64) -> io::Result<Self> {
        let at = (offset % BLOCK as u64) as usize;
        let mut records = Self {
            source,
            block: vec![0; BLOCK].into_boxed_slice(),
            length: 0,
            at,
            offset: offset - at as u64,
            record: Vec::new(),
            begun: None,
            ended: false,
        };
        records.fill()?;
        Ok(records)
    }

    /// The beginning of the block in which `offset` lies.
    pub(crate) fn block_of(offset: u64) -> u64 {
        offset / BLOCK as u64 * BLOCK as u64
    }

    /// Place in the file of what comes next.
    pub(crate) fn offset(&self) -> u64 {
        self.offset + self.at as u64
    }

    /// What comes next. After [`Next::CutOff`] comes the end.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Next<'_>> {
        if self.ended {
            return Ok(Next::End);
        }
        let found = loop {
            // Too little for a chunk at the end of a block is filled up with zeros.
            if self.at + CHUNK_HEADER > BLOCK || (self.at == self.length && self.length == BLOCK) {
                self.offset += BLOCK as u64;
                self.at = 0;
                self.fill()?;
                continue;
            }
            let offset = self.offset + self.at as u64;
            let header: Option<&[u8; CHUNK_HEADER]> = self.block[self.at..self.length].first_chunk();
            let Some(&[c0, c1, c2, c3, l0, l1, kind]) = header else {
                self.ended = true;
                let cut_off = self.begun.or((self.at < self.length).then_some(offset));
                return Ok(cut_off.map_or(Next::End, Next::CutOff));
            };
            let start = self.at + CHUNK_HEADER;
            let end = start + usize::from(u16::from_le_bytes([l0, l1]));
            if end > self.length && end <= BLOCK {
                self.ended = true;
                return Ok(Next::CutOff(self.begun.unwrap_or(offset)));
            }
            let sound = end <= BLOCK && {
                let mut checksum = crc32fast::Hasher::new();
                checksum.update(&[kind]);
                checksum.update(&self.block[start..end]);
                checksum.finalize() == u32::from_le_bytes([c0, c1, c2, c3])
            };
            if !sound {
                // The length may be what is wrong, so the rest of the block is in doubt, but not the next one.
                self.at = self.length;
                self.ended = self.length < BLOCK;
                return Ok(Next::Damaged(self.begun.take().unwrap_or(offset)));
            }
            self.at = end;
            match (kind, self.begun) {
                (1, None) => break Found::InBlock(start, end),
                (2, None) => {
                    self.begun = Some(offset);
                    self.record.clear();
                    self.record.extend_from_slice(&self.block[start..end]);
                }
                (3 | 4, Some(begun)) => {
                    // What is too long is still followed to its end, but not kept.
                    if self.record.len() + (end - start) <= LONGEST {
                        self.record.extend_from_slice(&self.block[start..end]);
                    } else {
                        self.record.resize(LONGEST + 1, 0);
                    }
                    if kind == 4 {
                        self.begun = None;
                        if self.record.len() > LONGEST {
                            self.record = Vec::new();
                            return Ok(Next::Passed(begun));
                        }
                        break Found::PutTogether;
                    }
                }
                // A part whose beginning was lost with a damaged block.
                (3 | 4, None) => {}
                // The rest of the record begun is missing; this chunk is read again as the first of the next record.
                (1 | 2, Some(begun)) => {
                    self.begun = None;
                    self.at = start - CHUNK_HEADER;
                    return Ok(Next::Damaged(begun));
                }
                _ => return Ok(Next::Damaged(self.begun.take().unwrap_or(offset))),
            }
        };
        Ok(Next::Record(match found {
            Found::InBlock(start, end) => &self.block[start..end],
            Found::PutTogether => &self.record,
        }))
    }

    /// Reads the next block.
    fn fill(&mut self) -> io::Result<()> {
        self.length = 0;
        while self.length < BLOCK {
            match self.source.read(&mut self.block[self.length..]) {
                Ok(0) => break,
                Ok(read) => self.length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes records as wandb does.
    fn log(records: &[&[u8]]) -> Vec<u8> {
        let mut file = b":W&B\xe1\xbe\x00".to_vec();
        for record in records {
            let (mut rest, mut first) = (*record, true);
            loop {
                let mut room = BLOCK - file.len() % BLOCK;
                if room < CHUNK_HEADER {
                    file.resize(file.len() + room, 0);
                    room = BLOCK;
                }
                let (bytes, after) = rest.split_at(rest.len().min(room - CHUNK_HEADER));
                let kind = match (first, after.is_empty()) {
                    (true, true) => 1,
                    (true, false) => 2,
                    (false, false) => 3,
                    (false, true) => 4,
                };
                let checksum = crc32fast::hash(&[&[kind], bytes].concat());
                file.extend(checksum.to_le_bytes());
                file.extend((bytes.len() as u16).to_le_bytes());
                file.push(kind);
                file.extend(bytes);
                (rest, first) = (after, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        file
    }

    fn read(file: &[u8]) -> Vec<Result<Vec<u8>, String>> {
        let mut records = Records::new(file).expect("readable").expect("a header");
        let mut all = Vec::new();
        loop {
            match records.next().expect("readable") {
                Next::End => return all,
                Next::Record(bytes) => all.push(Ok(bytes.to_vec())),
                other => all.push(Err(format!("{other:?}"))),
            }
        }
    }

    #[test]
    fn records_of_every_length_around_the_ends_of_blocks() {
        for shift in 0..16 {
            let filler = vec![1; BLOCK - 7 - CHUNK_HEADER - shift];
            let long: Vec<u8> = (0..70_000_u32).map(|index| index as u8).collect();
            let expected = [&filler[..], b"", b"short", &long, b"last"];
            let found: Vec<_> = read(&log(&expected)).into_iter().map(|record| record.expect("sound")).collect();
            assert_eq!(found, expected, "{shift} bytes left in the first block");
        }
    }

    #[test]
    fn a_cut_costs_only_what_lies_behind_it() {
        let file = log(&[b"one", &vec![2; 40_000]]);
        for cut in 7..file.len() {
            let found = read(&file[..cut]);
            assert_eq!(found.iter().filter(|record| record.is_ok()).count(), usize::from(cut >= 17), "cut at {cut}");
            let clean = cut == 7 || cut == 17;
            assert_eq!(found.iter().any(Result::is_err), !clean, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_costs_its_block_at_most() {
        let long = vec![2; 80_000];
        let file = log(&[b"one", &long, b"three"]);
        for byte in (7..file.len()).step_by(997) {
            let mut file = file.clone();
            file[byte] ^= 4;
            let found = read(&file);
            let kept: Vec<_> = found.iter().flatten().map(Vec::as_slice).collect();
            assert!(found.iter().any(Result::is_err), "byte {byte} went unnoticed");
            assert!(kept.iter().all(|record| [&b"one"[..], &long, b"three"].contains(record)), "byte {byte}");
            // The last block holds the last record; a flip in a block before it does not reach it.
            assert_eq!(kept.contains(&&b"three"[..]), byte < file.len() / BLOCK * BLOCK, "byte {byte}");
        }
    }

    #[test]
    fn other_files_are_told_apart() {
        for file in [&b""[..], b":W&B", b"PAR1 and more", b":W&B\x00\x00\x00 magic"] {
            assert!(matches!(Records::new(file).expect("readable"), Err(NoHeader)));
        }
    }
}
