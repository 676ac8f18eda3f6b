//! Sweep files as others see them: written here, written by other tools, damaged, hostile.

mod columns;
mod fuzzed;
mod hostile;
mod other_tools;
mod round_trip;
