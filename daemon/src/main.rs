//! The `clipmill` program.

use std::process::ExitCode;

use clap::Parser as _;
use clipmill::cli::Arguments;

fn main() -> ExitCode {
    clipmill::cli::main(Arguments::parse())
}
