//! The documents hold what they say: commands run and print what is shown, options exist, links lead somewhere, and the pages of
//! commands are what the command says of itself.
//!
//! What is shown of an output is put in place by `INSTA_UPDATE=always cargo test -p lodecast-cli --test documents`.

mod configurations;
#[cfg(unix)]
mod console;
mod links;
#[cfg_attr(not(unix), allow(dead_code, reason = "commands are run in a shell"))]
mod markdown;
mod options;
#[cfg(unix)]
mod recordings;
mod reference;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// A document, by its path in the repository, with its text.
struct Page {
    name: String,
    text: String,
}

impl Page {
    fn path(&self) -> PathBuf {
        repository().join(&self.name)
    }
}

/// Every document of the repository.
fn pages() -> Vec<Page> {
    let root = repository();
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/plug-in", "python"] {
        let files = fs::read_dir(root.join(folder)).expect("a folder");
        let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
        paths.sort();
        pages.extend(paths.into_iter().map(|path| {
            let name = path.strip_prefix(&root).expect("in the repository").to_string_lossy().replace('\\', "/");
            Page { name, text: read(&path) }
        }));
    }
    pages
}

/// Reads a text, whichever way its lines end in this checkout.
fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a text").replace("\r\n", "\n")
}

/// Are documents to be brought up to date instead of compared?
fn accepting() -> bool {
    std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always")
}
