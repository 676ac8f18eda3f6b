//! What a line of a text log says, as the tools print them.

use serde_json::{Map, Value};

use crate::decode::json;
use crate::decode::text_number::{Meaning, meaning};
use crate::names::held_out;

/// A kind of line that some tool prints.
struct Shape {
    /// What the step is called, at the line's beginning.
    step: &'static str,
    /// What the line has to tell besides: at least one of these.
    one_of: &'static [&'static str],
    /// What names that say too little become.
    renamed: &'static [(&'static str, &'static str)],
}

/// The lines that are read, by the tools that print them.
const SHAPES: &[Shape] = &[
    // llm.c: "s:0 trl:11.0 lr:0.0001 norm:15", "s:0 tel:11.0", "s:0 eval:0.25"
    Shape {
        step: "s",
        one_of: &["trl", "tel", "eval"],
        renamed: &[("trl", "train_loss"), ("tel", "val_loss"), ("eval", "val_accuracy")],
    },
    // modded-nanogpt: "step:10/1750 train_loss:6.5 train_time:800ms step_avg:80ms"; torchtitan: "step: 10  loss: 7.2  grad_norm: 1.1";
    // torchtune: "Step 10 | loss:1.2 lr:2e-05"; nanoGPT: "step 0: train loss 10.9, val loss 10.9"
    Shape { step: "step", one_of: &["train_loss", "val_loss", "loss", "train loss", "val loss"], renamed: &[] },
    // nanoGPT: "iter 10: loss 9.2, time 90.1ms, mfu 30.00%"
    Shape { step: "iter", one_of: &["loss", "train loss", "val loss"], renamed: &[] },
    // Megatron: "iteration 10/ 500 | consumed samples: 640 | learning rate: 1.5E-04 | lm loss: 9.7E+00 |"
    Shape { step: "iteration", one_of: &["lm loss", "learning rate", "loss"], renamed: &[] },
    // Megatron: "validation loss at iteration 100 | lm loss value: 7.9E+00 | lm loss PPL: 2.9E+03 |"
    Shape {
        step: "validation loss at iteration",
        one_of: &["lm loss value"],
        renamed: &[("lm loss value", "validation/lm loss"), ("lm loss PPL", "validation/lm loss ppl")],
    },
];

/// What `OpenMMLab`'s lines begin with, by `MMEngine` and by MMCV before it: the loop, the epoch in brackets where training goes by
/// epochs, and the iteration of how many. Evaluations count their own.
const LOOPS: [&str; 6] = ["Epoch(train)", "Iter(train)", "Epoch(val)", "Iter(val)", "Epoch", "Iter"];

/// Sections of fairseq's logs, whose lines are `... | INFO | train_inner | {...}`.
const SECTIONS: [&str; 2] = ["| train_inner | {", "| valid | {"];
/// The same with `--log-format simple`: `| train_inner | epoch 001:     10 / 100 loss=8.1, num_updates=10, lr=0.0001` and
/// `| valid | epoch 001 | valid on 'valid' subset | loss 8.2 | num_updates 100`. With what their metrics are called after.
const SIMPLE_SECTIONS: [(&str, &str); 2] = [("| train_inner | epoch ", ""), ("| valid | epoch ", "valid_")];

/// Where in a run a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Step(u64),
    /// The end of an epoch.
    Epoch(u64),
    /// The last step there was a line of.
    Reached,
}

/// What a line says.
pub(super) struct Row {
    pub(super) at: At,
    pub(super) planned: Option<u64>,
    /// What was evaluated on, if the line is about that: "validate step: 100  loss: 6.3".
    pub(super) held_out: Option<&'static str>,
    pub(super) values: Vec<(String, f64)>,
}

