//! Getting the bytes that a span needs.
//!
//! Local files stay where they are. Of a remote file that can be had over
//! HTTP, a relay on the loopback address serves ffmpeg what it asks for, and
//! only the span is copied; everything else the source downloads itself.

mod budget;
mod choose;
mod manifest;
mod meter;
mod own;
mod part;
mod relay;
mod request;
mod span;
mod upstream;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use clipmill_plugins::media::{Format, Live, MediaInfo, Transport};
use clipmill_plugins::{ResolveOptions, Source, SourceError};
use clipmill_storage::Span;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWriteExt;
use url::Url;

use self::budget::Budget;
use self::choose::Choice;
use self::part::Need;
use self::request::Remote;
use self::upstream::{Opened, Renew, Upstream};
use super::media::{Media, MediaFile};
use super::patience::patiently;
use super::street::Shop;
use super::{Ask, Fetched, Gauge, Rendition, SourceAsk, SpanAsk, StageError, workspace};
use crate::ffmpeg::Input;

/// Gets the bytes, or finds those of an earlier attempt.
pub(super) async fn fetch(shop: &Shop, ask: Ask, gauge: &Gauge) -> Result<Fetched, StageError> {
    workspace::prepare(&ask.folder).await?;
    let work = async {
        match &ask.source {
            SourceAsk::Local { path, span } => local(shop, &ask, path, *span).await,
            SourceAsk::Stored { store, name } => {
                let brought = patiently(|| store.bring(name, &ask.folder)).await?;
                let path = brought.ok_or_else(|| {
                    StageError::never("file_gone", "the uploaded file is no longer there")
                })?;
                local(shop, &ask, &path, None).await
            }
            SourceAsk::Remote { url, span } => {
                if let Some(fetched) = manifest::load(&ask).await {
                    tracing::info!("an earlier attempt has fetched it already");
                    return Ok(fetched);
                }
                workspace::renew(&ask.folder).await?;
                let fetched = remote(shop, &ask, url, *span, gauge).await?;
                manifest::save(&ask, &fetched).await?;
                gauge.downloading(100.0, None, None);
                Ok(fetched)
            }
        }
    };
    tokio::time::timeout(shop.stage_deadline(), work)
        .await
        .map_err(|_| StageError::later("stage_timeout", "getting the video took too long"))?
}

async fn local(
    shop: &Shop,
    ask: &Ask,
    path: &Path,
    wanted: Option<Span>,
) -> Result<Fetched, StageError> {
    let (input, probe) = (Input::file(path).await?, shop.tools.probe(path).await?);
    let span = match wanted {
        Some(span) => Some(span::clip(span, probe.duration)?),
        None => None,
    };
    let media = Media { video: MediaFile::whole(path, input.demuxer, probe), audio: None };
    Ok(Fetched {
        received_bytes: 0,
        rendition: ask.rendition.clone(),
        span,
        available_formats: None,
        note: None,
        media,
        folder: ask.folder.clone(),
    })
}

