//! Text as numbered tokens: a vocabulary of the training part, and the tokens of each part in order.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::vocabulary::{Token, TokenCounts, Vocabulary};
use crate::error::{Error, Result};

/// Lines are dealt out in blocks of at least so many bytes: large enough that neighbours mostly stay together, small enough
/// that every part of the text has its share in validation and test. With 8192, and an eighth of the King James Bible, the
/// two differed by six points of accuracy.
const BLOCK: usize = 2048;
/// No line may be longer: it is held in memory as a whole.
const LONGEST_LINE: u64 = 1 << 24;

/// A text that has become numbers.
#[derive(Debug)]
pub struct Tokens {
    /// Number of different tokens, the rare one included.
    pub vocabulary: usize,
    /// Tokens for training.
    pub train: Vec<u32>,
    /// Tokens for validation: a ninth of what is used of the other blocks.
    pub validation: Vec<u32>,
    /// Tokens for the test: a tenth of all blocks, whatever the scale.
    pub test: Vec<u32>,
}

/// What a block of lines is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Unused,
    Train,
    Validation,
    Test,
}

impl Tokens {
    /// Reads a text, UTF-8 with lines, in three passes and without holding it in memory.
    ///
    /// Its blocks of lines are shuffled by `seed`. A tenth is for the test, which a run sees once; of the others the fraction
    /// `scale` is used. The vocabulary is that of the training part, at most `vocabulary` tokens.
    ///
    /// # Errors
    /// If the text cannot be read, is not UTF-8, or too short to be dealt out.
    pub fn read(text: &mut dyn TextSource, token: Token, scale: f64, vocabulary: usize, seed: u64) -> Result<Self> {
        let mut blocks = Blocks::default();
        text.lines(&mut |line| {
            blocks.block_of(line);
        })?;
        let parts = deal(blocks.count(), scale, seed).ok_or_else(|| {
            let reason = format!(
                "it has only {} bytes in blocks of {BLOCK}: take a longer text with lines, or a larger scale",
                blocks.bytes
            );
            text.unusable(reason)
        })?;
        let vocabulary = counted(text, token, &parts, vocabulary)?;

        let mut tokens = Self { vocabulary: vocabulary.size(), train: vec![], validation: vec![], test: vec![] };
        lines_by_part(text, &parts, &mut |part, line| {
            let into = match part {
                Part::Unused => return,
                Part::Train => &mut tokens.train,
                Part::Validation => &mut tokens.validation,
                Part::Test => &mut tokens.test,
            };
            vocabulary.encode(line, into);
        })?;
        Ok(tokens)
    }
}

/// Gives each line with what it is for.
fn lines_by_part(text: &mut dyn TextSource, parts: &[Part], each: &mut dyn FnMut(Part, &str)) -> Result<()> {
    let mut blocks = Blocks::default();
    text.lines(&mut |line| {
        // A file may have grown since its blocks were counted.
        let part = parts.get(blocks.block_of(line)).copied().unwrap_or(Part::Unused);
        each(part, line);
    })
}

/// The vocabulary of the training part.
fn counted(text: &mut dyn TextSource, token: Token, parts: &[Part], vocabulary: usize) -> Result<Vocabulary> {
    let mut counts = TokenCounts::new(token);
    lines_by_part(text, parts, &mut |part, line| {
        if part == Part::Train {
            counts.add(line);
        }
    })?;
    // Where there is nothing to tell apart, there is nothing to learn.
    Ok(counts.vocabulary(vocabulary.max(2)))
}

/// Counts lines into blocks.
#[derive(Default)]
struct Blocks {
    finished: usize,
    in_block: usize,
    bytes: u64,
}

impl Blocks {
    /// The block that the next line belongs to.
    fn block_of(&mut self, line: &str) -> usize {
        let block = self.finished;
        self.in_block += line.len() + 1;
        self.bytes += line.len() as u64 + 1;
        if self.in_block >= BLOCK {
            self.finished += 1;
            self.in_block = 0;
        }
        block
    }

    fn count(&self) -> usize {
        self.finished + usize::from(self.in_block > 0)
    }
}

