//! Codecs that are plugins: those that encode frames by themselves.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;

use super::bindings::frames::{AudioBlock, FrameCodec as Guest, FrameCodecPre, VideoFrame};
use super::bindings::types;
use super::codec::{PLAN, failed};
use super::context::Context;
use super::convert;
use super::fault::Fault;
use super::fresh::fresh;
use super::plugin::{Budget, GuestResponse, Plugin};
use crate::{Codec, CodecDescription, Encoders, FrameEncoder, FramePlan, PcmBlock, Plan, RawFrame};

/// A codec in a guest.
pub(super) struct WasmFrameCodec {
    pub plugin: Arc<Plugin>,
    pub pre: FrameCodecPre<Context>,
    pub description: CodecDescription,
}

/// What a call for bytes answers.
type Answer = Result<Vec<u8>, types::CodecError>;

#[async_trait]
impl Codec for WasmFrameCodec {
    fn describe(&self) -> CodecDescription {
        self.description.clone()
    }

    async fn plan(&self, probe: &Probe, quality: &str, _have: &Encoders) -> Result<Plan, Error> {
        let pre = self.pre.clone();
        let (probe, quality) = (convert::probe(probe), quality.to_owned());
        let work = fresh!(pre, |store, guest| guest.call_plan(&mut store, &probe, &quality));
        let judge = |answer| match answer {
            Ok(plan) => convert::frame_plan(plan).map(Ok),
            Err(error) => Ok(Err(convert::codec_error(error))),
        };
        let planned = self.plugin.call("plan", Budget::brief(PLAN), work, judge).await;
        Ok(Plan::Frames(planned.map_err(|fault| failed(&self.description.name, &fault))??))
    }

    async fn begin(
        &self,
        plan: &FramePlan,
        quality: &str,
    ) -> Result<(Box<dyn FrameEncoder>, Bytes), Error> {
        let stream = convert::frame_plan_for_guest(plan).ok_or_else(|| {
            Error::never(Code::NotEncodable, "this frame rate is no fraction of 32 bits")
        })?;
        let budget = Budget::session(&self.plugin.identity.wants);
        let turns = Arc::clone(&self.plugin.encodes);
        let turn = tokio::time::timeout(budget.wall, turns.acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Error::later(Code::PluginFailed, "too many encodes of this plugin"));
        };
        let (pre, quality) = (self.pre.clone(), quality.to_owned());
        let store = self.plugin.store(budget);
        let begin = fresh!(pre, |store, guest| async {
            let answer = guest.call_begin(&mut store, stream, &quality).await?;
            Ok((guest, answer))
        });
        let keep = |store, (guest, answer): (Guest, Answer)| Ok((store, guest, answer));
        let begun = self.plugin.run("begin", budget, begin(store), keep).await;
        let name = self.description.name.clone();
        let (store, guest, answer) = begun.map_err(|fault| failed(&name, &fault))?;
        let head = answer.map_err(convert::codec_error)?;
        let plugin = Arc::clone(&self.plugin);
        let session =
            Session { plugin, name, budget, instance: Some((store, Arc::new(guest))), _turn: turn };
        Ok((Box::new(session), head.into()))
    }
}

/// One file on its way through one instance.
struct Session {
    plugin: Arc<Plugin>,
    name: String,
    budget: Budget,
    /// None after a fault: the instance is gone then.
    instance: Option<(Store<Context>, Arc<Guest>)>,
    _turn: OwnedSemaphorePermit,
}

impl Session {
    async fn call<F>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(Store<Context>, Arc<Guest>) -> F,
    ) -> Result<Bytes, Error>
    where
        F: Future<Output = GuestResponse<Answer>> + Send + 'static,
    {
        let Some((mut store, guest)) = self.instance.take() else {
            return Err(Error::never(Code::PluginFailed, "this encode has failed before"));
        };
        store.data_mut().renew();
        let work = work(store, Arc::clone(&guest));
        let came = self.plugin.run(name, self.budget, work, |store, answer| Ok((store, answer)));
        let (store, answer) = came.await.map_err(|fault: Fault| failed(&self.name, &fault))?;
        let bytes = answer.map_err(convert::codec_error)?;
        self.instance = Some((store, guest));
        Ok(bytes.into())
    }
}

#[async_trait]
impl FrameEncoder for Session {
    async fn push_video(&mut self, frame: RawFrame) -> Result<Bytes, Error> {
        let frame = VideoFrame {
            pts_us: frame.pts_micros,
            duration_us: frame.duration_micros,
            data: frame.data.into(),
        };
        let work = |mut store: Store<Context>, guest: Arc<Guest>| async move {
            let answer = guest.call_push_video(&mut store, &frame).await;
            (store, answer)
        };
        self.call("push-video", work).await
    }

    async fn push_audio(&mut self, block: PcmBlock) -> Result<Bytes, Error> {
        let block = AudioBlock { pts_us: block.pts_micros, data: block.data.into() };
        let work = |mut store: Store<Context>, guest: Arc<Guest>| async move {
            let answer = guest.call_push_audio(&mut store, &block).await;
            (store, answer)
        };
        self.call("push-audio", work).await
    }

    async fn finish(mut self: Box<Self>) -> Result<Bytes, Error> {
        let work = |mut store: Store<Context>, guest: Arc<Guest>| async move {
            let answer = guest.call_finish(&mut store).await;
            (store, answer)
        };
        self.call("finish", work).await
    }
}
