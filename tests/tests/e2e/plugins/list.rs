//! What the command line tells of plugins.

use std::fs;
use std::path::Path;

use clipmill_tests::guests;
use serde_json::Value;

use super::{clipmill, text};

/// All there is in JSON.
fn listed(folder: &Path) -> Vec<Value> {
    let output = clipmill(folder, &[], &["plugin", "list", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told.as_array().expect("a list").clone()
}

#[test]
fn the_list_tells_who_is_asked_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("data/plugins");
    for name in ["peertube", "archive", "podcast", "webm", "gif"] {
        guests::drop_into(&plugins, name);
    }
    fs::write(plugins.join("broken.wasm"), b"\0asm\x0d\0\x01\0junk").unwrap();
    fs::write(plugins.join("broken.toml"), "name = 'broken'").unwrap();
    fs::write(
        folder.path().join("config.toml"),
        "[plugins]\norder = ['podcast']\ndisable = ['gif']\n[plugins.peertube]\nhosts = ['a.example']",
    )
    .unwrap();
    let all = listed(folder.path());
    let named = |name: &str| {
        all.iter()
            .find(|plugin| plugin["name"] == name)
            .unwrap_or_else(|| panic!("{name}: {all:?}"))
    };
    assert_eq!(named("webm")["state"]["is"], "active");
    assert_eq!(named("gif")["state"]["is"], "disabled");
    assert_eq!(named("broken")["state"]["is"], "broken");
    let reason = named("broken")["state"]["reason"].as_str().unwrap();
    assert!(reason.contains("manifest"), "{reason}");
    assert_eq!(named("peertube")["loaded"]["has"]["hosts"], serde_json::json!(["a.example"]));

    let shown = clipmill(folder.path(), &[], &["plugin", "list"]);
    let shown = text(&shown.stdout);
    println!("{shown}");
    for part in ["peertube", "frame-codec", "a.example", "broken", "disabled"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}

#[test]
fn a_file_is_checked_before_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    guests::drop_into(folder.path(), "archive");
    let good = clipmill(folder.path(), &[], &["plugin", "check", "archive.wasm"]);
    let shown = text(&good.stdout);
    println!("{shown}");
    assert!(good.status.success(), "{shown}{}", text(&good.stderr));
    assert!(shown.contains("clipmill:plugin/http") && shown.contains("archive.org"), "{shown}");

    // Into one file, which is a plugin by itself.
    fs::create_dir(folder.path().join("one")).unwrap();
    let arguments =
        ["plugin", "pack", "archive.wasm", "--manifest", "archive.toml", "-o", "one/archive.wasm"];
    let packed = clipmill(folder.path(), &[], &arguments);
    assert!(packed.status.success(), "{}", text(&packed.stderr));
    let alone = clipmill(folder.path(), &[], &["plugin", "check", "one/archive.wasm"]);
    assert!(alone.status.success(), "{}", text(&alone.stderr));

    fs::write(folder.path().join("archive.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let core = clipmill(folder.path(), &[], &["plugin", "check", "archive.wasm"]);
    assert!(!core.status.success());
    assert!(text(&core.stderr).contains("clipmill plugin pack"), "{}", text(&core.stderr));
}
