//! [`LineEnds`]: the lines of a table are counted whatever they end in.

/// How the lines of a table end: the parser of CSV takes those that end in two characters for one fewer, from the second on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineEnds {
    in_two: bool,
}

impl LineEnds {
    /// As the first line ends in the `start` of a file.
    pub fn of(start: &[u8]) -> Self {
        let end = start.iter().position(|&byte| byte == b'\n');
        Self { in_two: end.is_some_and(|end| end > 0 && start[end - 1] == b'\r') }
    }

    /// The number of the line, from 1 on, that the parser calls `line` and that begins at `byte` of the file.
    pub fn number(self, line: u64, byte: u64) -> u64 {
        line + u64::from(self.in_two && byte > 0)
    }
}
