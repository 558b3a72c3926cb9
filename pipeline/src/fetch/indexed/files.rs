//! Fetches files whose own index states which bytes a span needs: plan, download,
//! assemble.
//!
//! The indexes of video and audio are read at the same time. Then what the span
//! needs of both arrives over the connections that they share. A file whose index
//! can't be read is downloaded whole; of a transport stream or Matroska, and of a
//! file that still grows, ffmpeg copies a part through the relay.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clipmill_core::disk::file_error;
use clipmill_core::net::Response;
use clipmill_core::{Code, Error, FileFormat, sniff};
use tokio::io::AsyncWriteExt;

use super::plan::{PlanError, PlannedFile, plan_clip, plan_whole};
use crate::fetch::context::FetchContext;
use crate::fetch::relay::{RemuxRequest, remux};
use crate::fetch::tracks::{VideoAndAudio, WantedTracks, may_end_early};
use crate::fetch::transfer::{
    FirstMissing, OpenedFile, RangeDownload, RemoteAddress, RemoteFile, download,
};
use crate::ffmpeg::Input;
use crate::local_media::{LocalMedia, MediaFile};
use crate::workspace;

/// First bytes of a file, which are requested at once.
const HEAD: u64 = 256 * 1024;

/// One remote file, and what is wanted of it.
pub struct IndexedFile<'a> {
    pub address: RemoteAddress,
    /// The source's name of the format.
    pub format_id: &'a str,
    /// The local file without its extension.
    pub stem: PathBuf,
    pub tracks: WantedTracks,
}

/// How a file is fetched.
enum FilePlan {
    /// What is needed of it arrives over several connections.
    Ranges(PlannedFile),
    /// In another way.
    Other(OtherWay),
}

/// The ways that don't need an index.
enum OtherWay {
    /// ffmpeg reads it through the relay.
    Relay(Arc<RemoteFile>),
    /// All of it arrives with the one response that there is.
    Whole(Box<Response>),
}

/// A file whose bytes are here.
enum Downloaded {
    /// They are still to be probed.
    Ranges(PlannedFile),
    /// It is ready; none where it ends before the span.
    Ready(Option<Box<MediaFile>>),
}

/// Gets a file with the video, and perhaps one with the audio.
///
/// # Errors
/// Those of sources and of ffmpeg.
pub async fn fetch_indexed(
    context: &FetchContext<'_>,
    files: &VideoAndAudio<IndexedFile<'_>>,
) -> Result<LocalMedia, Error> {
    let files = IndexedFiles { context, video: &files.video, audio: files.audio.as_ref() };
    let (video, audio) = files.plan().await?;
    let (video, audio) = files.download(video, audio).await?;
    files.assemble(video, audio).await
}

/// What is fetched together.
struct IndexedFiles<'a> {
    context: &'a FetchContext<'a>,
    video: &'a IndexedFile<'a>,
    audio: Option<&'a IndexedFile<'a>>,
}

