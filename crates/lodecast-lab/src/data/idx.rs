//! The IDX format of MNIST and Fashion-MNIST, gzip-compressed: a magic number, the sizes, then the bytes.
//!
//! `00 00 08 n`, then n big-endian sizes of 32 bits, then as many unsigned bytes as their product says. Only the examples
//! asked for are kept; the file is read as a stream.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::images::{ImageShape, Images};
use crate::error::{Error, Result};

/// Most examples a file may say to hold, and most rows or columns an image.
const MOST_EXAMPLES: usize = 10_000_000;
const LONGEST_SIDE: usize = 4096;

/// What the publishers' own files hold. A file of their sizes has to be one of theirs; others are taken as they are.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// Images, rows and columns.
    pub sizes: [usize; 3],
    /// SHA-256 of the unpacked images, in hexadecimal digits.
    pub images: &'static str,
    /// The same of the labels.
    pub labels: &'static str,
}

/// An opened IDX file, its sizes read and the bytes still to come.
struct Reader<'a> {
    path: &'a Path,
    bytes: GzDecoder<BufReader<File>>,
    /// Of the bytes so far.
    checksum: Sha256,
    sizes: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn open(path: &'a Path, dimensions: usize) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let mut reader =
            Self { path, bytes: GzDecoder::new(BufReader::new(file)), checksum: Sha256::new(), sizes: Vec::new() };
        let mut magic = [0; 4];
        reader.fill(&mut magic, "its magic number")?;
        if magic != [0, 0, 8, dimensions as u8] {
            return Err(reader.damaged(format!(
                "it starts with {magic:?}, not with the magic number of bytes in {dimensions} dimensions"
            )));
        }
        for dimension in 0..dimensions {
            let mut size = [0; 4];
            reader.fill(&mut size, "its sizes")?;
            let size = u32::from_be_bytes(size) as usize;
            let most = if dimension == 0 { MOST_EXAMPLES } else { LONGEST_SIDE };
            if !(1..=most).contains(&size) {
                return Err(reader.damaged(format!("size {dimension} is {size}, not in 1..={most}")));
            }
            reader.sizes.push(size);
        }
        Ok(reader)
    }

    /// The examples at the sorted `indices`, and no more bytes than that. The checksum of the file, if known, has to fit.
    fn examples(mut self, indices: &[usize], known: Option<&str>) -> Result<Vec<u8>> {
        let length = self.sizes[1..].iter().product::<usize>();
        let (mut example, mut kept) = (vec![0; length], Vec::new());
        let mut wanted = indices.iter().peekable();
        for index in 0..self.sizes[0] {
            self.fill(&mut example, &format!("example {index} of {}", self.sizes[0]))?;
            if wanted.next_if_eq(&&index).is_some() {
                kept.extend_from_slice(&example);
            }
        }
        // The checksum comes after the last byte, and is only looked at by a reader that goes on to the end.
        let more = self.bytes.read(&mut [0]).map_err(|error| self.damaged(error.to_string()))?;
        if more > 0 {
            return Err(self.damaged("it goes on after its last example".to_owned()));
        }
        let checksum = hexadecimal(&self.checksum.clone().finalize());
        if let Some(known) = known.filter(|known| *known != checksum) {
            return Err(
                self.damaged(format!("its unpacked bytes have the SHA-256 {checksum}, the publishers' have {known}"))
            );
        }
        Ok(kept)
    }

    fn fill(&mut self, buffer: &mut [u8], what: &str) -> Result<()> {
        self.bytes.read_exact(buffer).map_err(|error| {
            let reason =
                if error.kind() == io::ErrorKind::UnexpectedEof { "it ends".to_owned() } else { error.to_string() };
            self.damaged(format!("{reason}, at {what}"))
        })?;
        self.checksum.update(buffer);
        Ok(())
    }

    fn damaged(&self, reason: String) -> Error {
        Error::DamagedData { path: self.path.to_owned(), reason }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// Number of images in a file.
///
/// # Errors
/// If the file cannot be read or is no such file.
pub fn image_count(path: &Path) -> Result<usize> {
    Ok(Reader::open(path, 3)?.sizes[0])
}

/// The images at the sorted `indices`, with their classes, which have to be below `classes`.
///
/// # Errors
/// If a file cannot be read, is damaged, they do not belong together, or have the sizes of the publishers' files but not
/// their bytes.
pub fn read(images: &Path, labels: &Path, indices: &[usize], classes: usize, published: &Published) -> Result<Images> {
    let of_images = Reader::open(images, 3)?;
    let of_labels = Reader::open(labels, 1)?;
    if of_images.sizes[0] != of_labels.sizes[0] {
        return Err(of_labels.damaged(format!(
            "it has {} labels for the {} images in {}",
            of_labels.sizes[0],
            of_images.sizes[0],
            images.display()
        )));
    }
    let shape = ImageShape { height: of_images.sizes[1], width: of_images.sizes[2], channels: 1 };
    let theirs = Some(published).filter(|published| of_images.sizes == published.sizes);
    let pixels = of_images.examples(indices, theirs.map(|published| published.images))?;
    let read =
        Images { shape, pixels, classes: of_labels.examples(indices, theirs.map(|published| published.labels))? };
    if let Some(class) = read.classes.iter().find(|class| usize::from(**class) >= classes) {
        return Err(Error::DamagedData {
            path: labels.to_owned(),
            reason: format!("the label {class} is not below {classes}"),
        });
    }
    Ok(read)
}