impl Row {
    /// What the line says, if it is one of a known shape.
    pub(super) fn of(line: &str) -> Option<Self> {
        let line = without_colours(line);
        if let Some(at) = SECTIONS.iter().find_map(|section| Some(line.find(section)? + section.len() - 1)) {
            return Self::of_fairseq(&line[at..]);
        }
        let simple = |(section, before): &(&str, &'static str)| Some((line.find(section)? + section.len(), *before));
        if let Some((at, before)) = SIMPLE_SECTIONS.iter().find_map(simple) {
            return Self::of_simple_fairseq(&line[at..], before);
        }
        if let Some(row) = Self::of_open_mmlab(&line) {
            return Some(row);
        }
        // llm.c: "val loss 5.2", between the lines of two steps.
        if let Some(value) = line.trim().strip_prefix("val loss ").and_then(|value| value.parse().ok()) {
            let values = vec![("val_loss".to_owned(), value)];
            return Some(Self { at: At::Reached, planned: None, held_out: None, values });
        }
        let mut pairs = pairs(&line);
        let at = pairs.iter().position(|(name, _)| SHAPES.iter().any(|shape| ends_with_words(name, shape.step)))?;
        let said = pairs.split_off(at);
        let (name, step) = said.first()?;
        let name = name.trim_start_matches(|c: char| !c.is_alphanumeric()).to_owned();
        // The longer a step's name, the more it says.
        let mut shapes: Vec<&Shape> = SHAPES.iter().filter(|shape| ends_with_words(&name, shape.step)).collect();
        shapes.sort_by_key(|shape| std::cmp::Reverse(shape.step.len()));
        let shape =
            shapes.into_iter().find(|shape| said.iter().any(|(name, _)| shape.one_of.contains(&name.as_str())))?;
        let whole = |value: f64| (value.fract() == 0.0 && (0.0..9e15).contains(&value)).then_some(value as u64);
        let planned = said.get(1).filter(|(name, _)| name == "/").and_then(|&(_, planned)| whole(planned));
        let values = said[1..].iter().filter(|(name, _)| name.chars().any(char::is_alphabetic));
        let renamed = |name: &str| {
            let found = shape.renamed.iter().find(|(from, _)| *from == name);
            found.map_or_else(|| name.to_owned(), |(_, to)| (*to).to_owned())
        };
        let values: Vec<(String, f64)> = values.map(|(name, value)| (renamed(name), *value)).collect();
        // "validation loss at iteration 100 on test set" is about other data than the line before.
        let of_test = line.to_lowercase().contains("on test set");
        let tested = |name: String| if of_test { name.replacen("validation", "test", 1) } else { name };
        let values = values.into_iter().map(|(name, value)| (tested(name), value)).collect();
        let held_out = name.to_lowercase().strip_suffix(shape.step).and_then(held_out);
        let planned = planned.filter(|&planned| planned > 0);
        Some(Self { at: At::Step(whole(*step)?), planned, held_out, values })
    }

    /// A section of fairseq: an object with numbers as texts.
    fn of_fairseq(object: &str) -> Option<Self> {
        let object: Map<String, Value> = json::parse(object.as_bytes()).ok()?;
        let number = |value: &Value| match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => match meaning(text) {
                Meaning::Number(number) => Some(number),
                _ => None,
            },
            _ => None,
        };
        let step = ["num_updates", "valid_num_updates"].iter().find_map(|key| number(object.get(*key)?))?;
        let values = object.iter().filter(|(key, _)| !key.ends_with("num_updates"));
        let values = values.filter_map(|(key, value)| Some((key.clone(), number(value)?))).collect();
        Some(Self { at: At::Step((step >= 0.0).then_some(step as u64)?), planned: None, held_out: None, values })
    }

    /// A section of fairseq behind the word "epoch": names with numbers, the updates among them.
    fn of_simple_fairseq(section: &str, before: &str) -> Option<Self> {
        let pairs = pairs(section);
        let step = pairs.iter().find(|(name, _)| name == "num_updates")?.1;
        let values = pairs.into_iter().filter(|(name, _)| name.contains(char::is_alphabetic) && name != "num_updates");
        let values = values.map(|(name, value)| (format!("{before}{name}"), value)).collect();
        Some(Self { at: At::Step((step >= 0.0).then_some(step as u64)?), planned: None, held_out: None, values })
    }

    /// A line such as `Epoch(train) [2][ 50/789]  lr: 1.0e-02  loss: 2.3`.
    fn of_open_mmlab(line: &str) -> Option<Self> {
        let (at, name) = LOOPS.iter().find_map(|name| Some((line.find(&format!("{name} "))?, *name)))?;
        let mut rest = line[at + name.len()..].trim_start();
        let mut counts = Vec::new();
        while let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let (count, of) = inside.split_once('/').map_or((inside, None), |(count, of)| (count, Some(of)));
            counts.push((count.trim().parse::<u64>().ok()?, of.and_then(|of| of.trim().parse::<u64>().ok())));
            rest = after;
        }
        let values = pairs(rest).into_iter().filter(|(name, _)| name.chars().any(char::is_alphabetic));
        let values = values.map(|(name, value)| (last_name(&name).to_owned(), value));
        let is_validation = name.ends_with("(val)");
        let (at, planned) = match (counts.as_slice(), is_validation) {
            ([(epoch, None), _, ..], true) => (At::Epoch(*epoch), None),
            ([_], true) => (At::Reached, None),
            ([(epoch, None), (iteration, Some(length)), ..], false) => {
                (At::Step(epoch.checked_sub(1)?.saturating_mul(*length).saturating_add(*iteration)), None)
            }
            ([(iteration, planned)], false) => (At::Step(*iteration), *planned),
            _ => return None,
        };
        let epoch = match counts.as_slice() {
            [(epoch, None), ..] if !is_validation => Some(("epoch".to_owned(), *epoch as f64)),
            _ => None,
        };
        let named = |(name, value): (String, f64)| (if is_validation { format!("val/{name}") } else { name }, value);
        let values: Vec<_> = values.map(named).chain(epoch).collect();
        (values.len() > usize::from(!is_validation)).then_some(Self { at, planned, held_out: None, values })
    }
}