/// What each of `count` blocks is for: by a seeded shuffle a tenth for the test, and of the fraction `scale` of the others a
/// ninth for validation. `None` if there are too few for all three.
fn deal(count: usize, scale: f64, seed: u64) -> Option<Vec<Part>> {
    let test = count.div_ceil(10);
    let used = (((count - test) as f64 * scale).round() as usize).min(count - test);
    let validation = used.div_ceil(9);
    if used < 2 {
        return None;
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut parts = vec![Part::Unused; count];
    for (place, &block) in order[..test + used].iter().enumerate() {
        parts[block] = match place {
            place if place < test => Part::Test,
            place if place < test + validation => Part::Validation,
            _ => Part::Train,
        };
    }
    Some(parts)
}

/// Something that gives the lines of a text, as often as it is asked.
pub trait TextSource {
    /// Gives each line, without its end.
    ///
    /// # Errors
    /// If it cannot be read.
    fn lines(&mut self, each: &mut dyn FnMut(&str)) -> Result<()>;

    /// The error for a text of which nothing can be made.
    fn unusable(&self, reason: String) -> Error;
}

/// A text file.
#[derive(Debug)]
pub struct TextFile<'a>(pub &'a Path);

impl TextSource for TextFile<'_> {
    fn lines(&mut self, each: &mut dyn FnMut(&str)) -> Result<()> {
        let failed = |source| Error::File { path: self.0.to_owned(), source };
        let mut reader = BufReader::new(File::open(self.0).map_err(failed)?);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)?;
            if read == 0 {
                break;
            }
            if read as u64 == LONGEST_LINE {
                return Err(self.unusable(format!("line {number} has more than {LONGEST_LINE} bytes: break it up")));
            }
            let text = std::str::from_utf8(&line).map_err(|error| {
                self.unusable(format!("line {number} is not UTF-8 ({error}): convert the file, for example with iconv"))
            })?;
            each(text.trim_end_matches(['\n', '\r']));
        }
        Ok(())
    }

    fn unusable(&self, reason: String) -> Error {
        Error::Text { path: self.0.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::vocabulary::RARE;

    fn corpus(folder: &Path, text: &[u8]) -> std::path::PathBuf {
        let path = folder.join("corpus.txt");
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn parts_share_no_line_and_the_vocabulary_is_that_of_training() {
        let folder = tempfile::tempdir().unwrap();
        // Every line has a word of its own, and words that all lines have.
        let lines: Vec<String> = (0..9000).map(|line| format!("The word{line}, and more.\n")).collect();
        let text = lines.concat();
        let path = corpus(folder.path(), text.as_bytes());
        let words = Tokens::read(&mut TextFile(&path), Token::Word, 1.0, 10, 1).unwrap();
        assert_eq!(words.vocabulary, 10);
        let lines = [&words.train, &words.validation, &words.test].map(|part| part.len() / 6);
        assert_eq!(lines.iter().sum::<usize>(), 9000);
        assert!(lines[1] * 15 > lines[0] && lines[1] * 6 < lines[0], "{lines:?}");
        // "the", ",", "and", "more", "." are known; word by word the second is rare.
        assert_eq!(words.validation.chunks(6).filter(|line| line[1] == RARE).count(), lines[1]);
        assert!(words.test.chunks(6).all(|line| line[0] != RARE && line[5] != RARE));

        let half = Tokens::read(&mut TextFile(&path), Token::Word, 0.5, 10, 1).unwrap();
        assert!((half.train.len() as f64 / words.train.len() as f64 - 0.5).abs() < 0.05);
        let again = Tokens::read(&mut TextFile(&path), Token::Word, 0.5, 10, 1).unwrap();
        assert_eq!(half.test, words.test, "the test is the same at any scale");
        assert_eq!((again.train, again.test), (half.train, half.test));
    }

    #[test]
    fn texts_of_which_nothing_can_be_made_are_refused_with_the_place() {
        let folder = tempfile::tempdir().unwrap();
        for (text, reason) in [
            (b"too short\n".to_vec(), "it has only 10 bytes"),
            (b"good\n\xff\xfe\n".to_vec(), "line 2 is not UTF-8"),
            (vec![b'a'; 1 << 24], "line 1 has more than 16777216 bytes"),
        ] {
            let path = corpus(folder.path(), &text);
            let error = Tokens::read(&mut TextFile(&path), Token::Word, 1.0, 10, 1).unwrap_err().to_string();
            assert!(error.contains("corpus.txt") && error.contains(reason), "{error}");
        }
    }
}
