//! From a package's bytes to machine code, and what it imports.

use std::time::{Duration, Instant};

use clipmill_core::{Code, Error};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::manifest::API;
use super::runtime::PluginRuntime;

/// What every import of a plugin begins with.
const PACKAGE: &str = "clipmill:plugin/";

/// A compiled component.
#[derive(Clone)]
pub(super) struct Compiled {
    pub component: Component,
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// How long it took, from the cache or not.
    pub took: Duration,
}

/// Compiles a component, or takes it from the cache. Takes the processor for
/// up to some seconds.
pub(super) fn compile(runtime: &PluginRuntime, wasm: &[u8]) -> Result<Compiled, Error> {
    let began = Instant::now();
    let component = Component::from_binary(&runtime.engine, wasm).map_err(|error| {
        let cause = error.root_cause().to_string();
        Error::never(Code::BadComponent, format!("it is no valid component: {cause}"))
    })?;
    let ty = component.component_type();
    let imports: Vec<String> = ty
        .imports(&runtime.engine)
        // Types alone ask for nothing.
        .filter(|(_, import)| !matches!(import.ty, ComponentItem::Type(_)))
        .map(|(name, _)| name.to_owned())
        .collect();
    Ok(Compiled { component, imports, took: began.elapsed() })
}

/// Refuses imports that the host does not have, in words that help.
pub(super) fn check_imports(compiled: &Compiled) -> Result<(), Error> {
    for name in &compiled.imports {
        let version = name.strip_prefix(PACKAGE).and_then(|name| name.split_once('@'));
        match version {
            Some((_, version)) if version.starts_with(&format!("{API}.")) => {}
            Some((_, version)) => {
                return Err(Error::never(
                    Code::WrongApi,
                    format!("it is built for version {version} of the interface, not for {API}"),
                ));
            }
            None => {
                let wasi = match name.starts_with("wasi:") {
                    true => "; build it for a target without WASI, or stub WASI out",
                    false => "",
                };
                return Err(Error::never(
                    Code::BadComponent,
                    format!("it imports {name}, which clipmill does not have{wasi}"),
                ));
            }
        }
    }
    Ok(())
}
