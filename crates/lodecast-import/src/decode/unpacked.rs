//! Files packed by gzip, read as what is in them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// How a file that gzip wrote begins.
const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Logs pack to a tenth or a thirtieth. What unpacks to more than so many times its size, and more than a megabyte, is none.
const MOST_TIMES: u64 = 200;
const SMALL: u64 = 1 << 20;

/// Is the file packed? It stands at its beginning then.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn is_packed(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start == MAGIC)
}

/// What is in the file, unpacked if it is packed.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn unpacked(mut file: File) -> io::Result<Box<dyn Read>> {
    if !is_packed(&mut file)? {
        return Ok(Box::new(file));
    }
    let left = file.metadata()?.len().saturating_mul(MOST_TIMES).saturating_add(SMALL);
    Ok(Box::new(Unpacked { packed: MultiGzDecoder::new(BufReader::new(file)), left }))
}

/// What is said of a packed file that ends within its packing, which is read as far as it goes.
pub(crate) fn says_cut_off(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    if !is_packed(&mut file).ok()? {
        return None;
    }
    let unpacked = io::copy(&mut MultiGzDecoder::new(BufReader::new(file)), &mut io::sink());
    unpacked.is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof).then(|| {
        "it is packed, and ends within its packing: what came after is not in it (still being written, or its writer was stopped)"
            .to_owned()
    })
}

struct Unpacked<R> {
    packed: MultiGzDecoder<R>,
    left: u64,
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.packed.read(buffer) {
            // A training that still writes, or was killed, has not ended the last block.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            count => count?,
        };
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(format!("it unpacks to more than {MOST_TIMES} times its size, as no log does"))
        })?;
        Ok(count)
    }
}
