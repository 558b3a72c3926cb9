//! `clipmill plugin check`: whether a file is a plugin, and what it wants.

use std::path::Path;

use clipmill_core::Error;
use clipmill_plugins::wasm::{Inspected, Kind, LoadedState, Wants};
use clipmill_plugins::{CodecDescription, Handler};
use serde_json::{Value, json};

use super::table::{TextTable, bytes, time};
use crate::cli::arguments::CheckPluginArguments;
use crate::cli::error::CommandError;
use crate::cli::setup;
use crate::config::Config;

/// Runs the command.
pub async fn run(config: &Config, check: &CheckPluginArguments) -> Result<(), CommandError> {
    let client = setup::client(config)?;
    let registry = setup::registry(config, &client);
    let plugins = setup::plugin_host(config, client, registry, None);
    let inspected = match plugins.inspect(&check.file).await {
        Ok(inspected) => inspected,
        Err(error) => return Err(refused(check, &error)),
    };
    let Inspected { state, imports, .. } = &inspected;
    if let Some(loaded) = &state.loaded {
        let notes = notes(config, &state.name, loaded, imports);
        if check.json {
            println!("{}", json_report(check, &inspected, loaded, &notes));
        } else {
            print_report(config, check, &inspected, loaded, &notes);
        }
    }
    Ok(())
}

fn refused(check: &CheckPluginArguments, error: &Error) -> CommandError {
    let refused = CommandError::from(error.clone());
    if check.json {
        let Error { code, message, .. } = error;
        let causes = &refused.causes;
        println!("{}", json!({ "ok": false, "code": code, "message": message, "causes": causes }));
    } else {
        println!("BAD  {}", check.file.display());
    }
    refused
}

/// What is no error, and what its author or operator should know.
fn notes(config: &Config, name: &str, loaded: &LoadedState, imports: &[String]) -> Vec<String> {
    let wants = &loaded.wants;
    let has = &loaded.has;
    let mut notes = Vec::new();
    for (what, wanted, given, key) in [
        ("MiB of memory", wants.memory_mb, has.memory_mb, "plugins.max_memory_mb"),
        ("seconds a call", wants.seconds, has.seconds, "plugins.max_seconds"),
    ] {
        if given < wanted {
            notes.push(format!("it wants {wanted} {what} and gets {given}: see {key}"));
        }
    }
    if wants.hosts != has.hosts {
        notes.push(format!("its hosts are not those that it wants: see [plugins.{name}] hosts"));
    }
    let asks = imports.iter().any(|import| short(import) == "http");
    if asks && loaded.kind == Kind::Source && wants.hosts.is_empty() {
        notes
            .push("it imports http, and its manifest wants no hosts: it can reach none".to_owned());
    }
    if config.plugins.disable.iter().any(|disabled| disabled == name) {
        notes.push("plugins.disable names it, so the daemon does not use it".to_owned());
    }
    notes
}

/// `http` of `clipmill:plugin/http@0.1.0`.
fn short(import: &str) -> &str {
    let name = import.rsplit('/').next().unwrap_or(import);
    name.split('@').next().unwrap_or(name)
}

/// The codec that it is, if it is one.
fn codec(inspected: &Inspected) -> Option<CodecDescription> {
    match &inspected.handler {
        Handler::Codec(codec) => Some(codec.describe()),
        Handler::Source(_) => None,
    }
}

/// Bytes of the component.
fn size(file: &Path, name: &str) -> u64 {
    let inside = file.join(format!("{name}.wasm"));
    let file = if file.is_dir() { &inside } else { file };
    file.metadata().map_or(0, |about| about.len())
}

fn print_report(
    config: &Config,
    check: &CheckPluginArguments,
    inspected: &Inspected,
    loaded: &LoadedState,
    notes: &[String],
) {
    let name = &inspected.state.name;
    let mut facts = TextTable::plain();
    let mut fact = |name: &str, text: String| facts.row([name.to_owned(), text]);
    fact("kind", loaded.kind.to_string());
    fact("interface", loaded.api.clone());
    if !loaded.description.is_empty() {
        fact("description", loaded.description.clone());
    }
    if let Some(codec) = codec(inspected) {
        fact("qualities", codec.qualities.join(" "));
        fact("result", format!("{}, .{}", codec.mime, codec.extension));
    }
    for (n, import) in inspected.imports.iter().enumerate() {
        fact(if n == 0 { "imports" } else { "" }, import.clone());
    }
    let has = &loaded.has;
    if loaded.kind == Kind::Source {
        fact("hosts", hosts(&loaded.wants, has));
    }
    let Wants { memory_mb, seconds, max_body_kb, .. } = has;
    fact(
        "limits",
        format!("{memory_mb} MiB of memory, {seconds} s a call, bodies of {max_body_kb} KiB"),
    );
    let size = bytes(size(&check.file, name));
    fact("size", format!("{size}, compiled in {}", time(inspected.compile)));
    println!("{name} {}", loaded.version);
    print!("{facts}");
    notes.iter().for_each(|note| println!("  -> {note}"));
    let folder = config.plugins.folder(&config.folders);
    println!("OK   it can be dropped into {}", folder.display());
}

fn hosts(wants: &Wants, has: &Wants) -> String {
    let list = |hosts: &[String]| match hosts {
        [] => "none".to_owned(),
        hosts => hosts.join(" "),
    };
    if wants.hosts == has.hosts {
        list(&wants.hosts)
    } else {
        format!("{} (wants {})", list(&has.hosts), list(&wants.hosts))
    }
}

fn json_report(
    check: &CheckPluginArguments,
    inspected: &Inspected,
    loaded: &LoadedState,
    notes: &[String],
) -> Value {
    let name = &inspected.state.name;
    let codec = codec(inspected).map(|codec| {
        json!({
            "qualities": codec.qualities,
            "container": codec.container,
            "mime": codec.mime,
            "extension": codec.extension,
        })
    });
    json!({
        "ok": true,
        "name": name,
        "version": loaded.version,
        "api": loaded.api,
        "kind": loaded.kind,
        "description": loaded.description,
        "codec": codec,
        "imports": inspected.imports,
        "wants": loaded.wants,
        "has": loaded.has,
        "sha256": loaded.sha256,
        "size_bytes": size(&check.file, name),
        "compile_ms": inspected.compile.as_secs_f64() * 1000.0,
        "notes": notes,
    })
}
