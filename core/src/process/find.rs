//! Finding programs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The program of this name, or the one that was configured instead of it.
///
/// `given` with a slash is that very file; without one it is a name that
/// replaces `name`. Names are looked up in the folders of `PATH`, in order.
/// None when there is no such executable file.
pub fn find(name: &str, given: Option<&Path>) -> Option<PathBuf> {
    let wanted = given.unwrap_or(Path::new(name));
    if wanted.components().count() > 1 || wanted.is_absolute() {
        return is_executable(wanted).then(|| wanted.to_path_buf());
    }
    std::env::split_paths(&std::env::var_os("PATH")?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(wanted))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
