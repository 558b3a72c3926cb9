//! Early start: the head of a smart cut is encoded while bytes still arrive,
//! because the processor has little to do until all of them are there.

use std::sync::{Arc, OnceLock};

use clipmill_core::Error;

use crate::abort_on_drop::AbortOnDrop;
use crate::context::PipelineContext;
use crate::fetch::EarlyStart;
use crate::stages::PartEncode;
use crate::{transcode, trim};

/// The encode of one job's head, once the fetch has started it.
pub(crate) struct EarlyHead {
    context: Arc<PipelineContext>,
    task: OnceLock<Arc<AbortOnDrop<Option<PartEncode>>>>,
}

impl EarlyHead {
    /// Nothing runs yet.
    pub fn new(context: Arc<PipelineContext>) -> EarlyHead {
        EarlyHead { context, task: OnceLock::new() }
    }

    /// Starts the encode; a second call does nothing.
    pub fn start(&self, start: EarlyStart) {
        self.task.get_or_init(|| {
            let context = Arc::clone(&self.context);
            Arc::new(AbortOnDrop::spawn(encode_head(context, start)))
        });
    }

    /// The encode, if it was started.
    pub fn into_task(self) -> Option<Arc<AbortOnDrop<Option<PartEncode>>>> {
        self.task.into_inner()
    }
}

/// Runs what has arrived of a clip through the next stages as far as the head of
/// its smart cut. The result is a guess: the smart cut uses it only if it plans
/// the very same encode when all bytes are there.
async fn encode_head(context: Arc<PipelineContext>, mut start: EarlyStart) -> Option<PartEncode> {
    let (index, arrived) = start.first_keyframe().await?;
    let encode = async {
        let fetched = start.probe(&context).await?;
        let Some(trimmed) = trim::trim_early(fetched, index).await? else {
            return Ok(None);
        };
        transcode::encode_head(&context, trimmed, arrived).await
    };
    encode
        .await
        .inspect_err(|error: &Error| {
            tracing::debug!(error = %error.chain(), "no head is encoded early");
        })
        .ok()
        .flatten()
}
