//! The tasks `text-transformer` and `character-transformer`: a small decoder learns to say the next word, or character, of a text.

use std::path::PathBuf;
use std::process::Command;

use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use lodecast::{Direction, Metric};
use rand_chacha::ChaCha8Rng;

use super::classification;
use super::decoder::{Decoder, DecoderSizes};
use super::entry::TaskEntry;
use crate::data::text::{TextFile, TextSource, Tokens};
use crate::data::vocabulary::{RARE, Token};
use crate::error::{Error, Result};
use crate::optimizers::OptimizerKind;
use crate::run::length::Length;
use crate::run::task::{Evaluation, Split, Task};
use crate::run::variation::Variation;
use crate::settings::{Scale, TaskSettings, data_folder};

const TEXT: &str = "a text: --data FILE, or the King James Bible: apt-get install bible-kjv";
pub(super) const WORDS: TaskEntry = TaskEntry {
    name: "text-transformer",
    describes: "a small decoder that says the next word of a text",
    needs: Some(TEXT),
    open: |settings| Ok(Box::new(TextTransformer::of_words(settings)?)),
};
pub(super) const CHARACTERS: TaskEntry = TaskEntry {
    name: "character-transformer",
    describes: "a small decoder that says the next character of a text",
    needs: Some(TEXT),
    open: |settings| Ok(Box::new(TextTransformer::of_characters(settings)?)),
};
/// Tokens seen before the one to be said.
const CONTEXT: usize = 64;
/// Different words at full scale; fewer than the second number say little.
const WORD_VOCABULARY: usize = 8192;
const LEAST_WORD_VOCABULARY: usize = 256;
/// Different characters, whatever the scale: alphabets have fewer, and what is rarer is seldom said.
const CHARACTER_VOCABULARY: usize = 256;
const WIDTH: usize = 256;
/// Components a head.
const HEAD: usize = 32;
const LAYERS: usize = 4;
const DROPOUT: f64 = 0.1;
/// Windows evaluated at a time.
const EVALUATION_BATCH: usize = 32;
/// Seed of the split, the same for all runs.
const SEED: u64 = 42;

/// A task of text.
#[derive(Debug)]
pub struct TextTransformer {
    name: &'static str,
    token: Token,
    source: String,
    scale: Scale,
    device: Device,
    sizes: DecoderSizes,
    variation: Variation,
    train: Windows,
    /// The windows of the training words that are used.
    used: Vec<u32>,
    validation: Windows,
    test: Windows,
}

/// Tokens in a row, cut into windows that share only the one at which they meet.
#[derive(Debug)]
struct Windows {
    tokens: Vec<u32>,
}

impl Windows {
    fn count(&self) -> usize {
        self.tokens.len().saturating_sub(1) / CONTEXT
    }

    /// The tokens of windows, and those that come next, as (window, place).
    fn at(&self, windows: impl ExactSizeIterator<Item = usize>, device: &Device) -> (Tensor<2, Int>, Vec<i64>) {
        let count = windows.len();
        let (mut seen, mut next) = (Vec::with_capacity(count * CONTEXT), Vec::with_capacity(count * CONTEXT));
        for window in windows {
            let tokens = &self.tokens[window * CONTEXT..=(window + 1) * CONTEXT];
            seen.extend(tokens[..CONTEXT].iter().map(|&token| i64::from(token)));
            next.extend(tokens[1..].iter().map(|&token| i64::from(token)));
        }
        (Tensor::from_data(TensorData::new(seen, [count, CONTEXT]), device), next)
    }
}

impl TextTransformer {
    /// The task `text-transformer`.
    fn of_words(settings: &TaskSettings) -> Result<Self> {
        let vocabulary = settings.scale.of(WORD_VOCABULARY).max(LEAST_WORD_VOCABULARY);
        Self::open(WORDS.name, Token::Word, vocabulary, settings)
    }

    /// The task `character-transformer`.
    fn of_characters(settings: &TaskSettings) -> Result<Self> {
        Self::open(CHARACTERS.name, Token::Character, CHARACTER_VOCABULARY, settings)
    }

