//! [`Rates`]: the learning rates of a training that is followed, read from the file that `lodecast follow` writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::Result;
use crate::rates_file::RatesFile;

/// The learning rates of a training, as they stand in a file that another process replaces now and then.
///
/// A new revision is taken at its [`effective_from_step`](RatesFile::effective_from_step). A file that is gone or damaged changes
/// nothing: the last good one holds, and [`trouble`](Self::trouble) says what was found.
#[derive(Clone, Debug)]
pub struct Rates {
    path: PathBuf,
    current: RatesFile,
    /// A newer revision, until its time comes.
    next: Option<RatesFile>,
    stamp: Option<Stamp>,
    trouble: Option<String>,
}

/// By which a file is known to be the same.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Rates {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If there is none that can be used.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let stamp = stamp(&path);
        let current = RatesFile::read(&path)?;
        Ok(Self { path, current, next: None, stamp, trouble: None })
    }

    /// Looks whether the file was replaced, and says so. It costs a look at the file's metadata; call it every few steps.
    pub fn refresh(&mut self) -> bool {
        let stamp = stamp(&self.path);
        if stamp.is_some() && stamp == self.stamp {
            return false;
        }
        match RatesFile::read(&self.path) {
            Ok(file) => {
                (self.stamp, self.trouble) = (stamp, None);
                if file == *self.newest() {
                    return false;
                }
                self.take(file);
                true
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                false
            }
        }
    }

    fn take(&mut self, file: RatesFile) {
        // A revision says the same as the one before it up to where it becomes effective: one that is passed over may be taken early.
        if let Some(next) = self.next.take() {
            self.current = next;
        }
        if file.revision == self.current.revision + 1 {
            self.next = Some(file);
        } else {
            self.current = file;
        }
    }

    /// Learning rate for an optimizer step, which takes a newer revision if its time has come.
    pub fn learning_rate(&mut self, step: u64) -> f64 {
        if let Some(next) = self.next.take_if(|next| step >= next.effective_from_step) {
            self.current = next;
        }
        self.current.learning_rate(step)
    }

    /// The last good file, whether its time has come or not.
    pub fn newest(&self) -> &RatesFile {
        self.next.as_ref().unwrap_or(&self.current)
    }

    /// Planned length of the run in optimizer steps.
    pub fn total_steps(&self) -> u64 {
        self.newest().total_steps
    }

    /// What is wrong with the file now, if anything.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        #[cfg(unix)]
        inode: std::os::unix::fs::MetadataExt::ino(&metadata),
    })
}

#[cfg(test)]
mod tests {
    use lodecast::Knot;

    use super::*;

    fn file(revision: u64, effective_from_step: u64, before: f64, after: f64) -> RatesFile {
        let at = effective_from_step as f64 / 100.0;
        let knots = [(0.0, before), (at, before), (at, after), (1.0, after)];
        let knots = knots.map(|(progress, learning_rate)| Knot { progress, learning_rate }).to_vec();
        RatesFile { revision, effective_from_step, knots, ..RatesFile::example() }
    }

    #[test]
    fn a_revision_is_taken_when_its_time_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rates.json");
        assert!(Rates::open(&path).is_err());
        file(1, 0, 0.1, 0.1).write(&path).expect("written");
        let mut rates = Rates::open(&path).expect("read");
        assert!(!rates.refresh());
        file(2, 50, 0.1, 0.2).write(&path).expect("written");
        assert!(rates.refresh() && !rates.refresh());
        assert_eq!([49, 50, 99].map(|step| rates.learning_rate(step)), [0.1, 0.2, 0.2]);
        // Back to an earlier step, as after a restart from a checkpoint.
        assert_eq!(rates.learning_rate(10), 0.1);
        // One revision was never seen.
        file(4, 70, 0.2, 0.3).write(&path).expect("written");
        rates.refresh();
        assert_eq!([69, 70].map(|step| rates.learning_rate(step)), [0.2, 0.3]);
    }

    #[test]
    fn a_clock_that_goes_back_hides_no_revision() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rates.json");
        file(1, 0, 0.1, 0.1).write(&path).expect("written");
        let mut rates = Rates::open(&path).expect("read");
        file(2, 50, 0.1, 0.2).write(&path).expect("written");
        let written = fs::File::options().write(true).open(&path).expect("there");
        written.set_modified(SystemTime::UNIX_EPOCH).expect("an earlier time");
        assert!(rates.refresh());
        assert_eq!([49, 50].map(|step| rates.learning_rate(step)), [0.1, 0.2]);
    }

    #[test]
    fn a_damaged_file_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rates.json");
        file(1, 0, 0.1, 0.1).write(&path).expect("written");
        let mut rates = Rates::open(&path).expect("read");
        let mut absurd = file(2, 50, 0.1, 0.2);
        absurd.knots[1].learning_rate = -1.0;
        let mut later = file(2, 50, 0.1, 0.2);
        later.format = 99;
        for text in [
            String::new(),
            "{\"format\": 1".to_owned(),
            "[]".to_owned(),
            serde_json::to_string(&absurd).expect("plain data"),
            serde_json::to_string(&later).expect("plain data"),
        ] {
            fs::write(&path, text).expect("written");
            assert!(!rates.refresh());
            assert!(rates.trouble().is_some_and(|trouble| trouble.contains("rates.json")));
            assert_eq!(rates.learning_rate(60), 0.1);
        }
        fs::remove_file(&path).expect("removed");
        assert!(!rates.refresh() && rates.trouble().is_some());
        file(2, 50, 0.1, 0.2).write(&path).expect("written");
        assert!(rates.refresh() && rates.trouble().is_none());
        assert_eq!(rates.learning_rate(60), 0.2);
    }
}
