//! One fetch over HTTP: which files, in which way, and what becomes of them.
//!
//! The index of each file is read first, of picture and sound at the same time.
//! Then what the span needs of both comes over the connections that they share.
//! A file whose index is not understood is read by ffmpeg through the relay.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clipmill_core::net::Response;
use clipmill_core::probe::{Format, MediaInfo, Transport};
use clipmill_core::{Code, Error, Span};
use clipmill_plugins::{ResolveOptions, Source};
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::context::PipelineContext;
use crate::fetch::context::Means;
use crate::fetch::indexed::early_start::Filling;
use crate::fetch::indexed::plan::{Cannot, Work, plan};
use crate::fetch::relay::remux;
use crate::fetch::select_format::Choice;
use crate::fetch::span;
use crate::fetch::transfer::download::gather_telling;
use crate::fetch::transfer::origin::Renew;
use crate::fetch::transfer::range_request::Remote;
use crate::fetch::transfer::remote_file::{HEAD, Opened, Upstream};
use crate::fetch::transfer::transfer_progress;
use crate::ffmpeg::{Input, no_video};
use crate::local_media::{LocalMedia, MediaFile};
use crate::{ProgressReporter, workspace};

/// One fetch.
pub(super) struct Job<'a> {
    pub context: &'a PipelineContext,
    pub source: &'a Arc<dyn Source>,
    pub url: &'a Url,
    pub info: &'a MediaInfo,
    pub choice: Choice<'a>,
    /// None when all of it is wanted.
    pub span: Option<Span>,
    /// Whether the source still grows.
    pub running: bool,
    pub means: Arc<Means>,
    /// Is told of the picture's file when its bytes begin to come.
    pub begun: &'a (dyn Fn(Filling) + Sync),
}

/// One remote file and what is wanted of it.
struct Track<'a> {
    remote: Remote,
    format: &'a Format,
    /// The local file without its extension.
    stem: PathBuf,
    picture: bool,
    sound: bool,
}

/// How a file is got.
enum Way {
    /// What is needed of it comes over several connections.
    Own(Work),
    /// ffmpeg reads it through the relay.
    Relay(Arc<Upstream>),
    /// All of it comes with the one answer that there is.
    Whole(Box<Response>),
}