    /// Reads the text: the file asked for, else the King James Bible as Debian has it.
    fn open(name: &'static str, token: Token, vocabulary: usize, settings: &TaskSettings) -> Result<Self> {
        let &TaskSettings { scale, variation, .. } = settings;
        variation.check_for_read_data()?;
        let device = settings.device.open()?;
        let read = |source: &mut dyn TextSource| Tokens::read(source, token, scale.factor(), vocabulary, SEED);
        let (source, tokens) = match &settings.data {
            Some(path) => (path.display().to_string(), read(&mut TextFile(path))?),
            None => ("the King James Bible".to_owned(), read(&mut KingJamesBible::find()?)?),
        };
        let (width, heads) = width_and_heads(scale, variation);
        let sizes =
            DecoderSizes { vocabulary: tokens.vocabulary, context: CONTEXT, width, heads, layers: scale.of(LAYERS) };
        let [train, validation, test] = [tokens.train, tokens.validation, tokens.test].map(|tokens| Windows { tokens });
        if [&train, &validation, &test].iter().any(|part| part.count() == 0) {
            let path = settings.data.clone().unwrap_or_else(|| PathBuf::from(&source));
            let least = CONTEXT + 1;
            let reason =
                format!("a part of it has fewer than {least} {}: take a longer text or a larger scale", plural(token));
            return Err(Error::Text { path, reason });
        }
        let used = variation.used_examples(train.count()).into_iter().map(|window| window as u32).collect();
        Ok(Self { name, token, source, scale, device, sizes, variation, train, used, validation, test })
    }

    /// Takes tokens that come next in training windows for others, where labels are to be wrong.
    fn make_wrong(&self, windows: &[u32], next: &mut [i64]) {
        let vocabulary = self.sizes.vocabulary as u32;
        for (next, &window) in next.chunks_exact_mut(CONTEXT).zip(windows) {
            for (place, token) in next.iter_mut().enumerate() {
                let example = window as usize * CONTEXT + place;
                *token = i64::from(self.variation.noisy_class(example, *token as u32, vocabulary));
            }
        }
    }
}

fn plural(token: Token) -> &'static str {
    match token {
        Token::Word => "words",
        Token::Character => "characters",
    }
}

/// Components of a token's vector, and heads that share them: as many of the usual size as there is room for, at least one.
fn width_and_heads(scale: Scale, variation: Variation) -> (usize, usize) {
    let width = variation.width_of(scale.of_multiple(WIDTH, HEAD));
    let heads = (width / HEAD).max(1);
    (width / heads * heads, heads)
}

impl Task for TextTransformer {
    type Model = Decoder;
    /// Windows.
    type Batch = Vec<u32>;

    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> String {
        let train = self.used.len();
        let [validation, test] = [&self.validation, &self.test].map(Windows::count);
        format!(
            "{} at scale {}: {train} training, {validation} validation and {test} test windows of {CONTEXT} {}, \
             {} different ones, split by seed {SEED}",
            self.source,
            self.scale,
            plural(self.token),
            self.sizes.vocabulary
        )
    }

    fn variation(&self) -> Variation {
        self.variation
    }

    /// Accuracy of the next token. A rare one is never said rightly.
    fn metric(&self) -> Metric {
        Metric::new("val_accuracy", Direction::Max)
    }

    fn default_length(&self) -> Length {
        Length { epochs: 10, batch_size: 16, points_per_epoch: 5 }
    }

    fn peak_learning_rates(&self, optimizer: OptimizerKind) -> Vec<f64> {
        match optimizer {
            OptimizerKind::Sgd => vec![0.05, 0.1, 0.2, 0.4, 0.8, 1.6],
            OptimizerKind::Adam | OptimizerKind::AdamW => vec![0.001, 0.002, 0.004, 0.008, 0.016, 0.032],
        }
    }

    fn train_examples(&self) -> usize {
        self.used.len()
    }

