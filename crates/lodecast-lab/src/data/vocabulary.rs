//! The tokens of a text, words or characters, the commonest of them numbered.

use std::collections::HashMap;

use regex_syntax::is_word_character;

/// Number of the token that stands for all rare ones.
pub const RARE: u32 = 0;

/// What a text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Words in lower case, punctuation apart.
    Word,
    /// Characters as they are; a line ends with that of its end.
    Character,
}

/// The commonest tokens of a text, numbered from 1 in the order of their counts, and of the alphabet where these are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    token: Token,
    numbers: HashMap<String, u32>,
}

/// How often each token was seen.
#[derive(Clone, Debug)]
pub struct TokenCounts {
    token: Token,
    counts: HashMap<String, u64>,
}

impl TokenCounts {
    /// Nothing seen yet.
    pub fn new(token: Token) -> Self {
        Self { token, counts: HashMap::new() }
    }

    /// Counts the tokens of a line.
    pub fn add(&mut self, line: &str) {
        self.token.each(line, &mut |token| match self.counts.get_mut(token) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(token.to_owned(), 1);
            }
        });
    }

    /// The commonest tokens: `size` numbers with that of the rare ones, and fewer if there are fewer tokens.
    pub fn vocabulary(self, size: usize) -> Vocabulary {
        let mut counts: Vec<(String, u64)> = self.counts.into_iter().collect();
        counts.sort_unstable_by(|(token, count), (other, others)| others.cmp(count).then_with(|| token.cmp(other)));
        let tokens = counts.into_iter().take(size.saturating_sub(1));
        let numbers = tokens.zip(RARE + 1..).map(|((token, _), number)| (token, number)).collect();
        Vocabulary { token: self.token, numbers }
    }
}

impl Vocabulary {
    /// Different numbers, that of the rare tokens included.
    pub fn size(&self) -> usize {
        self.numbers.len() + 1
    }

    /// Appends the numbers of the tokens of a line.
    pub fn encode(&self, line: &str, into: &mut Vec<u32>) {
        self.token.each(line, &mut |token| into.push(self.numbers.get(token).copied().unwrap_or(RARE)));
    }
}

impl Token {
    /// Gives each token of a line.
    fn each(self, line: &str, each: &mut dyn FnMut(&str)) {
        match self {
            Self::Word => each_word(line, each),
            Self::Character => {
                line.chars().for_each(|character| each(character.encode_utf8(&mut [0; 4])));
                each("\n");
            }
        }
    }
}

/// Gives each word of a line in lower case. A word is as many letters, digits, marks and underscores in a row as there are
/// (Unicode's annex 29 of regular expressions: `\w+`), or as many of other characters that are no white space.
fn each_word(line: &str, each: &mut dyn FnMut(&str)) {
    let mut word = String::new();
    let mut kind = Kind::Space;
    // Character by character: a word is the same in whatever line it stands.
    for character in line.chars().flat_map(char::to_lowercase) {
        let next = Kind::of(character);
        if next != kind && !word.is_empty() {
            each(&word);
            word.clear();
        }
        kind = next;
        if kind != Kind::Space {
            word.push(character);
        }
    }
    if !word.is_empty() {
        each(&word);
    }
}

/// What a character belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Word,
    Other,
}

impl Kind {
    fn of(character: char) -> Self {
        if is_word_character(character) {
            Self::Word
        } else if character.is_whitespace() {
            Self::Space
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines with their words as Hugging Face's tokenizers 0.23.3 divides them: `Lowercase`, then `Whitespace`.
    const CASES: [(&str, &str); 10] = [
        ("The word1, and more.", "the|word1|,|and|more|."),
        ("  Don't -- stop!?  ", "don|'|t|--|stop|!?"),
        ("snake_case x\u{b2}+\u{bd}", "snake_case|x|\u{b2}+\u{bd}"),
        ("ΟΔΥΣΣΕΥΣ İstanbul", "οδυσσευσ|i\u{307}stanbul"),
        ("e\u{301}te\u{301} नमस्ते", "e\u{301}te\u{301}|नमस्ते"),
        ("a\u{a0}b\u{2003}c\u{200d}d\u{200b}e", "a|b|c\u{200d}d|\u{200b}|e"),
        ("日本語、です。", "日本語|、|です|。"),
        ("\ttab\u{b}next\u{85}end", "tab|next|end"),
        ("x\u{203f}y \u{2177} \u{24b6}\u{20dd}\u{fe0f}", "x\u{203f}y|\u{2177}|\u{24d0}\u{20dd}\u{fe0f}"),
        ("", ""),
    ];

    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        each_word(line, &mut |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_are_lower_case_and_punctuation_stands_apart() {
        for (line, expected) in CASES {
            assert_eq!(words(line), expected.split_terminator('|').collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn the_commonest_words_have_numbers() {
        let mut counts = TokenCounts::new(Token::Word);
        for line in ["b a, c a", "a b. a", "d"] {
            counts.add(line);
        }
        let vocabulary = counts.clone().vocabulary(4);
        assert_eq!(vocabulary.size(), 4);
        let mut numbers = Vec::new();
        vocabulary.encode("A b , . c?", &mut numbers);
        // The comma comes before the full stop, c and d, which are as rare.
        assert_eq!(numbers, [1, 2, 3, RARE, RARE, RARE]);
        assert_eq!(counts.clone().vocabulary(100).size(), 7);
        assert_eq!(counts.vocabulary(1).size(), 1);
    }

    #[test]
    fn characters_are_as_they_stand_and_lines_end() {
        let mut counts = TokenCounts::new(Token::Character);
        for line in ["aA a", "\u{e9}a"] {
            counts.add(line);
        }
        let vocabulary = counts.vocabulary(4);
        let mut numbers = Vec::new();
        vocabulary.encode("a A\u{e9}", &mut numbers);
        // Three of "a", two ends, and one each of the space, "A" and "\u{e9}", of which the space comes first.
        assert_eq!(numbers, [1, 3, RARE, RARE, 2]);
    }
}
