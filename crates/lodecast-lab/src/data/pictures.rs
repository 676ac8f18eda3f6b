//! Photographs in folders, one a class: listed by name, decoded when they are needed.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ImageFormat, ImageReader, Limits, RgbImage};

use crate::error::{Error, Result};

/// Longest side of a picture in pixels, and most bytes that decoding one may take.
const LONGEST_SIDE: u32 = 16_384;
const MOST_BYTES: u64 = 1 << 30;
/// Names of pictures end like this, in small or capital letters.
const ENDINGS: [&str; 3] = ["jpeg", "jpg", "png"];

/// The pictures below a folder: `folder/CLASS/PICTURE.JPEG`. Only their names are in memory.
#[derive(Clone, Debug)]
pub struct Pictures {
    root: PathBuf,
    classes: Vec<String>,
    /// Class and name, by class, then name.
    files: Vec<(u16, Box<str>)>,
}

impl Pictures {
    /// Lists the pictures below `root`. Names that start with a dot are passed over.
    ///
    /// # Errors
    /// If a folder cannot be read, holds anything but pictures, or no pictures at all.
    pub fn list(root: &Path) -> Result<Self> {
        let mut pictures = Self { root: root.to_owned(), classes: Vec::new(), files: Vec::new() };
        for (name, is_folder) in sorted_entries(root)? {
            if !is_folder {
                let reason = format!("'{name}' is in no class's folder: sort the pictures into a folder a class");
                return Err(Error::Pictures { path: root.to_owned(), reason });
            }
            let Ok(class) = u16::try_from(pictures.classes.len()) else {
                let reason = format!("it has more than {} folders, one a class: take fewer", u16::MAX);
                return Err(Error::Pictures { path: root.to_owned(), reason });
            };
            let folder = root.join(&name);
            let before = pictures.files.len();
            for (file, is_folder) in sorted_entries(&folder)? {
                let ending = Path::new(&file).extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
                if is_folder || !ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
                    let reason = format!("'{file}' is no picture by its name: move it away");
                    return Err(Error::Pictures { path: folder, reason });
                }
                pictures.files.push((class, file.into_boxed_str()));
            }
            if pictures.files.len() == before {
                let reason = "there is no picture in it: get the class anew, or remove its folder".to_owned();
                return Err(Error::Pictures { path: folder, reason });
            }
            pictures.classes.push(name);
        }
        if pictures.files.is_empty() {
            let reason = "there is no class's folder in it: unpack the data set into it".to_owned();
            return Err(Error::Pictures { path: root.to_owned(), reason });
        }
        Ok(pictures)
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Are there no pictures?
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Names of the classes, sorted.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of a picture, as an index into [`Self::classes`].
    pub fn class(&self, index: usize) -> u16 {
        self.files[index].0
    }

    /// The file of a picture.
    pub fn path(&self, index: usize) -> PathBuf {
        let (class, name) = &self.files[index];
        self.root.join(&self.classes[usize::from(*class)]).join(&**name)
    }

    /// Decodes a picture, whatever its own colours are.
    ///
    /// # Errors
    /// If the file cannot be read, is broken, or larger than a photograph should be.
    pub fn decode(&self, index: usize) -> Result<RgbImage> {
        let path = self.path(index);
        let bytes = fs::read(&path).map_err(|source| Error::File { path: path.clone(), source })?;
        decode(&bytes).map_err(|reason| Error::DamagedData { path, reason: format!("no usable picture: {reason}") })
    }
}

/// The format is told by the bytes: among `ImageNet`'s JPEGs there is one PNG.
fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    // Where a JPEG ends early, the decoder makes up the rest. Its end is marked by two bytes that its data cannot hold.
    let (_, second_half) = bytes.split_at(bytes.len() / 2);
    if reader.format() == Some(ImageFormat::Jpeg) && !second_half.windows(2).any(|pair| pair == [0xff, 0xd9]) {
        return Err("it ends before its picture does".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    reader.decode().map(image::DynamicImage::into_rgb8).map_err(|error| error.to_string())
}

/// Names in a folder, sorted, and whether each is a folder.
fn sorted_entries(folder: &Path) -> Result<Vec<(String, bool)>> {
    let failed = |source| Error::File { path: folder.to_owned(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else {
            let reason = format!("the name {} is not UTF-8: rename it", entry.file_name().display());
            return Err(Error::Pictures { path: folder.to_owned(), reason });
        };
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(failed)?;
        // Folders may be links to where the pictures are.
        let is_folder = if kind.is_symlink() { entry.path().is_dir() } else { kind.is_dir() };
        entries.push((name, is_folder));
    }
    entries.sort_unstable();
    Ok(entries)
}
