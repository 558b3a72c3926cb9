//! From a compiled component to a handler: link it, and ask it who it is.

use std::sync::Arc;
use std::time::Duration;

use clipmill_core::{Code, Error};

use super::bindings::codec::CodecPre;
use super::bindings::frames::FrameCodecPre;
use super::bindings::source::{SourceDescription as Said, SourcePre};
use super::bindings::types::CodecDescription as SaidOfCodec;
use super::codec::WasmCodec;
use super::component::{Compiled, check_imports};
use super::convert;
use super::fault::Fault;
use super::frames::WasmFrameCodec;
use super::fresh::fresh;
use super::manifest::Kind;
use super::plugin::{Budget, Plugin};
use super::source::WasmSource;
use crate::{CodecDescription, Handler, SourceDescription};

/// Computing time of `describe`.
const DESCRIBE: Duration = Duration::from_secs(2);

/// Makes the handler of a plugin of this kind.
///
/// # Errors
/// `wrong_api`, `bad_component`, `bad_description`.
pub(super) async fn bind(
    compiled: &Compiled,
    kind: Kind,
    plugin: Arc<Plugin>,
) -> Result<Handler, Error> {
    check_imports(compiled)?;
    Ok(match kind {
        Kind::Source => Handler::Source(Arc::new(source(compiled, plugin).await?)),
        Kind::Codec => Handler::Codec(Arc::new(codec(compiled, plugin).await?)),
        Kind::FrameCodec => Handler::Codec(Arc::new(frame_codec(compiled, plugin).await?)),
    })
}

async fn source(compiled: &Compiled, plugin: Arc<Plugin>) -> Result<WasmSource, Error> {
    let linked = plugin.runtime.sources.instantiate_pre(&compiled.component);
    let pre = linked.and_then(SourcePre::new).map_err(|error| unfit(Kind::Source, &error))?;
    let asked = pre.clone();
    let ask = fresh!(asked, |store, guest| guest.call_describe(&mut store));
    let said = plugin.call("describe", Budget::brief(DESCRIBE), ask, Ok).await;
    let description = of_source(&plugin, said.map_err(|fault| undescribed(&fault))?)?;
    Ok(WasmSource::new(plugin, pre, description))
}

async fn codec(compiled: &Compiled, plugin: Arc<Plugin>) -> Result<WasmCodec, Error> {
    let linked = plugin.runtime.codecs.instantiate_pre(&compiled.component);
    let pre = linked.and_then(CodecPre::new).map_err(|error| unfit(Kind::Codec, &error))?;
    let asked = pre.clone();
    let ask = fresh!(asked, |store, guest| guest.call_describe(&mut store));
    let said = plugin.call("describe", Budget::brief(DESCRIBE), ask, Ok).await;
    let description = of_codec(&plugin, said.map_err(|fault| undescribed(&fault))?)?;
    Ok(WasmCodec { plugin, pre, description })
}

async fn frame_codec(compiled: &Compiled, plugin: Arc<Plugin>) -> Result<WasmFrameCodec, Error> {
    let linked = plugin.runtime.frames.instantiate_pre(&compiled.component);
    let pre =
        linked.and_then(FrameCodecPre::new).map_err(|error| unfit(Kind::FrameCodec, &error))?;
    let asked = pre.clone();
    let ask = fresh!(asked, |store, guest| guest.call_describe(&mut store));
    let said = plugin.call("describe", Budget::brief(DESCRIBE), ask, Ok).await;
    let description = of_codec(&plugin, said.map_err(|fault| undescribed(&fault))?)?;
    Ok(WasmFrameCodec { plugin, pre, description })
}

fn of_source(plugin: &Plugin, said: Said) -> Result<SourceDescription, Error> {
    same_name(plugin, &said.name)?;
    let version = said.version;
    if version.trim().is_empty() || version.len() > 64 || version.chars().any(char::is_control) {
        return Err(Error::never(Code::BadDescription, "its version is no line of text"));
    }
    Ok(SourceDescription { name: said.name, version })
}

fn of_codec(plugin: &Plugin, said: SaidOfCodec) -> Result<CodecDescription, Error> {
    same_name(plugin, &said.name)?;
    convert::description(said)
        .map_err(|what| Error::never(Code::BadDescription, format!("it describes itself: {what}")))
}

fn same_name(plugin: &Plugin, said: &str) -> Result<(), Error> {
    let name = &*plugin.identity.name;
    if said == name {
        return Ok(());
    }
    let said: String = said.chars().take(64).collect();
    let told = format!("it calls itself {said:?}, and its manifest calls it {name:?}");
    Err(Error::never(Code::BadDescription, told))
}

fn unfit(kind: Kind, error: &wasmtime::Error) -> Error {
    Error::never(Code::BadComponent, format!("it is no {kind} plugin: {error:#}"))
}

fn undescribed(fault: &Fault) -> Error {
    Error::never(Code::BadDescription, format!("it could not say who it is: {fault}"))
}
