//! `clipmill plugin new`: a folder that builds as it is.
//!
//! A source is `templates/LANG`; another kind is that too, with the files of
//! `templates/LANG-KIND` in place of those of the same name. What the language
//! has for authors is added, so that the project builds anywhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clipmill_plugins::is_name;

use crate::cli::arguments::{Language, NewPluginArguments, PluginKind};
use crate::cli::error::CommandError;
use crate::config::{BUILT_IN, Config};

/// Files below `plugins/guest`, by name.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/guest.rs"));

/// What stands for the plugin's name in a text.
const MARK: &str = "{{name}}";

/// What a language has for authors, and where that goes in a project.
const AUTHORS: &[(Language, &str, &str)] = &[
    (Language::Rust, "rust/", "clipmill-plugin/"),
    (Language::C, "c/clipmill.h", "clipmill/clipmill.h"),
    (Language::C, "c/source/", "clipmill/"),
    (Language::Js, "js/clipmill.js", "clipmill.js"),
    (Language::Js, "js/wit/", "wit/"),
];

/// Runs the command.
pub fn run(config: &Config, new: &NewPluginArguments) -> Result<(), CommandError> {
    let name = new.name.as_str();
    if !is_name(name) {
        return Err(CommandError::usage(format!(
            "`{name}` is no name of a plugin: that is 1 to 32 of a-z, 0-9 and _"
        )));
    }
    if BUILT_IN.contains(&name) {
        return Err(CommandError::usage(format!("{name} is built in; choose another name")));
    }
    let folder = new.folder.clone().unwrap_or_else(|| PathBuf::from(name));
    if folder.exists() {
        let folder = folder.display();
        return Err(CommandError::usage(format!(
            "{folder} exists already; choose another --folder"
        )));
    }
    // Cargo takes no such name for a package.
    if new.lang == Language::Rust && name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(CommandError::usage("in Rust the name of a plugin begins with a letter"));
    }
    let files = project(name, new.lang, new.kind).ok_or_else(|| {
        CommandError::usage("there are templates for codecs in Rust only; add --lang rust")
    })?;
    write_folder(&folder, &files).map_err(|error| {
        CommandError::usage(format!("{} can't be made: {error}", folder.display()))
    })?;
    let shown = folder.display();
    let plugins = config.plugins.folder(&config.folders);
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

/// Writes the whole folder or none of it.
fn write_folder(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    std::fs::create_dir_all(above)?;
    let draft = tempfile::Builder::new()
        .prefix(".clipmill-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir_in(above)?;
    for (path, bytes) in files {
        let path = draft.path().join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)?;
    }
    std::fs::rename(draft.path(), folder)
}

/// The files of a project: paths in it, and what is in them. None when there is
/// no template.
pub fn project(
    name: &str,
    language: Language,
    kind: PluginKind,
) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut project = BTreeMap::new();
    let mut fill = |path: &str, bytes: &[u8]| {
        project.insert(renamed(path, name), filled(bytes, name));
    };
    let folder = format!("templates/{}/", language.folder());
    below("templates/plugin.toml").for_each(|(_, bytes)| fill("plugin.toml", bytes));
    below(&folder).for_each(|(path, bytes)| fill(path, bytes));
    if kind != PluginKind::Source {
        let folder = format!("templates/{}-{}/", language.folder(), kind.folder());
        below(&folder).next()?;
        below(&folder).for_each(|(path, bytes)| fill(path, bytes));
    }
    for (_, from, to) in AUTHORS.iter().filter(|(of, ..)| *of == language) {
        for (path, bytes) in below(from) {
            project.insert(format!("{to}{path}"), bytes.to_vec());
        }
    }
    Some(project)
}

/// The files whose names start with `start`, with the rest of their names.
fn below(start: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(path, bytes)| Some((path.strip_prefix(start)?, *bytes)))
}

/// The name of a file in the project. The template of `.gitignore` has another
/// one, so that it is not in force for the templates.
fn renamed(path: &str, name: &str) -> String {
    match path {
        "plugin.toml" => format!("{name}.toml"),
        "gitignore" => ".gitignore".to_owned(),
        other => other.to_owned(),
    }
}

/// The text with the plugin's name in it; what is no text stays as it is.
fn filled(bytes: &[u8], name: &str) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.replace(MARK, name).into_bytes(),
        Err(_) => bytes.to_vec(),
    }
}

impl Language {
    fn folder(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::C => "c",
            Language::Js => "js",
        }
    }
}

impl PluginKind {
    fn folder(self) -> &'static str {
        match self {
            PluginKind::Source => "source",
            PluginKind::Codec => "codec",
            PluginKind::FrameCodec => "frame-codec",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::ValueEnum as _;
    use clipmill_plugins::wasm::{Kind, PluginManifest};

    use super::*;

    #[test]
    fn every_language_has_a_source_and_rust_has_the_codecs() {
        let rust = PluginKind::value_variants().iter().map(|kind| (Language::Rust, *kind));
        let others = [Language::C, Language::Js].map(|language| (language, PluginKind::Source));
        for (language, kind) in rust.chain(others) {
            let project = project("my_site", language, kind).unwrap();
            let text = |path: &str| {
                let bytes = project.get(path).unwrap_or_else(|| panic!("{path} of {language:?}"));
                String::from_utf8(bytes.clone()).unwrap()
            };
            let manifest = PluginManifest::parse(&text("my_site.toml")).unwrap();
            assert_eq!(manifest.name, "my_site");
            let wanted = match kind {
                PluginKind::Source => Kind::Source,
                PluginKind::Codec => Kind::Codec,
                PluginKind::FrameCodec => Kind::FrameCodec,
            };
            assert_eq!(manifest.kind, wanted, "{language:?}");
            assert!(text(".gitignore").contains("my_site.wasm"));
            assert!(text("README.md").contains("clipmill plugin test my_site.wasm"));
            for (path, bytes) in &project {
                assert!(!String::from_utf8_lossy(bytes).contains(MARK), "{path}");
            }
        }
        assert!(project("x", Language::C, PluginKind::Codec).is_none());
    }

    #[test]
    fn what_plugins_are_written_against_goes_along() {
        for (language, path) in [
            (Language::Rust, "clipmill-plugin/src/lib.rs"),
            (Language::Rust, "clipmill-plugin/wit/source.wit"),
            (Language::C, "clipmill/clipmill.h"),
            (Language::C, "clipmill/source_component_type.o"),
            (Language::Js, "clipmill.js"),
            (Language::Js, "wit/source.wit"),
        ] {
            let project = project("x", language, PluginKind::Source).unwrap();
            assert!(project.contains_key(path), "{path}: {:?}", project.keys());
        }
    }
}
