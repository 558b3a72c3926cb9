//! The `clipmill` program.
fn main() {}
