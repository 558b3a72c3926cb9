//! Plugins as files: `NAME.wasm` with `NAME.toml` beside it, a folder `NAME`
//! with both, or one `NAME.wasm` that carries its manifest.
//!
//! Nothing is unpacked and no path comes out of a file, so the only way out of
//! the folder is a link, and links that lead out are refused.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clipmill_core::{Code, Error};
use sha2::{Digest, Sha256};

use super::manifest::{self, PluginManifest};
use super::section;
use crate::is_name;

/// Largest plugin, bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Most plugins of one folder.
const MOST: usize = 256;

/// Where a plugin is, and what tells it from a later one of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub wasm: PathBuf,
    pub manifest: PathBuf,
    pub stamp: [Option<Stamp>; 2],
}

/// What tells a file from a later one: the time of writing alone may be what the
/// writer likes, as of files that come out of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: u64,
    written: SystemTime,
    /// Seconds and nanoseconds of the last change, renaming included.
    changed: (i64, i64),
    inode: u64,
}

/// A plugin, read.
#[derive(Debug)]
pub(super) struct Package {
    pub manifest: PluginManifest,
    pub wasm: Vec<u8>,
    /// SHA-256 of file and manifest, hexadecimal.
    pub sha256: String,
}

/// The plugins of a folder, by name. One that is not there has none.
pub(super) fn find(folder: &Path) -> std::io::Result<BTreeMap<String, Place>> {
    let mut found = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let (home, name) = match path.extension() {
            Some(extension) if extension == "wasm" => (folder.to_owned(), name.to_owned()),
            None if path.is_dir() => (path.clone(), name.to_owned()),
            _ => continue,
        };
        let wasm = home.join(format!("{name}.wasm"));
        let Some(of_wasm) = stamp(&wasm) else { continue };
        if !is_name(&name) {
            tracing::debug!(plugin.file = %wasm.display(), "not a plugin's name");
            continue;
        }
        let manifest = home.join(format!("{name}.toml"));
        let place = Place { stamp: [Some(of_wasm), stamp(&manifest)], wasm, manifest };
        // Of a file and a folder of one name, the file.
        if home == folder || !found.contains_key(&name) {
            found.insert(name, place);
        }
    }
    while found.len() > MOST {
        if let Some((name, _)) = found.pop_last() {
            tracing::warn!(plugin = name, "there are more than {MOST} plugins; it is left out");
        }
    }
    Ok(found)
}

fn stamp(path: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some(Stamp {
        bytes: about.len(),
        written: about.modified().ok()?,
        changed: (about.ctime(), about.ctime_nsec()),
        inode: about.ino(),
    })
}

/// The place of a plugin that a command names: its file or its folder.
pub(super) fn place_of(path: &Path) -> Result<(String, Place), Error> {
    let bad = |what: &str| Error::never(Code::BadPackage, format!("{}: {what}", path.display()));
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let home = match path.is_dir() {
        true => path,
        false => path.parent().unwrap_or(Path::new("")),
    };
    let wasm = home.join(format!("{stem}.wasm"));
    let manifest = home.join(format!("{stem}.toml"));
    let Some(of_wasm) = stamp(&wasm) else {
        return Err(bad("there is no such plugin; name its NAME.wasm or its folder"));
    };
    if !is_name(&stem) {
        return Err(bad("the name of a plugin's file is 1 to 32 of a-z, 0-9 and _"));
    }
    let place = Place { stamp: [Some(of_wasm), stamp(&manifest)], wasm, manifest };
    Ok((stem, place))
}

impl Place {
    /// Reads the plugin. `within` is a folder that no link may lead out of.
    pub fn read(&self, name: &str, within: Option<&Path>) -> Result<Package, Error> {
        let wasm = read(&self.wasm, LARGEST, within)?;
        match section::layer(&wasm) {
            section::Layer::Component => {}
            section::Layer::Module => {
                return Err(Error::never(
                    Code::BadComponent,
                    "it is a core module, not a component: run `clipmill plugin pack` on it",
                ));
            }
            section::Layer::Other => {
                return Err(Error::never(Code::BadComponent, "it is not WebAssembly"));
            }
        }
        let text = match self.stamp[1] {
            Some(_) => {
                let text = read(&self.manifest, manifest::LARGEST, within)?;
                String::from_utf8(text).map_err(|_| {
                    Error::never(Code::BadManifest, format!("{name}.toml is not UTF-8"))
                })?
            }
            None => section::manifest(&wasm)?.map(str::to_owned).ok_or_else(|| {
                Error::never(
                    Code::BadPackage,
                    format!(
                        "there is no manifest: put {name}.toml beside {name}.wasm, or pack it into \
                         the file with `clipmill plugin pack`"
                    ),
                )
            })?,
        };
        let manifest = PluginManifest::parse(&text)?;
        if manifest.name != name {
            return Err(Error::never(
                Code::BadManifest,
                format!("the manifest names {:?}, and the file {name:?}", manifest.name),
            ));
        }
        let digest = Sha256::new().chain_update(&wasm).chain_update(&text).finalize();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Package { manifest, wasm, sha256 })
    }
}

fn read(path: &Path, most: u64, within: Option<&Path>) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bad = |what: String| Error::never(Code::BadPackage, format!("{name}: {what}"));
    let unreadable = |error: std::io::Error| bad(format!("can't be read: {error}"));
    if let Some(folder) = within {
        let real = path.canonicalize().map_err(unreadable)?;
        if !real.starts_with(folder.canonicalize().map_err(unreadable)?) {
            return Err(bad("it is a link that leads out of the plugin folder".to_owned()));
        }
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 > most {
        true => Err(bad(format!("it has more than {most} bytes"))),
        false => Ok(bytes),
    }
}
