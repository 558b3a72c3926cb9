//! Codecs that are plugins: those that plan for ffmpeg.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error};

use super::bindings::codec::CodecPre;
use super::context::Context;
use super::convert;
use super::fault::Fault;
use super::fresh::fresh;
use super::plugin::{Budget, Plugin};
use crate::{Codec, CodecDescription, Encoders, Plan};

/// Computing time of `plan`.
pub(super) const PLAN: Duration = Duration::from_secs(2);

/// A codec in a guest.
pub(super) struct WasmCodec {
    pub plugin: Arc<Plugin>,
    pub pre: CodecPre<Context>,
    pub description: CodecDescription,
}

#[async_trait]
impl Codec for WasmCodec {
    fn describe(&self) -> CodecDescription {
        self.description.clone()
    }

    async fn plan(&self, probe: &Probe, quality: &str, have: &Encoders) -> Result<Plan, Error> {
        let pre = self.pre.clone();
        let (probe, quality) = (convert::probe(probe), quality.to_owned());
        let have: Vec<String> = have.iter().cloned().collect();
        let work = fresh!(pre, |store, guest| guest.call_plan(&mut store, &probe, &quality, &have));
        let judge = |answer| match answer {
            Ok(plan) => convert::encode_plan(plan, &self.description).map(Ok),
            Err(error) => Ok(Err(convert::codec_error(error))),
        };
        let planned = self.plugin.call("plan", Budget::brief(PLAN), work, judge).await;
        Ok(Plan::Ffmpeg(planned.map_err(|fault| failed(&self.description.name, &fault))??))
    }
}

/// What a fault means to who wanted to encode.
pub(super) fn failed(name: &str, fault: &Fault) -> Error {
    Error::later(Code::PluginFailed, format!("the plugin {name} failed: {fault}"))
}
