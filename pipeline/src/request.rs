//! What a job asks of the pipeline.

use std::path::PathBuf;
use std::sync::Arc;

use clipmill_core::{Id, Moment, OutputFormat, Resolution, Span};
use url::Url;

use crate::artifact_store::ArtifactStore;

/// One job, as the first stage takes it.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// Names work files and the artifact.
    pub id: Id,
    /// A folder of its own for half-made files; may hold what an earlier,
    /// interrupted attempt left.
    pub folder: PathBuf,
    /// Where the bytes come from.
    pub source: SourceRequest,
    /// What the job is to produce.
    pub rendition: Rendition,
}

/// Where the bytes come from.
#[derive(Debug, Clone)]
pub enum SourceRequest {
    /// A remote source.
    Remote {
        /// Its address.
        url: Url,
        /// What is wanted of it.
        span: SpanRequest,
    },
    /// A file in a store (an upload), wanted whole.
    Stored {
        /// The store.
        store: Arc<dyn ArtifactStore>,
        /// Its name there.
        name: String,
    },
    /// A local file, wanted whole or in part.
    Local {
        /// Where it is; not changed and not removed.
        path: PathBuf,
        /// Part of it; none for all.
        span: Option<Span>,
    },
}

/// What is wanted of a remote source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SpanRequest {
    /// In the source's own time.
    Fixed(Span),
    /// Around a wall-clock moment of a live stream.
    Moment(Moment),
    /// All of it.
    Whole,
}

/// What a job is to produce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendition {
    /// A clip by the reference service's rule: the best format at or below the
    /// resolution in the asked container, the source's codecs where possible.
    Clip {
        /// The file format that is asked for.
        format: OutputFormat,
        /// The highest resolution that is asked for.
        resolution: Resolution,
    },
    /// An encode with a named codec.
    Encode {
        /// Name of a codec in the registry.
        codec: String,
        /// One of its qualities.
        quality: String,
    },
}
