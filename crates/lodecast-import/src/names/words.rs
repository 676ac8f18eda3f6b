//! The words of a name, and the name without its unit.

/// A name without the unit behind it: `train_loss (nats)`, `val_acc [%]`. One with a factor in it says that something else was logged.
pub(super) fn without_unit(name: &str) -> &str {
    let name = name.trim();
    let unit = name.strip_suffix(')').and_then(|name| name.rsplit_once('('));
    let unit = unit.or_else(|| name.strip_suffix(']').and_then(|name| name.rsplit_once('[')));
    match unit {
        Some((bare, unit)) if !bare.is_empty() && !unit.contains(|letter: char| letter.is_ascii_digit()) => {
            bare.trim_end()
        }
        _ => name,
    }
}

/// The words of a name, without the numbers at their end unless they belong to them.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = full_words(name);
    for word in &mut words {
        let bare = word.trim_end_matches(|character: char| character.is_ascii_digit());
        if !bare.is_empty() && !["f1", "r2"].contains(&word.as_str()) {
            *word = bare.to_owned();
        }
    }
    words
}

/// The words of a name in lower case, split at separators and at capitals, but for abbreviations such as mIoU.
pub(super) fn full_words(name: &str) -> Vec<String> {
    const MIXED: [(&str, &str); 5] =
        [("mIoU", "Miou"), ("IoU", "Iou"), ("CIDEr", "Cider"), ("mPQ", "Mpq"), ("WinRate", "Winrate")];
    let name = MIXED.iter().fold(std::borrow::Cow::Borrowed(name), |name, (mixed, word)| {
        if name.contains(mixed) { name.replace(mixed, word).into() } else { name }
    });
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for character in name.chars() {
        if !character.is_alphanumeric() {
            before = ' ';
            continue;
        }
        let starts = before == ' ' || (character.is_uppercase() && before.is_lowercase());
        match words.last_mut() {
            Some(word) if !starts => word.extend(character.to_lowercase()),
            _ => words.push(character.to_lowercase().collect()),
        }
        before = character;
    }
    words
}