impl IndexedFiles<'_> {
    /// How each file is fetched.
    async fn plan(&self) -> Result<(FilePlan, Option<FilePlan>), Error> {
        let audio = async {
            match self.audio {
                Some(audio) => may_end_early(audio.plan(self.context).await),
                None => Ok(None),
            }
        };
        tokio::try_join!(self.video.plan(self.context), audio)
    }

    /// Gets the bytes of both.
    async fn download(
        &self,
        video: FilePlan,
        audio: Option<FilePlan>,
    ) -> Result<(Downloaded, Downloaded), Error> {
        let (video_ranges, video_other) = video.split();
        let (audio_ranges, audio_other) = audio.map_or((None, None), FilePlan::split);
        let is_size_known = video_other.is_none() && audio_other.is_none();
        let (video, audio) = (video_ranges.as_ref(), audio_ranges.as_ref());
        let ranges = self.download_ranges(video, audio, is_size_known);
        let video_file = self.video.fetch_otherwise(self.context, video_other);
        let audio_file = async {
            let Some(audio) = self.audio else { return Ok(None) };
            may_end_early(audio.fetch_otherwise(self.context, audio_other).await)
        };
        let ((), video_file, audio_file) = tokio::try_join!(ranges, video_file, audio_file)?;
        let audio_file = audio_file.flatten();
        Ok((Downloaded::new(video_ranges, video_file), Downloaded::new(audio_ranges, audio_file)))
    }

    /// Downloads the ranges of both, and lets the next stages start early with the
    /// video.
    async fn download_ranges(
        &self,
        video: Option<&PlannedFile>,
        audio: Option<&PlannedFile>,
        is_size_known: bool,
    ) -> Result<(), Error> {
        let both = video.into_iter().chain(audio);
        let downloads: Vec<RangeDownload<'_>> = both.flat_map(PlannedFile::downloads).collect();
        let bytes = downloads.iter().map(|range| range.source.len).fold(0, u64::saturating_add);
        if is_size_known {
            self.context.transfer.budget.announce(bytes)?;
        }
        workspace::room_for(self.context.folder, bytes)?;
        let partial = video.and_then(PlannedFile::partial);
        if let Some((file, _)) = &partial {
            (self.context.on_partial_file)(file.clone());
        }
        let on_progress = |first_missing: FirstMissing| {
            if let (Some((_, arrived)), Some(video)) = (&partial, video) {
                arrived.send_replace(video.arrived(first_missing));
            }
        };
        download(&self.context.transfer, &downloads, &on_progress).await
    }

    /// Looks at the files.
    async fn assemble(&self, video: Downloaded, audio: Downloaded) -> Result<LocalMedia, Error> {
        let audio = async {
            let Some(file) = self.audio else { return Ok(None) };
            may_end_early(file.assemble(self.context, audio).await)
        };
        let (video, audio) = tokio::try_join!(self.video.assemble(self.context, video), audio)?;
        let video = video.ok_or_else(|| Error::never(Code::Internal, "no picture was got"))?;
        Ok(LocalMedia { video, audio: audio.flatten() })
    }
}

impl FilePlan {
    fn split(self) -> (Option<PlannedFile>, Option<OtherWay>) {
        match self {
            FilePlan::Ranges(planned) => (Some(planned), None),
            FilePlan::Other(way) => (None, Some(way)),
        }
    }
}

impl Downloaded {
    fn new(ranges: Option<PlannedFile>, file: Option<MediaFile>) -> Downloaded {
        ranges.map_or(Downloaded::Ready(file.map(Box::new)), Downloaded::Ranges)
    }
}

