//! The rules: which crate may know which, how long a file may be, and that files form no circle.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::circles::circles;
use crate::lexer::tokens;
use crate::measures::Measures;
use crate::outline::without_tests;
use crate::tree::{Arrow, Tree};

/// The crates, from the lowest to the highest, and which of the others each may know.
const CRATES: [(&str, &[&str]); 6] = [
    ("core", &[]),
    ("media", &["core"]),
    ("storage", &["core"]),
    ("plugins", &["core"]),
    ("pipeline", &["core", "media", "plugins"]),
    ("daemon", &["core", "media", "storage", "plugins", "pipeline"]),
];

/// Lines of a source file at most.
pub const LONGEST: usize = 400;

/// How many arrows of a circle a report lists.
const LISTED: usize = 60;

/// What a look at the workspace found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Circles of files, arrows that run up, files that are too long: each a text of its own.
    pub problems: Vec<String>,
    /// The length of each production file, with its path below the workspace.
    pub lengths: Vec<(usize, PathBuf)>,
    /// What isn't wrong, but worth a look.
    pub measures: Measures,
}

/// Looks at the crates in the folder `workspace`; one that isn't there is passed over.
pub fn examine(workspace: &Path) -> io::Result<Findings> {
    let mut findings = Findings::default();
    for (folder, allowed) in CRATES {
        let folder = workspace.join(folder);
        if !folder.join("Cargo.toml").exists() {
            continue;
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
        findings.problems.extend(forbidden(&folder, &manifest, allowed));
        for root in ["src/lib.rs", "src/main.rs"].map(|root| folder.join(root)) {
            if root.exists() {
                examine_tree(&Tree::read(&root)?, workspace, &mut findings)?;
            }
        }
    }
    Ok(findings)
}

fn examine_tree(tree: &Tree, workspace: &Path, findings: &mut Findings) -> io::Result<()> {
    let arrows = tree.arrows();
    for circle in circles(tree.files.len(), &arrows) {
        findings.problems.push(describe(&circle, &arrows, tree, workspace));
    }
    for file in &tree.files {
        let source = fs::read_to_string(file)?;
        let lines = source.lines().count();
        let name = short(file, workspace);
        findings.measures.add(&name.display().to_string(), &without_tests(&tokens(&source)));
        if lines > LONGEST {
            findings
                .problems
                .push(format!("{} has {lines} lines; {LONGEST} are allowed\n", name.display()));
        }
        findings.lengths.push((lines, name.to_owned()));
    }
    Ok(())
}

/// Which crates of ours a manifest asks for that it may not. Dependencies of tests are free.
fn forbidden(folder: &Path, manifest: &str, allowed: &[&str]) -> Vec<String> {
    let own = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut is_production = false;
    let mut problems = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            is_production = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        let room = if name == "clipmill" {
            "daemon"
        } else {
            name.strip_prefix("clipmill-").unwrap_or_default()
        };
        let is_ours = CRATES.iter().any(|(room_of, _)| *room_of == room);
        if is_production && is_ours && !allowed.contains(&room) {
            problems.push(format!("{own}/ may not know {room}/, but its Cargo.toml asks for it\n"));
        }
    }
    problems
}

fn describe(circle: &[usize], arrows: &BTreeSet<Arrow>, tree: &Tree, workspace: &Path) -> String {
    let name = |file: usize| short(&tree.files[file], workspace).display().to_string();
    let mut text = format!("circle of {} files:\n", circle.len());
    let mut inner: Vec<(usize, usize, Vec<&str>)> = Vec::new();
    for arrow in
        arrows.iter().filter(|arrow| circle.contains(&arrow.from) && circle.contains(&arrow.to))
    {
        match inner.last_mut() {
            Some((from, to, names)) if *from == arrow.from && *to == arrow.to => {
                names.push(&arrow.name)
            }
            _ => inner.push((arrow.from, arrow.to, vec![&arrow.name])),
        }
    }
    for (from, to, names) in inner.iter().take(LISTED) {
        let _ = writeln!(text, "  {} -> {}: {}", name(*from), name(*to), names.join(", "));
    }
    if inner.len() > LISTED {
        let _ = writeln!(text, "  ... and {} more arrows", inner.len() - LISTED);
    }
    text
}

fn short<'a>(file: &'a Path, workspace: &Path) -> &'a Path {
    file.strip_prefix(workspace).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_crates_may_be_asked_for() {
        let manifest = "[dependencies]\nclipmill-core.workspace = true\nclipmill-storage = { path = \"..\" }\n
            [dev-dependencies]\nclipmill.workspace = true\n[target.'cfg(unix)'.dependencies]\nclipmill = \"1\"";
        let problems = forbidden(Path::new("/house/plugins"), manifest, &["core"]);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("plugins/ may not know storage/"));
        assert!(problems[1].starts_with("plugins/ may not know daemon/"));
    }
}