async fn remote(
    shop: &Shop,
    ask: &Ask,
    url: &Url,
    wanted: SpanAsk,
    gauge: &Gauge,
) -> Result<Fetched, StageError> {
    let source =
        shop.registry.source_for(url).await.ok_or_else(|| {
            StageError::never("unsupported_url", "no source here knows this address")
        })?;
    let info = source.resolve(url, ResolveOptions::default()).await?;
    let (span, mut note) = span::resolve(wanted, &info)?;
    let (format, max_height) = match &ask.rendition {
        Rendition::Clip { format, max_height } => (format.as_str(), *max_height),
        Rendition::Encode { .. } => ("best", None),
    };
    let choice = choose::choose(&info.formats, format, max_height)
        .ok_or_else(|| StageError::never("no_video", "the source offers no moving picture"))?;
    let running = matches!(info.live, Live::Running { .. });
    let remotes = remotes(choice);
    if running && (remotes.is_none() || span.is_none()) {
        return Err(span::still_live());
    }
    let limit = shop.clips.max_download_mb.saturating_mul(1024 * 1024);
    let budget = Arc::new(Budget::new(limit));
    let received = Arc::clone(&budget);
    let job = Job { shop, source: &source, url, info: &info, choice, span, running, budget };
    let relayed = match remotes {
        Some(remotes) => Some(job.relay(remotes, &ask.folder, gauge).await),
        None => None,
    };
    let (media, own) = match relayed {
        Some(Ok(media)) => (media, false),
        Some(Err(error)) if !is_ours(&error) || running => return Err(error),
        relayed => {
            let download =
                own::download(shop, &*source, url, choice, span, &ask.folder, gauge).await;
            match (download, relayed) {
                (Ok(media), _) => (media, true),
                // The first reason is the better one.
                (Err(_), Some(Err(error))) => return Err(error),
                (Err(error), _) => return Err(error),
            }
        }
    };
    if own {
        let own = "the source's own download was used";
        note = Some(note.map_or_else(|| own.to_owned(), |note| format!("{note}; {own}")));
    }
    // What the source downloads itself is known by its files only.
    let own_bytes = if own { media.bytes() } else { 0 };
    Ok(Fetched {
        received_bytes: received.received() + own_bytes,
        rendition: ask.rendition.clone(),
        span,
        available_formats: Some(choose::heights(&info.formats)),
        note,
        media,
        folder: ask.folder.clone(),
    })
}

/// Whether the source may do better itself: where our skill does not reach, or
/// where the server refuses us an address that the source has just given.
fn is_ours(error: &StageError) -> bool {
    matches!(error.code, "not_media" | "encode_failed" | "cut_mismatch" | "private_video")
}

/// Where the chosen formats are, if all can be had over HTTP.
fn remotes(choice: Choice<'_>) -> Option<(Remote, Option<Remote>)> {
    let video = remote_of(choice.video)?;
    match choice.audio {
        Some(audio) => Some((video, Some(remote_of(audio)?))),
        None => Some((video, None)),
    }
}

fn remote_of(format: &Format) -> Option<Remote> {
    match &format.transport {
        Transport::Progressive { url, headers } => {
            Some(Remote { url: url.clone(), headers: headers.clone() })
        }
        Transport::Hls { .. } | Transport::Dash { .. } | Transport::Opaque => None,
    }
}

/// One fetch over HTTP.
struct Job<'a> {
    shop: &'a Shop,
    source: &'a Arc<dyn Source>,
    url: &'a Url,
    info: &'a MediaInfo,
    choice: Choice<'a>,
    span: Option<Span>,
    running: bool,
    budget: Arc<Budget>,
}

