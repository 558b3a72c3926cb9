//! Puts the files that `clipmill plugin new` writes into the program: the
//! templates, and what plugins are written against.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files and folders below `plugins/guest`.
const PARTS: &[&str] =
    &["templates", "rust", "c/clipmill.h", "c/source", "js/clipmill.js", "js/wit"];
/// What tools leave in them.
const LEFT_OUT: &[&str] = &["target", "node_modules", "Cargo.lock"];

fn main() -> io::Result<()> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let guest = variable("CARGO_MANIFEST_DIR").join("../plugins/guest").canonicalize()?;
    let mut files = Vec::new();
    for part in PARTS {
        collect(&guest.join(part), part, &mut files)?;
    }
    files.sort();
    let mut code = String::from("&[\n");
    for (name, path) in &files {
        // Writing to a String has no way to fail.
        let _ = writeln!(code, "    ({name:?}, include_bytes!({path:?})),");
    }
    code.push_str("]\n");
    fs::write(variable("OUT_DIR").join("guest.rs"), code)
}

/// This file or all below this folder, by the name below `plugins/guest`.
fn collect(path: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", path.display());
    if !path.is_dir() {
        files.push((name.to_owned(), path.to_owned()));
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let below = entry.file_name().to_string_lossy().into_owned();
        if !LEFT_OUT.contains(&below.as_str()) {
            collect(&entry.path(), &format!("{name}/{below}"), files)?;
        }
    }
    Ok(())
}
