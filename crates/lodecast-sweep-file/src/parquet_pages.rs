//! Looks at each Parquet page before it is decoded, so that a file that lies about its sizes cannot exhaust the memory.
//!
//! The decoder allocates what page headers and delta encodings announce: gigabytes, from a file of a hundred bytes, and
//! a failed allocation ends the process. So the announced sizes are read first, and have to be plausible.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, SerializedPageReader};

use crate::error::Error;
use crate::thrift::{self, Thrift};

/// Pages are about 1 MiB by default. Compression beyond this factor is only believed of pages that take no more than this
/// together, one a column.
const PLAUSIBLE_COMPRESSION: u64 = 64;
const PLAUSIBLE_PAGES: u64 = 64 << 20;
const PLAUSIBLE_PAGE: u64 = 16 << 20;
/// Values that the lists of a column may hold in any file, besides one for each of its bytes.
const LIST_VALUES: u64 = 1 << 20;

/// A page reader that checks each page's sizes first.
pub(crate) struct CheckedPages<R: ChunkReader> {
    inner: SerializedPageReader<R>,
    source: Arc<R>,
    path: PathBuf,
    offset: u64,
    remaining: u64,
    has_levels: bool,
    compression: Compression,
    /// Largest page believed whatever its compression.
    plausible: u64,
    /// Values that its pages may yet announce, where rows do not bound them: in lists.
    values_left: Option<u64>,
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
        let is_list = chunk.column_descr().max_rep_level() > 0;
        let values_left = is_list.then(|| LIST_VALUES.saturating_add(source.len()));
        let (source, path, compression) = (Arc::clone(source), path.to_owned(), chunk.compression());
        Ok(Self { inner, source, path, offset, remaining, has_levels, compression, plausible, values_left })
    }

    /// Checks the header of the page that the decoder is about to read.
    fn check_next(&mut self) -> Result<()> {
        while self.remaining > 0 {
            let mut thrift = Thrift::new(self.source.get_read(self.offset)?, self.remaining);
            let header = PageHeader::read(&mut thrift)?;
            let compressed = count(header.compressed, "compressed size")?;
            let uncompressed = count(header.uncompressed, "uncompressed size")?;
            let values = count(header.values, "number of values")?;
            let header_size = self.remaining - thrift.left();
            let size = header_size + compressed;
            if size > self.remaining {
                return Err(ParquetError::EOF(format!("a page of {compressed} bytes is beyond the end of its chunk")));
            }
            let body = self.offset + header_size;
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
            if let Some(left) = self.values_left.filter(|_| header.is_data()) {
                self.values_left = Some(left.checked_sub(values).ok_or_else(|| {
                    let limit = LIST_VALUES.saturating_add(self.source.len());
                    let (path, what) = (self.path.clone(), "the number of values in its lists".to_owned());
                    let remedy = "if it is true, write a row a step";
                    ParquetError::External(Box::new(Error::TooLarge { path, what, found: values, limit, remedy }))
                })?);
            }
            self.check_inflated(body, compressed, uncompressed, header.levels)?;
            // The decoder passes over index pages.
            if header.kind != PageHeader::INDEX {
                break;
            }
        }
        Ok(())
    }

    /// Checks that a page inflates to no more than it announces. Of gzip and of framed LZ4 the decoder takes all there is.
    fn check_inflated(&self, body: u64, compressed: u64, uncompressed: u64, levels: u64) -> Result<()> {
        const LZ4_FRAME: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
        let page = || self.source.get_bytes(body, compressed as usize);
        let levels = levels.min(compressed) as usize;
        match self.compression {
            Compression::GZIP(_) => {
                let page = page()?;
                let mut inflated = MultiGzDecoder::new(&page[levels..]).take(uncompressed + 1);
                // What is no gzip is the decoder's to say.
                let found = std::io::copy(&mut inflated, &mut std::io::sink()).unwrap_or(0);
                if found > uncompressed {
                    return Err(ParquetError::General(format!(
                        "a page that announces {uncompressed} bytes inflates to more"
                    )));
                }
            }
            Compression::LZ4 if page()?[levels..].starts_with(&LZ4_FRAME) => {
                return Err(ParquetError::External(Box::new(Error::Unsupported {
                    path: self.path.clone(),
                    feature: "a page of framed LZ4".to_owned(),
                    remedy: "write the file again with zstd or snappy",
                })));
            }
            _ => {}
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
        let mut thrift = Thrift::new(data.unwrap_or_default(), data.map_or(0, <[u8]>::len) as u64);
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

    // A list may go on over the end of a page, unless the next one is of version 2.
    fn at_record_boundary(&mut self) -> Result<bool> {
        if self.remaining == 0 {
            return Ok(true);
        }
        let mut thrift = Thrift::new(self.source.get_read(self.offset)?, self.remaining);
        Ok(PageHeader::read(&mut thrift)?.kind == PageHeader::DATA_OF_VERSION_2)
    }
}

impl<R: ChunkReader + 'static> Iterator for CheckedPages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// Walks through the footer of a file once. The decoder passes over what it does not know element by element, and two
/// billion booleans of a list that it does not know take no bytes there; here every element takes one. A footer that gives a
/// known field another type can still lead the decoder astray: that costs time, but neither memory nor a crash.
pub(crate) fn check_footer<R: ChunkReader>(source: &R) -> Result<()> {
    const TAIL: u64 = 8;
    let Some(tail) = source.len().checked_sub(TAIL) else { return Ok(()) };
    let tail_bytes = source.get_bytes(tail, TAIL as usize)?;
    let length = tail_bytes.first_chunk().map_or(0, |&length| u64::from(u32::from_le_bytes(length)));
    // What is wrong with a footer as a whole is the decoder's to say.
    match tail.checked_sub(length) {
        Some(start) => {
            let mut footer = Thrift::new(source.get_read(start)?, length);
            footer.skip_struct()?;
            match footer.left() {
                0 => Ok(()),
                left => Err(ParquetError::General(format!("the footer ends {left} bytes before its length"))),
            }
        }
        None => Ok(()),
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
    /// Bytes of the levels before the values of a page of version 2, which are not compressed.
    levels: u64,
}

impl PageHeader {
    const INDEX: i64 = 1;
    const DICTIONARY: i64 = 2;
    const DATA_OF_VERSION_2: i64 = 3;

    fn is_data(&self) -> bool {
        self.kind != Self::INDEX && self.kind != Self::DICTIONARY
    }

    fn read<R: Read>(input: &mut Thrift<R>) -> Result<Self> {
        let mut header = Self::default();
        let mut field = 0;
        while let Some(kind) = input.field(&mut field)? {
            match (field, kind) {
                (1, thrift::I32) => header.kind = input.zigzag()?,
                (2, thrift::I32) => header.uncompressed = input.zigzag()?,
                (3, thrift::I32) => header.compressed = input.zigzag()?,
                // The headers of a data page, a dictionary page and a data page of version 2 all begin with their number of values.
                (5 | 7 | 8, thrift::STRUCT) => {
                    let of_version_2 = field == 8;
                    let mut inner = 0;
                    while let Some(kind) = input.field(&mut inner)? {
                        match (inner, kind) {
                            (1, thrift::I32) => header.values = input.zigzag()?,
                            (5 | 6, thrift::I32) if of_version_2 => {
                                header.levels =
                                    header.levels.saturating_add(u64::try_from(input.zigzag()?).unwrap_or(0));
                            }
                            _ => input.skip(kind)?,
                        }
                    }
                }
                _ => input.skip(kind)?,
            }
        }
        Ok(header)
    }
}
