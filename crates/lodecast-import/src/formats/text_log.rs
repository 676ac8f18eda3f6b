//! Text that training scripts print: lines with a step and names with numbers. What a line has to look like is in [`row`].

mod row;

use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use crate::decode::layout::{Owner, Position, of_one_run};
use crate::decode::table::Table;
use crate::decode::text::{each_line, each_line_of, open};
use crate::decode::text_number::Meaning;
use crate::decode::{files, settings, unpacked};
use crate::error::Result;
use crate::format::{Format, Visit, Wanted};
use crate::limits::Limits;
use crate::recording::Recording;
use crate::source::{Source, has_ending};

use row::{At, Row};

/// Logs in plain text: a run each.
pub(crate) struct TextLog;

impl Format for TextLog {
    fn name(&self) -> &'static str {
        "text-log"
    }

    fn describes(&self) -> &'static str {
        "text logs of nanoGPT, llm.c, modded-nanogpt, torchtitan, torchtune, Megatron, fairseq and OpenMMLab"
    }

    fn steps(&self) -> &'static str {
        "`step`, `iter` or `iteration` of each line; fairseq: `num_updates`; OpenMMLab: counted on over epochs"
    }

    fn files(&self) -> &'static [&'static str] {
        &["train.log"]
    }

    fn recognises(&self, source: &Source) -> bool {
        let named = matches!(source, Source::File(_));
        source.files().iter().any(|path| (named || is_text(path)) && is_log(path))
    }

    fn read(&self, source: &Source, wanted: &Wanted, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
        let named = matches!(source, Source::File(_));
        let logs = source.files().iter().map(AsRef::as_ref).filter(|path| named || (is_text(path) && is_log(path)));
        files::each(source, self.name(), "lines such as 'step:10 train_loss:2.5'", logs, visit, &mut |path, visit| {
            let base = settings::beside(source, path, limits);
            read(path, base, &of_one_run(wanted), limits, visit)
        })
    }
}

fn is_text(path: &Path) -> bool {
    ["log", "txt", "out"].iter().any(|ending| has_ending(path, ending))
}

/// Has it lines of a known shape? Some scripts print themselves first.
fn is_log(path: &Path) -> bool {
    const GLANCE: u64 = 2 << 20;
    let Ok(file) = open(path) else { return false };
    let (mut found, limits) = (0, Limits { record_bytes: 1 << 16, ..Limits::default() });
    let start = BufReader::new(file.take(GLANCE));
    let read = each_line_of(path, start, &limits, &mut |line| {
        found += parts(&String::from_utf8_lossy(line.text)).filter(|part| Row::of(part).is_some()).take(2).count();
        Ok(if found >= 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    read.is_ok() && found >= 2
}

fn read(
    path: &Path,
    base: Recording,
    wanted: &Wanted,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>> {
    let mut table = Table::new(base, wanted, limits);
    let (mut reached, mut cut_off) = (0, false);
    let read = each_line(path, limits, &mut |line| {
        let text = String::from_utf8_lossy(line.text);
        let parts: Vec<&str> = parts(&text).collect();
        for (index, part) in parts.iter().enumerate() {
            // The last line may still be in the writing, and a number in it be cut off.
            let whole = index + 1 < parts.len() || line.ended || part.ends_with("ms");
            let Some(row) = Row::of(part) else { continue };
            if !whole {
                cut_off = true;
                continue;
            }
            let at = match row.at {
                At::Step(step) => {
                    reached = reached.max(step);
                    Position { step: Some(step), held_out: row.held_out, ..Position::default() }
                }
                At::Epoch(epoch) => Position { epoch: Some(epoch), ..Position::default() },
                At::Reached => Position { step: Some(reached), ..Position::default() },
            };
            let ControlFlow::Continue(mut into) = table.row(&Owner::default(), at, visit)? else {
                return Ok(ControlFlow::Break(()));
            };
            if row.planned.is_some() {
                into.recording().planned_steps = row.planned;
            }
            for (name, value) in &row.values {
                into.say(name, Meaning::Number(*value))?;
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if read.is_break() {
        return Ok(ControlFlow::Break(()));
    }
    if cut_off {
        table.note("its last line has no end, so that a number in it may be cut off: left out (add the end of the line if it is whole)");
    }
    if let Some(note) = unpacked::says_cut_off(path) {
        table.note(note);
    }
    Ok(table.finish(visit))
}

/// The parts of a line that a bar of progress has overwritten.
fn parts(line: &str) -> impl Iterator<Item = &str> {
    line.split('\r')
}
