//! The four stages in order.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clipmill_core::Error;
use clipmill_core::net::Client;
use clipmill_plugins::Registry;

use crate::abort_on_drop::AbortOnDrop;
use crate::context::PipelineContext;
use crate::fetch::Begun;
use crate::ffmpeg::Tools;
use crate::{
    ArtifactStore, Encoded, Fetched, JobRequest, PipelineSettings, ProgressReporter, Retained,
    Trimmed, fetch, retain, smart_cut, transcode, trim,
};

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
    ) -> Pipeline {
        Pipeline { context: Arc::new(PipelineContext { settings, tools, registry, client }) }
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
        // The processor has little to do while bytes arrive.
        let early_head = OnceLock::new();
        let begun = |begun| {
            let context = Arc::clone(&self.context);
            early_head.get_or_init(|| Arc::new(AbortOnDrop::begin(encode_head(context, begun))));
        };
        let fetched = fetch::fetch(&self.context, request, progress, &begun).await?;
        Ok(Fetched { early_head: early_head.into_inner(), ..fetched })
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

/// Early start: runs what has arrived of a clip through the next stages as far
/// as the head of its smart cut. The result is a guess: the smart cut uses it
/// only if it orders the very same head when all bytes are there.
async fn encode_head(context: Arc<PipelineContext>, mut begun: Begun) -> Option<smart_cut::Order> {
    let (index, here) = begun.first_key().await?;
    let made = async {
        let Some(trimmed) = trim::ahead(begun.look(&context).await?, index).await? else {
            return Ok(None);
        };
        transcode::head(&context, trimmed, here).await
    };
    made.await
        .inspect_err(|error: &Error| {
            tracing::debug!(error = %error.chain(), "no head is encoded early");
        })
        .ok()
        .flatten()
}
