//! The files that the documentation names are there.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// What a path of ours starts with.
const FOLDERS: [&str; 12] = [
    "core/",
    "media/",
    "storage/",
    "plugins/",
    "pipeline/",
    "daemon/",
    "tests/",
    "scripts/",
    "examples/",
    "docs/",
    ".ci/",
    ".github/",
];

/// Words of paths that stand for something else.
const PLACEHOLDERS: [&str; 4] = ["NAME", "NEW", "NNNN", "*"];

#[test]
fn files_that_the_documentation_names_exist() -> Result<(), Box<dyn Error>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut pages = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"]
        .map(|name| workspace.join(name))
        .to_vec();
    add_pages(&workspace.join("docs"), &mut pages)?;
    let mut missing = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page)?;
        let inside = text.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
        let ours = inside.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
        let ours =
            ours.filter(|word| !PLACEHOLDERS.iter().any(|placeholder| word.contains(placeholder)));
        let named = ours.flat_map(expand).map(|path| workspace.join(path));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(['#', ')']).next());
        let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
        let linked = links.map(|link| page.with_file_name(link));
        missing.extend(
            named.chain(linked).filter(|path| !path.exists()).map(|path| (page.clone(), path)),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
    Ok(())
}

fn add_pages(folder: &Path, pages: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            add_pages(&path, pages)?;
        } else {
            pages.push(path);
        }
    }
    Ok(())
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`, without what a sentence has put behind it.
fn expand(word: &str) -> Vec<String> {
    let word = word.trim_end_matches(['.', ',', ';', ':', ')']);
    match word.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, after))) => {
            names.split(',').flat_map(|name| expand(&format!("{before}{name}{after}"))).collect()
        }
        None => vec![word.to_owned()],
    }
}
