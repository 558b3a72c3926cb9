//! The four stages in order: fetch, trim, transcode, retain.

use std::sync::Arc;
use std::time::Duration;

use clipmill_core::net::Client;
use clipmill_core::{Clock, Error};
use clipmill_plugins::Registry;

use crate::artifact_store::ArtifactStore;
use crate::context::PipelineContext;
use crate::early_head::EarlyHead;
use crate::ffmpeg::Tools;
use crate::progress::ProgressReporter;
use crate::request::JobRequest;
use crate::settings::PipelineSettings;
use crate::stages::{Encoded, Fetched, Retained, Trimmed};
use crate::{fetch, retain, transcode, trim};

/// Fetch, trim, transcode, retain. Cheap to clone.
#[derive(Clone)]
pub struct Pipeline {
    context: Arc<PipelineContext>,
}

impl Pipeline {
    /// A pipeline of these handlers and tools.
    pub fn new(
        settings: PipelineSettings,
        tools: Tools,
        registry: Arc<Registry>,
        client: Client,
        clock: Clock,
    ) -> Pipeline {
        let context = PipelineContext { settings, tools, registry, client, clock };
        Pipeline { context: Arc::new(context) }
    }

    /// Gets the bytes that the job needs.
    ///
    /// # Errors
    /// Those of sources ([`Code::SOURCE`](clipmill_core::Code::SOURCE)), `no_such_span`,
    /// `still_live`, `disk_full`, `too_large`, `not_media`, `no_video`.
    pub async fn fetch(
        &self,
        request: JobRequest,
        progress: &ProgressReporter,
    ) -> Result<Fetched, Error> {
        let early_head = EarlyHead::new(Arc::clone(&self.context));
        let on_early_start = |start| early_head.start(start);
        let fetched = fetch::fetch(&self.context, request, progress, &on_early_start).await?;
        Ok(Fetched { early_head: early_head.into_task(), ..fetched })
    }

    /// Finds the exact frames.
    ///
    /// # Errors
    /// `no_such_span`, `no_video`, `not_media`.
    pub async fn trim(&self, fetched: Fetched) -> Result<Trimmed, Error> {
        trim::trim(&self.context, fetched).await
    }

    /// Produces the file that was asked for.
    ///
    /// # Errors
    /// Those of codecs ([`Code::CODEC`](clipmill_core::Code::CODEC)), `encode_failed`,
    /// `disk_full`, `too_large`.
    pub async fn transcode(
        &self,
        trimmed: Trimmed,
        progress: &ProgressReporter,
    ) -> Result<Encoded, Error> {
        transcode::transcode(&self.context, trimmed, progress).await
    }

    /// Puts the file into the artifact store.
    ///
    /// # Errors
    /// `artifact_store`, `disk_full`.
    pub async fn retain(
        &self,
        encoded: Encoded,
        key: &str,
        artifacts: &dyn ArtifactStore,
    ) -> Result<Retained, Error> {
        retain::retain(encoded, key, artifacts).await
    }

    /// How long one stage may take.
    pub fn stage_deadline(&self) -> Duration {
        self.context.settings.stage_deadline
    }
}
