//! Looks at each Parquet page before it is decoded, so that a file that lies about its sizes cannot exhaust the memory.
//!
//! The decoder allocates what page headers and delta encodings announce: gigabytes, from a file of a hundred bytes, and
//! a failed allocation ends the process. So the announced sizes are read first, and have to be plausible.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, SerializedPageReader};

use crate::error::Error;

/// Pages are about 1 MiB by default. Compression beyond this factor is only believed of pages that take no more than this
/// together, one a column.
const PLAUSIBLE_COMPRESSION: u64 = 64;
const PLAUSIBLE_PAGES: u64 = 64 << 20;
const PLAUSIBLE_PAGE: u64 = 16 << 20;

/// A page reader that checks each page's sizes first.
pub(crate) struct CheckedPages<R: ChunkReader> {
    inner: SerializedPageReader<R>,
    source: Arc<R>,
    path: PathBuf,
    offset: u64,
    remaining: u64,
    has_levels: bool,
    /// Largest page believed whatever its compression.
    plausible: u64,
}

impl<R: ChunkReader + 'static> CheckedPages<R> {
    /// The pages of one column chunk, of `columns` that are read side by side.
    pub(crate) fn new(source: &Arc<R>, path: &Path, chunk: &ColumnChunkMetaData, columns: usize) -> Result<Self> {
        let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        let (Ok(offset), Ok(remaining)) = (u64::try_from(start), u64::try_from(chunk.compressed_size())) else {
            return Err(ParquetError::General(format!("the chunk starts at the offset {start}")));
        };
        if offset.checked_add(remaining).is_none_or(|end| end > source.len()) {
            return Err(ParquetError::EOF(format!(
                "the chunk has {remaining} bytes from {offset} on, beyond the end of the file"
            )));
        }
        let inner = SerializedPageReader::new(Arc::clone(source), chunk, 0, None)?;
        let has_levels = chunk.column_descr().max_def_level() > 0;
        let plausible = (PLAUSIBLE_PAGES / columns.max(1) as u64).min(PLAUSIBLE_PAGE);
        Ok(Self { plausible, inner, source: Arc::clone(source), path: path.to_owned(), offset, remaining, has_levels })
    }

    /// Checks the header of the page that the decoder is about to read.
    fn check_next(&mut self) -> Result<()> {
        while self.remaining > 0 {
            let mut thrift = Thrift { source: self.source.get_read(self.offset)?, left: self.remaining };
            let header = PageHeader::read(&mut thrift)?;
            let compressed = count(header.compressed, "compressed size")?;
            let uncompressed = count(header.uncompressed, "uncompressed size")?;
            let values = count(header.values, "number of values")?;
            let size = (self.remaining - thrift.left) + compressed;
            if size > self.remaining {
                return Err(ParquetError::EOF(format!("a page of {compressed} bytes is beyond the end of its chunk")));
            }
            self.offset += size;
            self.remaining -= size;
            let too_large = |what: &str, found, limit| {
                Err(ParquetError::External(Box::new(Error::TooLarge {
                    path: self.path.clone(),
                    what: what.to_owned(),
                    found,
                    limit,
                    remedy: "write the file again with smaller pages",
                })))
            };
            let limit = self.plausible.max(compressed * PLAUSIBLE_COMPRESSION);
            if uncompressed > limit {
                return too_large("the uncompressed size of a page", uncompressed, limit);
            }
            // Every entry of a dictionary takes at least one byte.
            if header.kind == PageHeader::DICTIONARY && values > uncompressed {
                return too_large("the number of a dictionary's entries", values, uncompressed);
            }
            // The decoder passes over index pages.
            if header.kind != PageHeader::INDEX {
                break;
            }
        }
        Ok(())
    }

    /// Checks the number of values that a delta encoding of texts announces inside the page.
    fn check_delta(&self, page: &Page) -> Result<()> {
        match page.encoding() {
            Encoding::DELTA_LENGTH_BYTE_ARRAY => {}
            Encoding::DELTA_BYTE_ARRAY => {
                return Err(ParquetError::External(Box::new(Error::Unsupported {
                    path: self.path.clone(),
                    feature: "the encoding DELTA_BYTE_ARRAY".to_owned(),
                    remedy: "write the text columns with a dictionary or plain",
                })));
            }
            _ => return Ok(()),
        }
        let data = match page {
            Page::DataPage { buf, .. } if self.has_levels => {
                let size = buf.first_chunk().map_or(0, |&size| u32::from_le_bytes(size) as usize);
                buf.get(4..).and_then(|rest| rest.get(size..))
            }
            Page::DataPage { buf, .. } => buf.get(..),
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
                buf.get(*def_levels_byte_len as usize..).and_then(|rest| rest.get(*rep_levels_byte_len as usize..))
            }
            Page::DictionaryPage { .. } => return Ok(()),
        };
        let mut thrift = Thrift { left: data.map_or(0, <[u8]>::len) as u64, source: data.unwrap_or_default() };
        let (_block, _mini_blocks) = (thrift.varint()?, thrift.varint()?);
        let values = thrift.varint()?;
        if values > u64::from(page.num_values()) {
            return Err(ParquetError::General(format!(
                "a page of {} values announces {values} text lengths",
                page.num_values()
            )));
        }
        Ok(())
    }
}

