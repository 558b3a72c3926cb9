//! Looks at the structure of clipmill's own production code.
//!
//! - No circle of files inside a crate: a file may use what it builds on, and not the other way
//!   round. An arrow goes from the file that names something (by `use`, or by a path in its code) to
//!   the file that defines it, through re-exports. `mod name;` is no arrow, and tests are left out.
//! - Crates know those below them only.
//! - No file is longer than [`LONGEST`] lines.
//!
//! It reads source as text, without a compiler: names that a macro makes are taken to be the
//! module's in which they are looked for, and what a method call leads to isn't known.

mod circles;
mod lexer;
mod measures;
mod outline;
mod rules;
mod tree;

pub use measures::Measures;
pub use rules::{Findings, LONGEST, examine};