/// The last word of a name: several may stand between two numbers.
fn last_name(name: &str) -> &str {
    name.split_whitespace().next_back().unwrap_or(name)
}

/// Does the name end with these words, and begin with nothing but what stands before every line of a log?
fn ends_with_words(name: &str, words: &str) -> bool {
    let lower = name.to_lowercase();
    let Some(before) = lower.strip_suffix(words) else { return false };
    !before.ends_with(|character: char| character.is_alphanumeric() || character == '_')
}

/// A line without the codes that colour it on a terminal.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            let _code = characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

/// The numbers of a line, each with what stands before it: its name.
fn pairs(line: &str) -> Vec<(String, f64)> {
    let mut pairs = Vec::new();
    let mut before = 0;
    let mut at = 0;
    let bytes = line.as_bytes();
    while at < bytes.len() {
        let starts = at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || matches!(bytes[at - 1], b'_' | b'.'));
        let end = if starts { number_end(bytes, at) } else { at };
        if end == at {
            at += 1;
            continue;
        }
        let text: String = line[at..end].chars().filter(|&character| character != ',').collect();
        if let Ok(value) = text.parse() {
            pairs.push((name(&line[before..at]), value));
        }
        // A unit belongs to the number.
        at = end + bytes[end..].iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'%').count();
        before = at;
    }
    pairs
}

