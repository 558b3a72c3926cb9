//! Checks the structure of the workspace; see the library.
//!
//! `cargo run -p clipmill-structure` fails when something is wrong, and says what. With `--report`
//! it never fails, and also lists what is worth a look: short files, long functions, shared names. `--repo DIR` looks at another checkout.

use std::path::PathBuf;
use std::process::ExitCode;

use clipmill_structure::{Findings, examine};

/// A shorter file than that should have a reason.
const SHORT: usize = 60;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_report = arguments.iter().any(|argument| argument == "--report");
    let repo = arguments
        .iter()
        .position(|argument| argument == "--repo")
        .and_then(|at| arguments.get(at + 1));
    let workspace =
        repo.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.."), PathBuf::from);
    let workspace = workspace.canonicalize().unwrap_or(workspace);
    let mut findings = match examine(&workspace) {
        Ok(findings) => findings,
        Err(error) => {
            eprintln!("could not read the source in {}: {error}", workspace.display());
            return ExitCode::FAILURE;
        }
    };
    for problem in &findings.problems {
        println!("{problem}");
    }
    if is_report {
        report(&mut findings);
    }
    let problems = findings.problems.len();
    println!("{} files, {problems} problems", findings.lengths.len());
    if is_report || problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(findings: &mut Findings) {
    for function in &findings.measures.functions {
        println!("{function}");
    }
    for name in findings.measures.shared_names() {
        println!("several types are called {name}");
    }
    findings.lengths.sort();
    for (lines, file) in findings.lengths.iter().filter(|(lines, _)| *lines < SHORT) {
        println!("{lines:5} lines: {}", file.display());
    }
    let median = findings.lengths.get(findings.lengths.len() / 2).map_or(0, |(lines, _)| *lines);
    let longest = findings.lengths.last().map_or(0, |(lines, _)| *lines);
    println!("median {median} lines, longest {longest}");
}
