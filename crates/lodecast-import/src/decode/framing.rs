//! What reading a file of checksummed records can meet, and how its losses are told.

/// What comes next in a file of records.
#[derive(Debug, PartialEq)]
pub(crate) enum Next<'a> {
    /// A sound record.
    Record(&'a [u8]),
    /// Bytes from this offset on that do not fit their checksum. What follows can be read.
    Damaged(u64),
    /// A record at this offset that is too long to hold metrics. What follows can be read.
    Passed(u64),
    /// The record at this offset is not all there: the file is still being written, or its writer was stopped.
    CutOff(u64),
    /// What lies at this offset does not even say how long it is: nobody knows where the next record begins.
    Lost(u64),
    /// The end.
    End,
}

/// What could not be read of a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Losses {
    damaged: Tally,
    passed: Tally,
    malformed: Tally,
    cut_off: Tally,
    lost: Tally,
}

/// How often something was met, and where first.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    count: u64,
    first: u64,
}

impl Tally {
    fn add(&mut self, offset: u64) {
        if self.count == 0 {
            self.first = offset;
        }
        self.count += 1;
    }
}

impl Losses {
    /// Counts in what is no record.
    pub(crate) fn add(&mut self, next: &Next<'_>) {
        match *next {
            Next::Damaged(offset) => self.damaged.add(offset),
            Next::Passed(offset) => self.passed.add(offset),
            Next::CutOff(offset) => self.cut_off.add(offset),
            Next::Lost(offset) => self.lost.add(offset),
            Next::Record(_) | Next::End => {}
        }
    }

    /// Counts in the `index`-th record, whose checksum holds but whose message cannot be understood.
    pub(crate) fn add_malformed(&mut self, index: u64) {
        self.malformed.add(index);
    }

    /// A sentence a loss, about the file named `file`. That the end is missing of one that is followed is no loss: it comes.
    pub(crate) fn notes(&self, file: &str, is_followed: bool) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |tally: &Tally, text: &str| {
            if tally.count > 0 {
                let text = text.replace("{n}", &tally.count.to_string()).replace("{at}", &tally.first.to_string());
                notes.push(format!("{file}: {text}"));
            }
        };
        note(&self.damaged, "{n} records with a wrong checksum left out, the first at byte {at}");
        note(&self.passed, "{n} records too long to hold metrics passed over, the first at byte {at}");
        note(&self.malformed, "{n} records that cannot be understood left out, the first of them record {at}");
        let cut_off = if is_followed { &Tally::default() } else { &self.cut_off };
        note(cut_off, "its end, from byte {at} on, is cut off: still being written, or its writer was stopped");
        note(&self.lost, "not readable from byte {at} on: the length there does not fit its checksum");
        notes
    }
}