impl IndexedFile<'_> {
    /// Opens the file, and reads its index where that is of use.
    async fn plan(&self, context: &FetchContext<'_>) -> Result<FilePlan, Error> {
        let renew = context.renew_address(self.format_id);
        let transfer = Arc::clone(&context.transfer);
        let file = match RemoteFile::open(transfer, self.address.clone(), renew, HEAD).await? {
            OpenedFile::Whole(response) => return Ok(FilePlan::Other(OtherWay::Whole(response))),
            OpenedFile::Ranged(file) => file,
        };
        // ffmpeg finds out how far a growing file reaches.
        if context.span.is_some() && context.is_running {
            return Ok(FilePlan::Other(OtherWay::Relay(file)));
        }
        let remote = Arc::clone(&file);
        let Some(span) = context.span else {
            return Ok(FilePlan::Ranges(plan_whole(remote, &self.stem).await?));
        };
        match plan_clip(remote, span, self.tracks, &self.stem).await {
            Ok(planned) => Ok(FilePlan::Ranges(planned)),
            Err(PlanError::Unreadable(reason)) if copies_keep_times(&file) => {
                tracing::info!(reason, "our reader can't read the file; ffmpeg reads it");
                Ok(FilePlan::Other(OtherWay::Relay(file)))
            }
            Err(PlanError::Unreadable(reason)) => {
                tracing::info!(reason, "our reader can't read the file; all of it is downloaded");
                context.downloads_whole.store(true, Ordering::Relaxed);
                let planned = plan_whole(file, &self.stem).await?;
                Ok(FilePlan::Ranges(planned))
            }
            Err(PlanError::Failed(error)) => Err(error),
        }
    }

    /// Gets the file in a way that needs no index; none when it is not to be.
    async fn fetch_otherwise(
        &self,
        context: &FetchContext<'_>,
        way: Option<OtherWay>,
    ) -> Result<Option<MediaFile>, Error> {
        match way {
            Some(OtherWay::Relay(file)) => match self.remux(context, Arc::clone(&file)).await {
                Err(error) if !context.is_running && is_of_the_copy(&error) => {
                    tracing::info!(error = %error.chain(), "a part of the file can't be copied");
                    self.download_whole(context, file).await.map(Some)
                }
                copied => copied.map(Some),
            },
            Some(OtherWay::Whole(response)) => {
                let path = self.stem.with_extension("source");
                save_response(*response, &path, context).await?;
                self.probe_whole(context, &path).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Looks at a file whose bytes are here; none when there is none.
    async fn assemble(
        &self,
        context: &FetchContext<'_>,
        downloaded: Downloaded,
    ) -> Result<Option<MediaFile>, Error> {
        let planned = match downloaded {
            Downloaded::Ranges(planned) => planned,
            Downloaded::Ready(file) => return Ok(file.map(|file| *file)),
        };
        let remote = planned.remote();
        match planned.finish(context.pipeline, self.tracks).await {
            Ok(file) => Ok(Some(file)),
            Err(PlanError::Unreadable(reason)) => {
                tracing::warn!(reason, "ffprobe can't read our clip file");
                match copies_keep_times(&remote) {
                    true => self.remux(context, remote).await.map(Some),
                    false => self.download_whole(context, remote).await.map(Some),
                }
            }
            Err(PlanError::Failed(error)) => Err(error),
        }
    }

    /// Downloads all of a file, for ffmpeg to read.
    async fn download_whole(
        &self,
        context: &FetchContext<'_>,
        file: Arc<RemoteFile>,
    ) -> Result<MediaFile, Error> {
        context.downloads_whole.store(true, Ordering::Relaxed);
        let planned = plan_whole(file, &self.stem).await?;
        let downloads: Vec<RangeDownload<'_>> = planned.downloads().collect();
        let bytes = downloads.iter().map(|range| range.source.len).fold(0, u64::saturating_add);
        workspace::room_for(context.folder, bytes)?;
        download(&context.transfer, &downloads, &|_| {}).await?;
        Ok(planned.finish(context.pipeline, self.tracks).await?)
    }

    /// Lets ffmpeg copy what is needed, through the relay.
    async fn remux(
        &self,
        context: &FetchContext<'_>,
        file: Arc<RemoteFile>,
    ) -> Result<MediaFile, Error> {
        let span =
            context.span.ok_or_else(|| Error::never(Code::Internal, "no span to be copied"))?;
        let request = RemuxRequest { span, tracks: self.tracks, is_growing: context.is_running };
        remux(context.pipeline, file, request, &self.stem).await
    }

    /// A local file that is all of a remote one.
    async fn probe_whole(
        &self,
        context: &FetchContext<'_>,
        path: &Path,
    ) -> Result<MediaFile, Error> {
        let input = Input::file(path).await?;
        let probe = context.pipeline.tools.probe_input(&input).await?;
        self.tracks.check(&probe)?;
        Ok(MediaFile::whole(path, input.demuxer, probe))
    }
}

/// Whether ffmpeg's copy of a part of a file shows the same as the file. One of MP4
/// shows what edit lists hide; those of AVI and FLV lose times.
fn copies_keep_times(file: &RemoteFile) -> bool {
    let format = sniff(&file.head);
    matches!(format, Some(FileFormat::MpegTs | FileFormat::Matroska | FileFormat::Webm))
}

/// Whether the copy of a part failed, and not the source.
fn is_of_the_copy(error: &Error) -> bool {
    matches!(error.code, Code::NotMedia | Code::EncodeFailed | Code::CutMismatch)
}

/// Writes a response to a file as it arrives.
async fn save_response(
    mut response: Response,
    path: &Path,
    context: &FetchContext<'_>,
) -> Result<(), Error> {
    let mut file = tokio::fs::File::create(path).await.map_err(file_error)?;
    while let Some(bytes) = response.chunk().await? {
        context.transfer.budget.count(bytes.len())?;
        file.write_all(&bytes).await.map_err(file_error)?;
    }
    file.flush().await.map_err(file_error)
}