impl Job<'_> {
    /// Gets a file with the picture, and perhaps one with the sound.
    ///
    /// # Errors
    /// Those of sources and of ffmpeg.
    pub async fn progressive(
        &self,
        (video, audio): (Remote, Option<Remote>),
        folder: &Path,
        progress: &ProgressReporter,
    ) -> Result<LocalMedia, Error> {
        let expected = self.expected();
        // A cast of a float saturates.
        workspace::room_for(folder, expected.unwrap_or(0.0) as u64)?;
        let (stem, sound) = (folder.join("video"), audio.is_none());
        let video = Track { remote: video, format: self.choice.video, stem, picture: true, sound };
        let audio = audio.zip(self.choice.audio).map(|(remote, format)| Track {
            remote,
            format,
            stem: folder.join("audio"),
            picture: false,
            sound: true,
        });
        let both = self.both(&video, audio.as_ref(), folder);
        transfer_progress::metered(progress, &self.means.budget, expected, both).await
    }

    /// Gets files whose own index tells what is needed of them.
    ///
    /// # Errors
    /// As [`Job::progressive`].
    pub async fn files(
        &self,
        video: Remote,
        audio: Option<Remote>,
        folder: &Path,
    ) -> Result<LocalMedia, Error> {
        let track = |remote, name: &str, picture, sound| Track {
            remote,
            format: self.choice.video,
            stem: folder.join(name),
            picture,
            sound,
        };
        let video = track(video, "video", true, audio.is_none());
        let audio = audio.map(|audio| track(audio, "audio", false, true));
        self.both(&video, audio.as_ref(), folder).await
    }

    async fn both(
        &self,
        video: &Track<'_>,
        audio: Option<&Track<'_>>,
        folder: &Path,
    ) -> Result<LocalMedia, Error> {
        let sound_way = async {
            match audio {
                Some(audio) => may_end_early(self.way(audio).await),
                None => Ok(None),
            }
        };
        let (picture, sound) = tokio::try_join!(self.way(video), sound_way)?;
        let (own_picture, picture) = picture.split();
        let (own_sound, sound) = sound.map_or((None, None), Way::split);
        let needs: Vec<_> =
            own_picture.iter().chain(&own_sound).flat_map(|work| work.needs()).collect();
        let bytes = needs.iter().map(|need| need.length).fold(0, u64::saturating_add);
        if picture.is_none() && sound.is_none() {
            self.means.budget.expect(bytes)?;
        }
        workspace::room_for(folder, bytes)?;
        let rest = async {
            let sound = async {
                match audio.zip(sound) {
                    Some((audio, way)) => may_end_early(self.other(audio, way).await),
                    None => Ok(None),
                }
            };
            let picture = async {
                match picture {
                    Some(way) => self.other(video, way).await.map(Some),
                    None => Ok(None),
                }
            };
            tokio::try_join!(picture, sound)
        };
        let filling = own_picture.as_ref().and_then(Work::filling);
        let reached = |missing| {
            if let (Some((_, here)), Some(work)) = (&filling, &own_picture) {
                here.send_replace(work.filled(missing));
            }
        };
        if let Some((file, _)) = &filling {
            (self.begun)(file.clone());
        }
        let gathered = gather_telling(&self.means, &needs, &reached);
        let ((), (picture, sound)) = tokio::try_join!(gathered, rest)?;
        drop((needs, filling));
        let finish = async |track: &Track<'_>, work, other| match work {
            Some(work) => self.finish(track, work).await.map(Some),
            None => Ok(other),
        };
        let sound = async {
            match audio {
                Some(audio) => {
                    may_end_early(finish(audio, own_sound, sound).await).map(Option::flatten)
                }
                None => Ok(None),
            }
        };
        let (picture, sound) = tokio::try_join!(finish(video, own_picture, picture), sound)?;
        let video = picture.ok_or_else(|| Error::never(Code::Internal, "no picture was got"))?;
        Ok(LocalMedia { video, audio: sound })
    }

    /// Opens a file, and reads its index where that is of use.
    async fn way(&self, track: &Track<'_>) -> Result<Way, Error> {
        let renew = self.renew(&track.format.id);
        let means = Arc::clone(&self.means);
        let file = match Upstream::open(means, track.remote.clone(), renew, HEAD).await? {
            Opened::Whole(response) => return Ok(Way::Whole(response)),
            Opened::Ranged(file) => file,
        };
        let Some(need) = self.need(track) else {
            return Ok(Way::Own(Work::entire(file, &track.stem).await?));
        };
        // How far a growing file reaches is for ffmpeg to find out.
        if need.growing {
            return Ok(Way::Relay(file));
        }
        match plan(Arc::clone(&file), &need, &track.stem).await {
            Ok(work) => Ok(Way::Own(work)),
            Err(Cannot::ReadIt(reason)) => {
                tracing::info!(reason, "ffmpeg reads the file instead");
                Ok(Way::Relay(file))
            }
            Err(Cannot::Fail(error)) => Err(error),
        }
    }

    async fn other(&self, track: &Track<'_>, way: Other) -> Result<MediaFile, Error> {
        match way {
            Other::Relay(file) => self.relay(track, file).await,
            Other::Whole(response) => {
                let path = track.stem.with_extension("source");
                save(*response, &path, &self.means).await?;
                self.whole(track, &path).await
            }
        }
    }

    async fn finish(&self, track: &Track<'_>, work: Work) -> Result<MediaFile, Error> {
        let remote = work.remote();
        match work.finish(self.context, track.picture).await {
            Ok(file) => Ok(file),
            Err(Cannot::ReadIt(reason)) => {
                tracing::warn!(reason, "ffmpeg reads the file instead");
                self.relay(track, remote).await
            }
            Err(Cannot::Fail(error)) => Err(error),
        }
    }

    async fn relay(&self, track: &Track<'_>, file: Arc<Upstream>) -> Result<MediaFile, Error> {
        let need = self.need(track);
        let need = need.ok_or_else(|| Error::never(Code::Internal, "no span to be copied"))?;
        remux::part(self.context, file, need, &track.stem).await
    }

    /// A local file that is all of a remote one.
    async fn whole(&self, track: &Track<'_>, path: &Path) -> Result<MediaFile, Error> {
        let input = Input::file(path).await?;
        let probe = self.context.tools.inspect(&input).await?;
        if track.picture && probe.video.is_none() {
            return Err(no_video("source"));
        }
        if let Some(span) = self.span {
            span::clip(span, probe.duration)?;
        }
        Ok(MediaFile::whole(path, input.demuxer, probe))
    }

    fn need(&self, track: &Track<'_>) -> Option<remux::Need> {
        let (picture, sound, growing) = (track.picture, track.sound, self.running);
        self.span.map(|span| remux::Need { span, picture, sound, growing })
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
                    Error::later(Code::SourceFailed, "the source does not offer this any more")
                })
            })
        })
    }

    /// Bytes that will be needed, roughly.
    pub fn expected(&self) -> Option<f64> {
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

/// The ways that don't gather.
enum Other {
    Relay(Arc<Upstream>),
    Whole(Box<Response>),
}

impl Way {
    fn split(self) -> (Option<Work>, Option<Other>) {
        match self {
            Way::Own(work) => (Some(work), None),
            Way::Relay(file) => (None, Some(Other::Relay(file))),
            Way::Whole(response) => (None, Some(Other::Whole(response))),
        }
    }
}

/// The sound may end before the picture.
pub(super) fn may_end_early<T>(sound: Result<T, Error>) -> Result<Option<T>, Error> {
    match sound {
        Ok(sound) => Ok(Some(sound)),
        Err(error) if error.code == Code::NoSuchSpan => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the chosen formats are, if all can be had in one file each.
pub(super) fn remotes(choice: Choice<'_>) -> Option<(Remote, Option<Remote>)> {
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

/// Writes an answer to a file as it comes.
async fn save(mut response: Response, path: &Path, means: &Means) -> Result<(), Error> {
    let failed = |error: std::io::Error| workspace::explain(&error);
    let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
    while let Some(bytes) = response.chunk().await.map_err(Error::from)? {
        means.budget.take(bytes.len())?;
        file.write_all(&bytes).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)
}