impl Job<'_> {
    async fn relay(
        &self,
        (video, audio): (Remote, Option<Remote>),
        folder: &Path,
        gauge: &Gauge,
    ) -> Result<Media, StageError> {
        let expected = self.expected();
        // A cast of a float saturates.
        workspace::room_for(folder, expected.unwrap_or(0.0) as u64)?;
        let get = |remote, format, name: &str, picture, sound| {
            self.get(remote, format, folder.join(name), (picture, sound))
        };
        let both = async {
            let (video_file, audio_file) = (self.choice.video, self.choice.audio);
            let video = get(video, video_file, "video", true, audio.is_none());
            match audio.zip(audio_file) {
                None => Ok(Media { video: video.await?, audio: None }),
                Some((audio, format)) => {
                    let audio = async {
                        match get(audio, format, "audio", false, true).await {
                            Ok(audio) => Ok(Some(audio)),
                            // The sound may end before the picture.
                            Err(error) if error.code == "no_such_span" => Ok(None),
                            Err(error) => Err(error),
                        }
                    };
                    let (video, audio) = tokio::try_join!(video, audio)?;
                    Ok(Media { video, audio })
                }
            }
        };
        meter::metered(gauge, &self.budget, expected, both).await
    }

    /// One file, or the part of it that is needed.
    async fn get(
        &self,
        remote: Remote,
        format: &Format,
        stem: std::path::PathBuf,
        (picture, sound): (bool, bool),
    ) -> Result<MediaFile, StageError> {
        let renew = self.renew(&format.id);
        let client = self.shop.client.clone();
        let opened = Upstream::open(client, remote, renew, Arc::clone(&self.budget)).await?;
        let whole = stem.with_extension("source");
        match (opened, self.span) {
            (Opened::Ranged(file), Some(span)) => {
                let need = Need { span, picture, sound, growing: self.running };
                return part::part(self.shop, file, need, &stem).await;
            }
            (Opened::Ranged(file), None) => {
                let bytes = file.read(0, u64::MAX);
                let saved = save(bytes, &whole).await;
                match file.failure() {
                    Some(failure) => return Err(failure),
                    None => saved?,
                }
            }
            (Opened::Whole(response), _) => {
                let bytes = response.stream().map(|bytes| {
                    let bytes =
                        bytes.map_err(|error| StageError::from(SourceError::from(error)))?;
                    self.budget.take(bytes.len()).map(|()| bytes)
                });
                save(bytes, &whole).await?;
            }
        }
        let input = Input::file(&whole).await?;
        let probe = self.shop.tools.inspect(&input).await?;
        if picture && probe.video.is_none() {
            return Err(StageError::never("no_video", "the source holds no moving picture"));
        }
        if let Some(span) = self.span {
            span::clip(span, probe.duration)?;
        }
        Ok(MediaFile::whole(&whole, input.demuxer, probe))
    }

    /// Resolves again when an address has expired.
    fn renew(&self, format: &str) -> Renew {
        let (source, url, format) = (Arc::clone(self.source), self.url.clone(), format.to_owned());
        Arc::new(move || {
            let (source, url, format) = (Arc::clone(&source), url.clone(), format.clone());
            Box::pin(async move {
                let info = source.resolve(&url, ResolveOptions { fresh: true }).await?;
                let found = info.formats.iter().find(|found| found.id == format);
                found.and_then(remote_of).ok_or_else(|| {
                    SourceError::later("source_failed", "the source does not offer this any more")
                })
            })
        })
    }

    /// Bytes that will be needed, roughly.
    fn expected(&self) -> Option<f64> {
        let share = match (self.span, self.info.duration.filter(|duration| *duration > 0.0)) {
            (None, _) => Some(1.0),
            (Some(span), Some(all)) => Some(((span.end - span.start + 4.0) / all).min(1.0)),
            (Some(_), None) => None,
        };
        let bytes = |format: &Format| {
            let by_size = format.size.map(|size| size as f64);
            let by_rate = || Some(format.bitrate? / 8.0 * self.info.duration?);
            Some(by_size.or_else(by_rate)? * share?)
        };
        let audio = self.choice.audio.map_or(Some(0.0), bytes);
        Some(bytes(self.choice.video)? + audio?).filter(|all| *all > 0.0)
    }
}

/// Writes bytes to a file as they come.
async fn save<E: Into<Trouble>>(
    bytes: impl Stream<Item = Result<Bytes, E>>,
    path: &Path,
) -> Result<(), StageError> {
    let failed = |error: std::io::Error| workspace::explain(&error);
    let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
    let mut bytes = std::pin::pin!(bytes);
    while let Some(bytes) = bytes.next().await {
        let bytes = bytes.map_err(|error| error.into().0)?;
        file.write_all(&bytes).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)
}

/// Either kind of error that a stream of bytes ends with.
struct Trouble(StageError);

impl From<StageError> for Trouble {
    fn from(error: StageError) -> Trouble {
        Trouble(error)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble(workspace::explain(&error))
    }
}