    fn initial_model(&self, random: &mut ChaCha8Rng) -> Decoder {
        Decoder::new(self.sizes, &self.device.clone().autodiff(), random)
    }

    fn load(&self, batch: &[u32], _random: &mut ChaCha8Rng) -> Result<Vec<u32>> {
        Ok(batch.iter().map(|&index| self.used[index as usize]).collect())
    }

    fn loss(&self, model: &Decoder, batch: Vec<u32>, random: &mut ChaCha8Rng) -> Tensor<1> {
        let (tokens, mut next) = self.train.at(batch.iter().map(|&window| window as usize), &self.device);
        self.make_wrong(&batch, &mut next);
        let next = Tensor::<1, Int>::from_data(TensorData::new(next, [batch.len() * CONTEXT]), &self.device);
        let logits = model.logits(Tensor::from_inner(tokens), Some((DROPOUT, random)));
        classification::cross_entropy(logits, Tensor::from_inner(next))
    }

    fn evaluate(&self, model: &Decoder, split: Split) -> Result<Evaluation> {
        let windows = match split {
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        };
        let count = windows.count();
        let (mut loss, mut right) = (0.0, 0_usize);
        for start in (0..count).step_by(EVALUATION_BATCH) {
            let (tokens, next) = windows.at(start..count.min(start + EVALUATION_BATCH), &self.device);
            // A row of logits is as long as the vocabulary: they stay on the device.
            let logarithms = activation::log_softmax(model.logits(tokens, None), 1);
            let said = logarithms.clone().argmax(1).into_data();
            right +=
                said.iter::<i64>().zip(&next).filter(|(said, next)| said == *next && *said != i64::from(RARE)).count();
            let places = next.len();
            let next = Tensor::<1, Int>::from_data(TensorData::new(next, [places]), &self.device);
            loss -= f64::from(logarithms.gather(1, next.unsqueeze_dim(1)).sum().into_scalar::<f32>());
        }
        let places = (count * CONTEXT) as f64;
        Ok(Evaluation { loss: loss / places, metric: right as f64 / places })
    }
}

/// The King James Bible from Debian's package, one verse a line.
struct KingJamesBible {
    text: String,
}

impl KingJamesBible {
    const PROGRAM: &str = "bible";
    const ALL: &str = "gen1:1-rev22:21";

    /// Has the package's own program print it, or reads `bible-kjv.txt` in the folder for data.
    fn find() -> Result<Self> {
        let file = data_folder().join("bible-kjv.txt");
        if let Ok(text) = std::fs::read_to_string(&file) {
            return Ok(Self { text });
        }
        let printed = Command::new(Self::PROGRAM).args(["-f", Self::ALL]).output();
        let text = printed.ok().filter(|output| output.status.success());
        let text =
            text.and_then(|output| String::from_utf8(output.stdout).ok()).filter(|text| text.lines().count() > 1);
        text.map(|text| Self { text }).ok_or_else(|| Error::MissingData {
            data: "text (the King James Bible, which is taken if no other is given)",
            path: file,
            command: "apt-get install bible-kjv".to_owned(),
        })
    }
}

impl TextSource for KingJamesBible {
    fn lines(&mut self, each: &mut dyn FnMut(&str)) -> Result<()> {
        // Each verse starts with its place: "Ge1:1 In the beginning".
        self.text.lines().for_each(|line| each(line.split_once(' ').map_or(line, |(_, verse)| verse)));
        Ok(())
    }

