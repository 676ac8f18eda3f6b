//! The `lodecast` command.

fn main() {}
