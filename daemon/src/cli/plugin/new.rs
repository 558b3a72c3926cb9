//! `clipmill plugin new`: a folder that builds as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clipmill_plugins::is_name;

use super::templates;
use crate::cli::arguments::{Language, NewPlugin, PluginKind};
use crate::cli::exit::Failure;
use crate::config::{BUILT_IN, Config};

/// Runs the command.
pub fn run(config: &Config, new: &NewPlugin) -> Result<(), Failure> {
    let name = new.name.as_str();
    if !is_name(name) {
        return Err(Failure::usage(format!(
            "`{name}` is no name of a plugin: that is 1 to 32 of a-z, 0-9 and _"
        )));
    }
    if BUILT_IN.contains(&name) {
        return Err(Failure::usage(format!("{name} is built in; choose another name")));
    }
    let folder = new.folder.clone().unwrap_or_else(|| PathBuf::from(name));
    if folder.exists() {
        let folder = folder.display();
        return Err(Failure::usage(format!("{folder} exists already; choose another --folder")));
    }
    // Cargo takes no such name for a package.
    if new.lang == Language::Rust && name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Failure::usage("in Rust the name of a plugin begins with a letter"));
    }
    let files = templates::project(name, new.lang, new.kind).ok_or_else(|| {
        Failure::usage("there are templates for codecs in Rust only; add --lang rust")
    })?;
    write(&folder, &files)
        .map_err(|error| Failure::usage(format!("{} can't be made: {error}", folder.display())))?;
    let (shown, plugins) = (folder.display(), config.plugins.folder(&config.folders));
    let build = match new.lang {
        Language::Rust | Language::C => "make",
        Language::Js => "npm install && npm run build",
    };
    let tried = match new.kind {
        PluginKind::Source => "--url https://example.org/videos/1",
        PluginKind::Codec | PluginKind::FrameCodec => "--file in.mp4",
    };
    println!("{shown}/ has {} files; {shown}/README.md tells what to install. Next:", files.len());
    println!("  (cd {shown} && {build})");
    println!("  clipmill plugin test {shown}/{name}.wasm {tried}");
    println!("  cp {shown}/{name}.toml {shown}/{name}.wasm {}/", plugins.display());
    Ok(())
}

/// Makes the whole folder or none of it.
fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let near = folder.parent().filter(|near| !near.as_os_str().is_empty());
    let near = near.unwrap_or(Path::new("."));
    std::fs::create_dir_all(near)?;
    let draft = tempfile::Builder::new()
        .prefix(".clipmill-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir_in(near)?;
    for (path, bytes) in files {
        let path = draft.path().join(path);
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above)?;
        }
        std::fs::write(path, bytes)?;
    }
    std::fs::rename(draft.path(), folder)
}
