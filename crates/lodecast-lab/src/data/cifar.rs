//! The binary version of CIFAR-100: records of a coarse class, a fine class, and the red, green and blue planes.
//!
//! Read from the publishers' archive as it is, or from what was unpacked of it; only the images asked for are kept.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::images::{ImageShape, Images};
use crate::error::{Error, Result};

/// Fine classes.
pub const CLASSES: usize = 100;
/// Name of the publishers' archive.
pub const ARCHIVE: &str = "cifar-100-binary.tar.gz";
const TRAIN: &str = "train.bin";
const TEST: &str = "test.bin";
const SHAPE: ImageShape = ImageShape { height: 32, width: 32, channels: 3 };
const PLANE: usize = 32 * 32;
/// Bytes of a record.
const RECORD: usize = 2 + 3 * PLANE;
/// Most images a file may say to hold.
const MOST_EXAMPLES: u64 = 10_000_000;

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cifar100 {
    /// In the publishers' archive.
    Archive(PathBuf),
    /// In a folder, unpacked.
    Folder(PathBuf),
}

impl Cifar100 {
    /// Looks for the data at `path`: the archive itself, or a folder with the archive or what came out of it.
    pub fn find(path: &Path) -> Option<Self> {
        if path.is_file() {
            return Some(Self::Archive(path.to_owned()));
        }
        let unpacked = [path.to_owned(), path.join("cifar-100-binary")];
        let folder = unpacked.into_iter().find(|folder| folder.join(TRAIN).is_file()).map(Self::Folder);
        folder.or_else(|| Some(path.join(ARCHIVE)).filter(|archive| archive.is_file()).map(Self::Archive))
    }

    /// The training images at the sorted indices that `choose` gives, once it is told how many there are.
    ///
    /// # Errors
    /// If a file cannot be read or is damaged.
    pub fn train(&self, choose: impl FnOnce(usize) -> Vec<usize>) -> Result<Images> {
        self.read(TRAIN, choose)
    }

    /// The same of the test images.
    ///
    /// # Errors
    /// If a file cannot be read or is damaged.
    pub fn test(&self, choose: impl FnOnce(usize) -> Vec<usize>) -> Result<Images> {
        self.read(TEST, choose)
    }

    fn read(&self, name: &str, choose: impl FnOnce(usize) -> Vec<usize>) -> Result<Images> {
        let open = |path: &Path| File::open(path).map_err(|source| Error::File { path: path.to_owned(), source });
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let file = open(&path)?;
                let length = file.metadata().map_err(|source| Error::File { path: path.clone(), source })?.len();
                Records { path: &path, bytes: BufReader::new(file) }.read(length, choose)
            }
            Self::Archive(path) => {
                let damaged = |error: io::Error| damaged(path, format!("no usable archive: {error}"));
                let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(open(path)?)));
                let mut found = None;
                let mut choose = Some(choose);
                for entry in archive.entries().map_err(damaged)? {
                    let entry = entry.map_err(damaged)?;
                    let is_it = entry.path().is_ok_and(|path| path.file_name().is_some_and(|file| file == name));
                    if let Some(choose) = choose.take_if(|_| is_it) {
                        let length = entry.size();
                        found = Some(Records { path: &path.join(name), bytes: entry }.read(length, choose)?);
                    }
                }
                // The checksum comes after the last byte, and is only looked at by a reader that goes on to the end.
                io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
                found.ok_or_else(|| self::damaged(path, format!("there is no {name} in it")))
            }
        }
    }
}

/// Records to be read one after the other.
struct Records<'a, R> {
    path: &'a Path,
    bytes: R,
}

impl<R: Read> Records<'_, R> {
    fn read(mut self, length: u64, choose: impl FnOnce(usize) -> Vec<usize>) -> Result<Images> {
        let count = length / RECORD as u64;
        if !length.is_multiple_of(RECORD as u64) || !(1..=MOST_EXAMPLES).contains(&count) {
            return Err(self.damaged(format!("it has {length} bytes, which are no records of {RECORD}")));
        }
        let count = count as usize;
        let mut wanted = choose(count).into_iter().peekable();
        let mut images = Images { shape: SHAPE, pixels: Vec::new(), classes: Vec::new() };
        let mut record = [0; RECORD];
        for index in 0..count {
            self.bytes
                .read_exact(&mut record)
                .map_err(|error| self.damaged(format!("image {index} of {count}: {error}")))?;
            let class = record[1];
            if usize::from(class) >= CLASSES {
                return Err(self.damaged(format!("image {index} has the class {class}, not below {CLASSES}")));
            }
            if wanted.next_if_eq(&index).is_some() {
                let planes = &record[2..];
                let pixel = |place: usize| [planes[place], planes[PLANE + place], planes[2 * PLANE + place]];
                images.pixels.extend((0..PLANE).flat_map(pixel));
                images.classes.push(class);
            }
        }
        Ok(images)
    }

    fn damaged(&self, reason: String) -> Error {
        damaged(self.path, reason)
    }
}

fn damaged(path: &Path, reason: String) -> Error {
    Error::DamagedData { path: path.to_owned(), reason }
}
