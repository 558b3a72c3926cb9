//! The example plugins, as `scripts/guests.sh` builds them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tool;

/// The folder of the built examples: `CLIPMILL_TEST_GUESTS`, or the checkout's own.
pub fn folder() -> PathBuf {
    std::env::var_os("CLIPMILL_TEST_GUESTS")
        .map_or_else(|| tool::workspace().join(".tools/guests/out"), PathBuf::from)
}

/// Drops an example into a plugin folder: `NAME.toml` first, so that a watching daemon never sees
/// the one without the other, and `NAME.wasm` at once.
///
/// # Panics
/// When it was not built.
pub fn drop_into(plugins: &Path, name: &str) {
    fs::create_dir_all(plugins).expect("the plugin folder");
    for extension in ["toml", "wasm"] {
        let file = format!("{name}.{extension}");
        let built = folder().join(&file);
        assert!(built.is_file(), "{file} is not built: run scripts/guests.sh build");
        let draft = plugins.join(format!(".{file}"));
        fs::copy(built, &draft).expect("the plugin is copied");
        fs::rename(draft, plugins.join(file)).expect("the plugin is put in place");
    }
}
