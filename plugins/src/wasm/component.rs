//! From a package's bytes to a handler: compile, look at what it imports, ask
//! who it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::HostError;
use super::bindings::codec::CodecPre;
use super::bindings::frames::FrameCodecPre;
use super::bindings::source::SourcePre;
use super::codec::WasmCodec;
use super::convert;
use super::engine::Machine;
use super::frames::WasmFrameCodec;
use super::fresh::fresh;
use super::manifest::{API, Kind};
use super::plugin::{Budget, Plugin};
use super::source::WasmSource;
use crate::{CodecDescription, Handler, SourceDescription};

/// Computing time of `describe`.
const DESCRIBE: Duration = Duration::from_secs(2);
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
pub(super) fn compile(machine: &Machine, wasm: &[u8]) -> Result<Compiled, HostError> {
    let began = Instant::now();
    let component = Component::from_binary(&machine.engine, wasm).map_err(|error| {
        let cause = error.root_cause().to_string();
        HostError::new("bad_component", format!("it is no valid component: {cause}"))
    })?;
    let ty = component.component_type();
    let imports: Vec<String> = ty
        .imports(&machine.engine)
        // Types alone ask for nothing.
        .filter(|(_, import)| !matches!(import.ty, ComponentItem::Type(_)))
        .map(|(name, _)| name.to_owned())
        .collect();
    Ok(Compiled { component, imports, took: began.elapsed() })
}

/// Refuses imports that the host does not have, in words that help.
fn check_imports(compiled: &Compiled) -> Result<(), HostError> {
    for name in &compiled.imports {
        let version = name.strip_prefix(PACKAGE).and_then(|name| name.split_once('@'));
        match version {
            Some((_, version)) if version.starts_with(&format!("{API}.")) => {}
            Some((_, version)) => {
                return Err(HostError::new(
                    "wrong_api",
                    format!("it is built for version {version} of the interface, not for {API}"),
                ));
            }
            None => {
                let wasi = match name.starts_with("wasi:") {
                    true => "; build it for a target without WASI, or stub WASI out",
                    false => "",
                };
                return Err(HostError::new(
                    "bad_component",
                    format!("it imports {name}, which clipmill does not have{wasi}"),
                ));
            }
        }
    }
    Ok(())
}

/// Makes the handler of a plugin of this kind.
pub(super) async fn bind(
    compiled: &Compiled,
    kind: Kind,
    plugin: Arc<Plugin>,
) -> Result<Handler, HostError> {
    check_imports(compiled)?;
    let machine = Arc::clone(&plugin.machine);
    let unfit = |error: wasmtime::Error| {
        let cause = format!("{error:#}");
        HostError::new("bad_component", format!("it is no {kind} plugin: {cause}"))
    };
    let component = &compiled.component;
    match kind {
        Kind::Source => {
            let pre = machine.sources.instantiate_pre(component).and_then(SourcePre::new);
            let pre = pre.map_err(unfit)?;
            let description = describe_source(&plugin, pre.clone()).await?;
            Ok(Handler::Source(Arc::new(WasmSource::new(plugin, pre, description))))
        }
        Kind::Codec => {
            let pre = machine.codecs.instantiate_pre(component).and_then(CodecPre::new);
            let pre = pre.map_err(unfit)?;
            let asked = pre.clone();
            let work = fresh!(asked, |store, guest| guest.call_describe(&mut store));
            let said = plugin.call("describe", Budget::brief(DESCRIBE), work, Ok).await;
            let description = of_codec(&plugin, said.map_err(undescribed)?)?;
            Ok(Handler::Codec(Arc::new(WasmCodec { plugin, pre, description })))
        }
        Kind::FrameCodec => {
            let pre = machine.frames.instantiate_pre(component).and_then(FrameCodecPre::new);
            let pre = pre.map_err(unfit)?;
            let asked = pre.clone();
            let work = fresh!(asked, |store, guest| guest.call_describe(&mut store));
            let said = plugin.call("describe", Budget::brief(DESCRIBE), work, Ok).await;
            let description = of_codec(&plugin, said.map_err(undescribed)?)?;
            Ok(Handler::Codec(Arc::new(WasmFrameCodec { plugin, pre, description })))
        }
    }
}

async fn describe_source(
    plugin: &Plugin,
    pre: SourcePre<super::context::Context>,
) -> Result<SourceDescription, HostError> {
    let work = fresh!(pre, |store, guest| guest.call_describe(&mut store));
    let said = plugin.call("describe", Budget::brief(DESCRIBE), work, Ok).await;
    let said = said.map_err(undescribed)?;
    same_name(plugin, &said.name)?;
    let version = said.version;
    if version.trim().is_empty() || version.len() > 64 || version.chars().any(char::is_control) {
        return Err(HostError::new("bad_description", "its version is no line of text"));
    }
    Ok(SourceDescription { name: said.name, version })
}

fn of_codec(
    plugin: &Plugin,
    said: super::bindings::types::CodecDescription,
) -> Result<CodecDescription, HostError> {
    same_name(plugin, &said.name)?;
    convert::description(said)
        .map_err(|what| HostError::new("bad_description", format!("it describes itself: {what}")))
}

fn same_name(plugin: &Plugin, said: &str) -> Result<(), HostError> {
    let name = &*plugin.identity.name;
    match said == name {
        true => Ok(()),
        false => {
            let said: String = said.chars().take(64).collect();
            Err(HostError::new(
                "bad_description",
                format!("it calls itself {said:?}, and its manifest calls it {name:?}"),
            ))
        }
    }
}

fn undescribed(fault: super::fault::Fault) -> HostError {
    HostError::new("bad_description", format!("it could not say who it is: {fault}"))
}
