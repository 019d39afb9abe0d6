//! The `dccd` program.

fn main() {}
