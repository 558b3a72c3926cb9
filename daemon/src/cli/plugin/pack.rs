//! `clipmill plugin pack`: from what a compiler makes to a plugin.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clipmill_plugins::wasm::{self, PluginManifest};

use super::table::bytes;
use crate::cli::arguments::PackPluginArguments;
use crate::cli::error::CommandError;
use crate::cli::local_job::refuse_existing;

/// Runs the command.
pub fn run(pack: &PackPluginArguments) -> Result<(), CommandError> {
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |error| CommandError::usage(format!("{path} can't be read: {error}"))
    };
    let module = std::fs::read(&pack.module).map_err(unreadable(&pack.module))?;
    let text = match &pack.manifest {
        Some(path) => Some(std::fs::read_to_string(path).map_err(unreadable(path))?),
        None => None,
    };
    let name = match &text {
        Some(text) => PluginManifest::parse(text)?.name,
        None => {
            let stem = pack.module.file_stem().unwrap_or_default();
            stem.to_string_lossy().into_owned()
        }
    };
    let output = pack.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
    refuse_existing(&output, pack.force)?;
    let packed = wasm::pack(&module, text.as_deref())?;
    write_file(&output, &packed)?;
    println!("{}  {}", output.display(), bytes(packed.len() as u64));
    println!("next: clipmill plugin check {}", output.display());
    Ok(())
}

/// Writes the whole file or none: a daemon may be watching.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    let refused = |error: std::io::Error| {
        CommandError::usage(format!("{} can't be written: {error}", path.display()))
    };
    let mut draft = tempfile::Builder::new()
        .prefix(".clipmill-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(refused)?;
    draft.write_all(bytes).map_err(refused)?;
    draft.persist(path).map_err(|error| refused(error.error))?;
    Ok(())
}
