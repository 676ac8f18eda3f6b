//! Sweeps that lie in several files: a folder of recorded runs, some of which may still be written.

use std::fs;
use std::path::{Path, PathBuf};

use lodecast::Sweep;

use crate::error::{Error, Result};
use crate::format::Format;
use crate::options::{ReadOptions, ReadReport};

/// The sweep files in a folder, by name. Hidden files are none, and folders within are not looked into.
///
/// # Errors
/// If the folder cannot be read or has no sweep files.
pub fn files_in(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let folder = folder.as_ref();
    let failed = |source| Error::File { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.is_file() && Format::of(&path).is_ok() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::NoSweepFiles { folder: folder.to_owned() });
    }
    files.sort();
    Ok(files)
}

/// Reads a file that a run may still be writing: a last line without its end is not there yet.
///
/// # Errors
/// As [`read`](crate::read).
pub fn read_live(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(Sweep, ReadReport)> {
    let path = path.as_ref();
    if Format::of(path)? != Format::JsonLines {
        return crate::read_with_report(path, options);
    }
    let mut bytes = fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    bytes.truncate(bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
    crate::read_bytes(bytes, Format::JsonLines, path, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_live_recordings_is_read_as_far_as_it_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        file("notes.txt", "nothing");
        file(".hidden.jsonl", "{");
        let error = files_in(folder.path()).expect_err("no sweep files").to_string();
        assert!(error.contains("*.parquet, *.csv or *.jsonl"), "{error}");

        let header =
            r#"{"lodecast_sweep": 1, "metrics": ["accuracy:max"], "runs": {"b": {"schedule": "cosine", "seed": 3}}}"#;
        let point = r#"{"run_id": "b", "step": 1, "train_loss": 2.5, "learning_rate": 0.1}"#;
        file("b.jsonl", &format!("{header}\n{point}\n{{\"run_id\": \"b\", \"st"));
        file("a.csv", "run_id,step,train_loss,learning_rate,accuracy:max\na,1,2,0.1,0.5\n");
        let files = files_in(folder.path()).expect("two");
        assert!(files[0].ends_with("a.csv") && files[1].ends_with("b.jsonl") && files.len() == 2, "{files:?}");
        let (sweep, _) = read_live(&files[1], &ReadOptions::default()).expect("sound but for its last line");
        assert_eq!((sweep.runs[0].len(), sweep.runs[0].attributes.seed), (1, Some(3)));
        assert!(crate::read(&files[1], &ReadOptions::default()).is_err(), "a finished file has no broken line");
    }
}
