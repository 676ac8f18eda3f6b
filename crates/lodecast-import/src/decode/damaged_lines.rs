//! [`DamagedLines`]: lines of a file that is followed which are left out because nobody can mend them while a training writes it.

use crate::decode::text::shorten;

/// Lines that were left out. Which ones nobody counts where a reading goes on from the middle of a file.
#[derive(Default)]
pub(crate) struct DamagedLines {
    first: Option<String>,
    others: usize,
}

impl DamagedLines {
    pub(crate) fn met(&mut self, line: &str) {
        if self.first.is_some() {
            self.others += 1;
        } else {
            self.first = Some(shorten(line));
        }
    }

    /// What is to be said of them.
    pub(crate) fn said(self) -> Option<String> {
        let first = self.first?;
        Some(match self.others {
            0 => format!("a damaged line is left out: '{first}'"),
            others => format!("{} damaged lines are left out, the first of them: '{first}'", others + 1),
        })
    }
}