impl<R: ChunkReader + 'static> PageReader for CheckedPages<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.check_next()?;
        let page = self.inner.get_next_page()?;
        if let Some(page) = &page {
            self.check_delta(page)?;
        }
        Ok(page)
    }

    // Only what skips rows asks for these, and a sweep is read whole.
    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(ParquetError::NYI("looking ahead in a sweep".to_owned()))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(ParquetError::NYI("skipping pages of a sweep".to_owned()))
    }
}

impl<R: ChunkReader + 'static> Iterator for CheckedPages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

fn count(value: i64, what: &str) -> Result<u64> {
    u64::try_from(value).map_err(|_| ParquetError::General(format!("the {what} of a page is {value}")))
}

/// What a page announces. See `PageHeader` in parquet-format's `parquet.thrift`.
#[derive(Default)]
struct PageHeader {
    kind: i64,
    uncompressed: i64,
    compressed: i64,
    values: i64,
}

impl PageHeader {
    const INDEX: i64 = 1;
    const DICTIONARY: i64 = 2;

    fn read<R: Read>(thrift: &mut Thrift<R>) -> Result<Self> {
        let mut header = Self::default();
        let mut field = 0;
        while let Some(kind) = thrift.field(&mut field)? {
            match (field, kind) {
                (1, Thrift::<R>::I32) => header.kind = thrift.zigzag()?,
                (2, Thrift::<R>::I32) => header.uncompressed = thrift.zigzag()?,
                (3, Thrift::<R>::I32) => header.compressed = thrift.zigzag()?,
                // The headers of a data page, a dictionary page and a data page of version 2 all begin with their number of values.
                (5 | 7 | 8, Thrift::<R>::STRUCT) => {
                    let mut inner = 0;
                    while let Some(kind) = thrift.field(&mut inner)? {
                        match (inner, kind) {
                            (1, Thrift::<R>::I32) => header.values = thrift.zigzag()?,
                            _ => thrift.skip(kind, 0)?,
                        }
                    }
                }
                _ => thrift.skip(kind, 0)?,
            }
        }
        Ok(header)
    }
}

/// As much of Thrift's compact protocol as page headers need; nothing is allocated.
struct Thrift<R> {
    source: R,
    /// Bytes that may still be read.
    left: u64,
}

impl<R: Read> Thrift<R> {
    const I32: u8 = 5;
    const STRUCT: u8 = 12;
    /// Deeper than any page header.
    const DEPTH: u8 = 16;

    fn bad(what: &str) -> ParquetError {
        ParquetError::General(format!("a page header {what}"))
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

    fn varint(&mut self) -> Result<u64> {
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

    fn zigzag(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Goes to the next field, whose number follows from the `last` one, and gives its type; none at the end of the struct.
    fn field(&mut self, last: &mut i64) -> Result<Option<u8>> {
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

    fn skip(&mut self, kind: u8, depth: u8) -> Result<()> {
        if depth > Self::DEPTH {
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
                for _ in 0..length {
                    match byte & 0x0f {
                        // Inside a list a boolean is a byte.
                        1 | 2 => self.bytes(1)?,
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
                Ok(())
            }
            Self::STRUCT => {
                let mut field = 0;
                while let Some(kind) = self.field(&mut field)? {
                    self.skip(kind, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(Self::bad("has a field of an unknown type")),
        }
    }
}
