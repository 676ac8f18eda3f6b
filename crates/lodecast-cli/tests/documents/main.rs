//! The documents hold what they say: commands run and print what is shown, options exist, links lead somewhere, and the pages of
//! commands are what the command says of itself.
//!
//! What is shown of an output is put in place by `INSTA_UPDATE=always cargo test -p lodecast-cli --test documents`.

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
    let folders = ["", "docs", "docs/plug-in", "python"];
    let mut pages = Vec::new();
    for folder in folders {
        let files = fs::read_dir(root.join(folder)).expect("a folder");
        let mut names: Vec<String> = files
            .filter_map(|file| file.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".md"))
            .collect();
        names.sort();
        pages.extend(names.into_iter().map(|file| {
            let name = if folder.is_empty() { file } else { format!("{folder}/{file}") };
            let text = read(&root.join(&name));
            Page { name, text }
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