    fn unusable(&self, reason: String) -> Error {
        Error::Text { path: PathBuf::from(Self::PROGRAM), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_meet_at_one_token_and_what_comes_next_is_shifted_by_one() {
        let windows = Windows { tokens: (0..200).collect() };
        assert_eq!(windows.count(), 3);
        let (words, next) = windows.at([0, 2].into_iter(), &Device::flex());
        let words: Vec<i64> = words.into_data().iter::<i64>().collect();
        assert_eq!((words[0], words[63], words[64], words[127]), (0, 63, 128, 191));
        assert_eq!((next[0], next[63], next[64], next[127]), (1, 64, 129, 192));
    }

    #[test]
    fn widths_are_varied_in_whole_heads() {
        let sizes =
            |scale, width| width_and_heads(Scale::new(scale).unwrap(), Variation { width, ..Variation::default() });
        assert_eq!([sizes(1.0, 1.0), sizes(1.0, 2.0), sizes(1.0, 0.5)], [(256, 8), (512, 16), (128, 4)]);
        // Below one head of the usual size it is the head that becomes narrower.
        assert_eq!([sizes(0.125, 1.0), sizes(0.125, 0.5), sizes(1.0, 0.3)], [(32, 1), (16, 1), (76, 2)]);
    }

    #[test]
    fn a_variation_takes_some_windows_and_makes_words_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        let line = |line: usize| {
            let words: Vec<String> = (0..12).map(|word| format!("w{}", (line * 7 + word * word) % 90)).collect();
            words.join(" ")
        };
        std::fs::write(&path, (0..3000).map(line).collect::<Vec<_>>().join("\n")).unwrap();
        let open = |variation| {
            let settings = TaskSettings { data: Some(path.clone()), variation, ..TaskSettings::default() };
            TextTransformer::of_words(&settings)
        };
        let plain = open(Variation::default()).unwrap();
        let half = open(Variation { data_share: 0.5, ..Variation::default() }).unwrap();
        assert_eq!(half.train_examples(), (plain.train_examples() as f64 / 2.0).round() as usize);
        let random = &mut rand::SeedableRng::seed_from_u64(1);
        assert_eq!(plain.load(&[0, 1, 2], random).unwrap(), [0, 1, 2]);
        let loaded = half.load(&[0, 1, 2], random).unwrap();
        assert!(loaded[0] == 0 && loaded[2] >= 4, "every other window: {loaded:?}");

        let noisy = open(Variation { label_noise: 0.4, ..Variation::default() }).unwrap();
        let windows: Vec<u32> = (0..40).collect();
        let (seen, next) = noisy.train.at(windows.iter().map(|&window| window as usize), &Device::flex());
        let mut wrong = next.clone();
        noisy.make_wrong(&windows, &mut wrong);
        let changed = wrong.iter().zip(&next).filter(|(wrong, next)| wrong != next).count() as f64;
        assert!((changed / next.len() as f64 - 0.4).abs() < 0.04, "{changed} of {}", next.len());
        assert!(wrong.iter().all(|word| (*word as usize) < noisy.sizes.vocabulary));
        let again = noisy.train.at(windows.iter().map(|&window| window as usize), &Device::flex()).0;
        assert_eq!(again.into_data(), seen.into_data(), "what is seen stays as it is");
        let mut same = next.clone();
        plain.make_wrong(&windows, &mut same);
        assert_eq!(same, next);

        let seeded = open(Variation { data_seed: Some(7), ..Variation::default() });
        assert!(seeded.unwrap_err().to_string().starts_with("data_seed = 7"));
    }

    #[test]
    fn of_the_same_text_words_and_characters_are_tasks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        std::fs::write(&path, "the cat sat on the mat, and the dog lay\n".repeat(3000)).unwrap();
        let settings = TaskSettings { data: Some(path), ..TaskSettings::default() };
        let words = TextTransformer::of_words(&settings).unwrap();
        let characters = TextTransformer::of_characters(&settings).unwrap();
        assert_eq!([words.name(), characters.name()], ["text-transformer", "character-transformer"]);
        // Eight words and the comma; thirteen letters, the space, the comma and the end of a line; and a rare one each.
        assert_eq!([words.sizes.vocabulary, characters.sizes.vocabulary], [10, 17]);
        // A line has 11 words, and 40 characters.
        let ratio = characters.train_examples() as f64 / words.train_examples() as f64;
        assert!((ratio - 40.0 / 11.0).abs() < 0.05, "{ratio}");
        assert!(characters.description().contains("windows of 64 characters, 17 different ones"));
    }
}