/// The end of the number that begins at `start`, if one does.
fn number_end(bytes: &[u8], start: usize) -> usize {
    for word in ["nan", "inf", "-inf", "NaN"] {
        if bytes[start..].starts_with(word.as_bytes()) {
            let end = start + word.len();
            return if bytes.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric()) { end } else { start };
        }
    }
    let mut end = start;
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if matches!(bytes.get(end), Some(b'-' | b'+')) {
        end += 1;
    }
    let whole = digits(end);
    if whole == 0 {
        return start;
    }
    end += whole;
    // Thousands.
    while bytes.get(end) == Some(&b',') && digits(end + 1) == 3 {
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = bytes.get(end + 1 + sign..).map_or(0, |_| digits(end + 1 + sign));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// A number's name: what follows the last separator before it, and of several words with colons the last.
fn name(text: &str) -> String {
    let text = text.trim_end_matches([' ', '\t', ':', '=']);
    if text.trim() == "/" {
        return "/".to_owned();
    }
    let last = text.rsplit(['|', ',', ';', '(', ')', '[', ']']).next().unwrap_or(text);
    let last = match last.rfind([':', '=']) {
        // What stands directly behind it is a value; unless there is no more, as in "INFO:root:step".
        Some(colon) => match last[colon + 1..].split_once(' ') {
            Some((_, name)) => name,
            None => &last[colon + 1..],
        },
        None => last,
    };
    last.trim().trim_matches(['-', '"', '\'']).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line, its step, and its names with their numbers.
    type Case<'a> = (&'a str, u64, &'a [(&'a str, f64)]);

    fn said(line: &str) -> Option<(u64, Vec<(String, f64)>)> {
        let row = Row::of(line)?;
        let At::Step(step) = row.at else { return None };
        Some((step, row.values))
    }

    fn values_of(named: &[(&str, f64)]) -> Vec<(String, f64)> {
        named.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn lines_of_open_mmlab() {
        let said = |line: &str| Row::of(line).map(|row| (row.at, row.values));
        let start = "2023/05/01 10:00:00 - mmengine - INFO - ";
        let train = "Epoch(train)   [2][ 50/789]  base_lr: 1.0e-01 lr: 5.0e-02  eta: 1:00:00  memory: 5000  loss: 2.3";
        let (at, values) = said(&format!("{start}{train}")).expect("a row");
        assert_eq!(at, At::Step(839));
        for expected in [("lr", 0.05), ("loss", 2.3), ("epoch", 2.0)] {
            assert!(values.contains(&(expected.0.to_owned(), expected.1)), "{values:?}");
        }
        let validation = said(&format!("{start}Epoch(val) [2][20/20]    accuracy/top1: 50.25  time: 0.02"));
        assert_eq!(validation, Some((At::Epoch(2), values_of(&[("val/accuracy/top1", 50.25), ("val/time", 0.02)]))));
        let by_iterations = said(&format!("{start}Iter(val) [500/500]    mIoU: 40.5"));
        assert_eq!(by_iterations, Some((At::Reached, values_of(&[("val/mIoU", 40.5)]))));
        let mmcv = "2021-05-01 10:00:00,123 - mmcls - INFO - Epoch [1][50/789]\tlr: 1.000e-02, eta: 1:00:00, loss: 2.5";
        let (at, values) = said(mmcv).expect("a row");
        assert!(at == At::Step(50) && values.contains(&("loss".to_owned(), 2.5)), "{values:?}");
        let row = Row::of("INFO - Iter(train) [  50/160000]  lr: 1.0e-02  loss: 2.5").expect("a row");
        assert_eq!((row.at, row.planned), (At::Step(50), Some(160_000)));
        for line in ["Epoch 3 of 10", "Iter [a/b] loss: 3", "Epoch(train) [1][5/9]"] {
            assert_eq!(said(line), None, "{line}");
        }
    }

    #[test]
    fn lines_of_every_shape() {
        let cases: [Case<'_>; 14] = [
            ("s:0 trl:11.0 lr:0.0001 norm:15", 0, &[("train_loss", 11.0), ("lr", 1e-4), ("norm", 15.0)]),
            ("s:2 tel:10.2", 2, &[("val_loss", 10.2)]),
            (
                "step:1/4 train_loss:10.8 train_time:30ms step_avg:nanms",
                1,
                &[("train_loss", 10.8), ("train_time", 30.0)],
            ),
            (
                "step:4/4 val_loss:9.1 train_time:90ms step_avg:30ms",
                4,
                &[("val_loss", 9.1), ("train_time", 90.0), ("step_avg", 30.0)],
            ),
            (
                "iter 10: loss 9.2345, time 90.15ms, mfu -100.00%",
                10,
                &[("loss", 9.2345), ("time", 90.15), ("mfu", -100.0)],
            ),
            ("step 250: train loss 2.45, val loss 2.47", 250, &[("train loss", 2.45), ("val loss", 2.47)]),
            (
                "[titan] 2024-11-20 10:00:01,123 - root - INFO - \u{1b}[31mstep: 10  \u{1b}[32mloss:  7.2012  grad_norm: 1.1  tps: 3,456",
                10,
                &[("loss", 7.2012), ("grad_norm", 1.1), ("tps", 3456.0)],
            ),
            (
                "INFO:root:step=3, train_loss=0.5, lr=1e-3, val_acc=0.25",
                3,
                &[("train_loss", 0.5), ("lr", 1e-3), ("val_acc", 0.25)],
            ),
            (
                "Step 3 | loss:1.25 lr:2e-05 tokens_per_second_per_gpu:801.5",
                3,
                &[("loss", 1.25), ("lr", 2e-5), ("tokens_per_second_per_gpu", 801.5)],
            ),
            (
                " [2024-01-01 10:00:00] iteration       10/     500 | consumed samples:          640 | learning rate: 1.500E-04 | lm loss: 9.7E+00 |",
                10,
                &[("consumed samples", 640.0), ("learning rate", 1.5e-4), ("lm loss", 9.7)],
            ),
            (
                " validation loss at iteration 100 | lm loss value: 7.9E+00 | lm loss PPL: 2.9E+03 |",
                100,
                &[("validation/lm loss", 7.9), ("validation/lm loss ppl", 2900.0)],
            ),
            (
                "2021-01-01 00:00:00 | INFO | train_inner | {\"epoch\": 1, \"loss\": \"8.1\", \"num_updates\": \"100\", \"lr\": \"0.0001\"}",
                100,
                &[("epoch", 1.0), ("loss", 8.1), ("lr", 1e-4)],
            ),
            (
                "2021-01-01 00:00:00 | INFO | train_inner | epoch 002:     10 / 100 loss=8.1, ppl=3.2, num_updates=110, lr=0.0001",
                110,
                &[("loss", 8.1), ("ppl", 3.2), ("lr", 1e-4)],
            ),
            (
                "2021-01-01 00:00:00 | INFO | valid | epoch 002 | valid on 'valid' subset | loss 8.2 | ppl 9.1 | num_updates 200",
                200,
                &[("valid_loss", 8.2), ("valid_ppl", 9.1)],
            ),
        ];
        for (line, step, expected) in cases {
            assert_eq!(said(line), Some((step, values_of(expected))), "{line}");
        }
        assert_eq!(Row::of("step:1/4 train_loss:10.8").and_then(|row| row.planned), Some(4));
        for line in ["print(f\"step:{step}\")", "step 3 of the plan", "loss: 3.0", "steps: 4 loss 2", "", "1 2 3"] {
            assert_eq!(said(line), None, "{line}");
        }
    }
}
