//! Child processes: started without a shell, in a group of their own, with a
//! deadline, bounded output and limits, and killed with all their descendants
//! when no task waits for them any more. On Linux they also end when this process
//! is killed and has no chance to do so.
//!
//! It doesn't know which program does what, and it doesn't retry.

mod failure;
mod find;
mod group;
mod leash;
mod lines;
mod piped;
mod run;
mod spec;
mod tail;
#[cfg(test)]
mod tests;

pub use failure::Failure;
pub use find::find;
pub use piped::Piped;
pub use run::{Output, run, run_lines};
pub use spec::{Limits, Spec};
