//! The four stages in order.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clipmill_plugins::Registry;
use clipmill_plugins::media::Probe;
use clipmill_plugins::net::Client;
use clipmill_storage::Span;

use super::fetch::Begun;
use super::index::Index;
use super::meanwhile::Meanwhile;
use super::media::Media;
use super::trim::Exact;
use super::{Ask, Gauge, Rendition, StageError, cut, fetch, retain, transcode, trim};
use crate::artifacts::Artifacts;
use crate::config::{Clips, Config, EncodeConfig, FetchConfig, Workers};
use crate::ffmpeg::{Bounds, Tools};

/// Longest silence of ffmpeg or a codec, after which it counts as hung: more
/// than any encoder's look-ahead takes.
pub(super) const SILENCE: Duration = Duration::from_secs(300);

/// The stages and what they work with.
#[derive(Clone)]
pub struct Street {
    shop: Arc<Shop>,
}

/// What the stages work with.
pub(super) struct Shop {
    pub clips: Clips,
    pub fetching: FetchConfig,
    pub workers: Workers,
    pub encode: EncodeConfig,
    pub tools: Tools,
    pub registry: Arc<Registry>,
    pub client: Client,
}

/// After fetch: local files that hold the span, from the keyframe before it.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Bytes that came from the source in this attempt.
    pub received_bytes: u64,
    /// What comes out in the end.
    pub rendition: Rendition,
    /// The span in the source's time; none when all of it is wanted.
    pub span: Option<Span>,
    /// Heights that the source offers, highest first (`1080p`).
    pub available_formats: Option<Vec<String>>,
    /// What a person should know of how it was fetched.
    pub note: Option<String>,
    pub(super) media: Media,
    pub(super) folder: PathBuf,
    /// What a later attempt will find, on its way to the disk while this is held.
    #[expect(dead_code, reason = "it is dropped, nothing else")]
    pub(super) saving: Option<Arc<Meanwhile<()>>>,
    /// The head of the cut, begun before all bytes were there.
    pub(super) ahead: Option<Arc<Meanwhile<Option<cut::Order>>>>,
}

/// After trim: which frames exactly, and the files that hold them.
#[derive(Debug, Clone)]
pub struct Cut {
    /// What a person should know of how it was or will be cut.
    pub note: Option<String>,
    pub(super) fetched: Fetched,
    pub(super) exact: Option<Exact>,
    /// Every sample of the picture's file, where our own reader knows them.
    pub(super) index: Option<Index>,
}

/// After transcode: one finished file.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The file.
    pub path: PathBuf,
    /// Its extension (`mp4`, `webm`, or a codec's own): 1 to 10 of a-z and 0-9.
    pub extension: String,
    /// What it holds.
    pub probe: Probe,
    /// What a person should know of how it was fetched and made.
    pub note: Option<String>,
    /// How many frames are bit for bit the source's own; none when all were
    /// encoded, or when the whole file was copied.
    pub copied_frames: Option<u64>,
}

/// After retain: the file is in the artifact store, durably.
#[derive(Debug, Clone)]
pub struct Retained {
    /// Its key there.
    pub key: String,
    /// Bytes.
    pub size: u64,
}

impl Street {
    /// A street of these handlers and tools.
    pub fn new(config: &Config, tools: Tools, registry: Arc<Registry>, client: Client) -> Street {
        let (clips, workers) = (config.clips.clone(), config.workers.clone());
        let fetching = config.fetch.clone();
        let encode = config.encode.clone();
        Street {
            shop: Arc::new(Shop { clips, fetching, workers, encode, tools, registry, client }),
        }
    }

    /// Gets the bytes that the ask needs.
    ///
    /// # Errors
    /// [`StageError`]
    pub async fn fetch(&self, ask: Ask, gauge: &Gauge) -> Result<Fetched, StageError> {
        // The processor has little to do while bytes come.
        let ahead = OnceLock::new();
        let begun = |begun| {
            let shop = Arc::clone(&self.shop);
            ahead.get_or_init(|| Arc::new(Meanwhile::begin(head(shop, begun))));
        };
        let fetched = fetch::fetch(&self.shop, ask, gauge, &begun).await?;
        Ok(Fetched { ahead: ahead.into_inner(), ..fetched })
    }

    /// Finds the exact frames.
    ///
    /// # Errors
    /// [`StageError`]
    pub async fn trim(&self, fetched: Fetched, _gauge: &Gauge) -> Result<Cut, StageError> {
        trim::trim(&self.shop, fetched).await
    }

    /// Makes the file that was asked for.
    ///
    /// # Errors
    /// [`StageError`]
    pub async fn transcode(&self, cut: Cut, gauge: &Gauge) -> Result<Encoded, StageError> {
        transcode::transcode(&self.shop, cut, gauge).await
    }

    /// Puts the file into the artifact store.
    ///
    /// # Errors
    /// [`StageError`]
    pub async fn retain(
        &self,
        encoded: Encoded,
        key: &str,
        artifacts: &Artifacts,
    ) -> Result<Retained, StageError> {
        retain::retain(encoded, key, artifacts).await
    }

    /// How long one stage may take.
    pub fn stage_deadline(&self) -> Duration {
        self.shop.stage_deadline()
    }
}

/// Sends a clip down the same road when its beginning is there, as far as the
/// head of its cut. What it finds is a guess: whoever cuts compares it with what
/// is wanted when all is there.
async fn head(shop: Arc<Shop>, mut begun: Begun) -> Option<cut::Order> {
    let (index, here) = begun.first_key().await?;
    let made = async {
        let Some(cut) = trim::ahead(begun.look(&shop).await?, index).await? else {
            return Ok(None);
        };
        transcode::head(&shop, cut, here).await
    };
    made.await
        .inspect_err(|error: &StageError| tracing::debug!(%error, "nothing is encoded ahead"))
        .ok()
        .flatten()
}

impl Shop {
    /// How long one stage may take.
    pub fn stage_deadline(&self) -> Duration {
        Duration::from_secs(self.workers.stage_minutes.saturating_mul(60))
    }

    /// How far one ffmpeg may go that writes at most so many bytes.
    pub fn bounds(&self, file_bytes: Option<u64>) -> Bounds {
        let memory = self.workers.ffmpeg_memory_mb.saturating_mul(1024 * 1024);
        Bounds {
            deadline: self.stage_deadline(),
            silence: SILENCE,
            memory_bytes: (memory > 0).then_some(memory),
            file_bytes,
        }
    }
}
