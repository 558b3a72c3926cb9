//! Small workspaces of one crate, and what is found in them.

use std::error::Error;
use std::fs;
use std::path::Path;

use clipmill_structure::{LONGEST, examine};

type Result = std::result::Result<(), Box<dyn Error>>;

/// What is found in a crate `core` with these files in its `src`.
fn problems(
    name: &str,
    files: &[(&str, &str)],
) -> std::result::Result<Vec<String>, Box<dyn Error>> {
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if workspace.exists() {
        fs::remove_dir_all(&workspace)?;
    }
    let source = workspace.join("core/src");
    fs::create_dir_all(&source)?;
    fs::write(workspace.join("core/Cargo.toml"), "[package]\nname = \"clipmill-core\"\n")?;
    for (path, text) in files {
        let path = source.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&source))?;
        fs::write(path, text)?;
    }
    Ok(examine(&workspace)?.problems)
}

#[test]
fn arrows_one_way_are_no_circle() -> Result {
    let files = [
        ("lib.rs", "mod words; mod top; mod room; pub use top::run;"),
        ("words.rs", "pub struct Word; #[cfg(test)] mod tests { use crate::top::run; }"),
        (
            "top.rs",
            "use crate::room::Size; pub fn run(word: crate::words::Word) -> Size { crate::room::inner::size() }",
        ),
        ("room/mod.rs", "pub mod inner; pub use inner::Size;"),
        (
            "room/inner.rs",
            "use super::super::words::Word; pub struct Size(Word); pub fn size() -> Size { todo!() }",
        ),
    ];
    assert_eq!(problems("none", &files)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_circle_is_found_through_a_re_export() -> Result {
    let files = [
        ("lib.rs", "mod room; mod user;"),
        ("room/mod.rs", "mod deep; pub(crate) use deep::Deep;"),
        ("room/deep.rs", "use crate::user::User as Other; pub struct Deep(Option<Box<Other>>);"),
        ("user.rs", "use crate::room; pub struct User(room::Deep);"),
    ];
    let found = problems("re_export", &files)?;
    assert_eq!(
        found,
        [
            "circle of 2 files:\n  core/src/room/deep.rs -> core/src/user.rs: User\n  core/src/user.rs -> core/src/room/deep.rs: Deep\n"
        ]
    );
    Ok(())
}

#[test]
fn a_circle_is_found_through_paths_in_code() -> Result {
    let files = [
        ("lib.rs", "mod one { mod sub; } mod two;"),
        ("one/sub.rs", "pub fn far() { println!(\"{}\", super::super::two::near()) }"),
        ("two.rs", "use crate::*; pub fn near() -> u8 { one::sub::far(); 1 }"),
    ];
    let found = problems("super", &files)?;
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("core/src/one/sub.rs -> core/src/two.rs: near"), "{found:?}");
    assert!(found[0].contains("core/src/two.rs -> core/src/one/sub.rs: far"), "{found:?}");
    Ok(())
}

#[test]
fn a_circle_of_a_module_and_its_parent_is_found() -> Result {
    let files = [
        ("lib.rs", "mod top;"),
        ("top.rs", "mod low; pub struct Context; pub fn run() { low::go(&Context) }"),
        ("top/low.rs", "use super::Context; pub fn go(_: &Context) {}"),
    ];
    let found = problems("parent", &files)?;
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("core/src/top/low.rs -> core/src/top.rs: Context"), "{found:?}");
    Ok(())
}

#[test]
fn long_files_are_found() -> Result {
    let long = "// a line\n".repeat(LONGEST + 1);
    let found = problems("long", &[("lib.rs", &long)])?;
    assert_eq!(found, ["core/src/lib.rs has 401 lines; 400 are allowed\n"]);
    Ok(())
}
