//! One fetch of a stream in segments: picture and sound by their playlists.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clipmill_core::probe::{Format, MediaInfo, Transport};
use clipmill_core::{Code, Error, Retry, Span};
use clipmill_media::ts;
use clipmill_plugins::ResolveOptions;
use tokio::time::Instant;

use crate::fetch::context::Means;
use crate::fetch::segmented::dash::{self, Found, Wanted};
use crate::fetch::segmented::hls::{self, Running, Taste};
use crate::fetch::segmented::{Fetcher, Need, Reel};
use crate::fetch::select_format::Choice;
use crate::fetch::span::still_live;
use crate::fetch::strategy::{Job, may_end_early};
use crate::fetch::transfer::range_request::Remote;
use crate::fetch::transfer::transfer_progress;
use crate::local_media::{LocalMedia, MediaFile};
use crate::{ProgressReporter, workspace};

/// How far apart picture and sound may say that the stream begins, microseconds.
const APART: i64 = 2_000_000;

/// By how much a list may begin after the span, seconds: its times are rounded.
const EARLY: f64 = 0.001;
/// How far ahead of a running stream a span may begin to be waited for here,
/// seconds.
const FAR: f64 = 30.0;
/// How long a server may have nothing where its list of a running stream says
/// that a segment is: its clock is not ours.
const LATE: Duration = Duration::from_secs(15);
/// The longest wait for a span that is farther ahead.
const NEXT_LOOK: Duration = Duration::from_secs(60);

/// Where a stream is described.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stream {
    /// By an HLS playlist.
    Hls(Remote),
    /// By a DASH manifest, as this format.
    Dash(Remote, Box<Format>),
}

/// One rendition of a stream.
#[derive(Debug, Clone, PartialEq)]
enum Rendition {
    Hls(Remote),
    Dash(Remote, Wanted),
}

/// A rendition as it can be got.
enum Source {
    Reel(Reel),
    File(Remote),
}

/// Picture, and the sound if it is apart.
pub(crate) type Streams = (Stream, Option<Stream>);

/// Where the chosen formats are, if all come in segments.
pub(crate) fn of(choice: Choice<'_>) -> Option<Streams> {
    let video = stream(choice.video)?;
    match choice.audio {
        Some(audio) => Some((video, Some(stream(audio)?))),
        None => Some((video, None)),
    }
}

fn stream(format: &Format) -> Option<Stream> {
    match &format.transport {
        Transport::Hls { url, headers } => {
            Some(Stream::Hls(Remote { url: url.clone(), headers: headers.clone() }))
        }
        Transport::Dash { url, headers } => {
            let remote = Remote { url: url.clone(), headers: headers.clone() };
            Some(Stream::Dash(remote, Box::new(format.clone())))
        }
        Transport::Progressive { .. } | Transport::Opaque => None,
    }
}

impl Job<'_> {
    /// Gets a file with the picture, and perhaps one with the sound.
    ///
    /// # Errors
    /// Those of sources and of ffmpeg; `not_media` and `cut_mismatch` where the
    /// source itself may do better.
    pub async fn segmented(
        &self,
        streams: Streams,
        taste: Taste<'_>,
        running: Option<Running>,
        folder: &Path,
        progress: &ProgressReporter,
    ) -> Result<LocalMedia, Error> {
        let expected = self.expected();
        // A cast of a float saturates.
        workspace::room_for(folder, expected.unwrap_or(0.0) as u64)?;
        let work = async {
            let error = match self.both_streams(&streams, taste, running, folder).await {
                Err(error) if matches!(error.code, Code::PrivateVideo | Code::RemovedVideo) => {
                    error
                }
                done => return done,
            };
            // The addresses may have expired.
            let fresh = self.source.resolve(self.url, ResolveOptions { fresh: true }).await?;
            match self.again(&fresh).filter(|fresh| *fresh != streams) {
                Some(fresh) => self.both_streams(&fresh, taste, running, folder).await,
                None => Err(error),
            }
        };
        transfer_progress::metered(progress, &self.means.budget, expected, work).await
    }

    /// The same formats in a fresh answer.
    fn again(&self, fresh: &MediaInfo) -> Option<Streams> {
        let same = |format: &Format| fresh.formats.iter().find(|found| found.id == format.id);
        let video = same(self.choice.video)?;
        let audio = match self.choice.audio {
            Some(audio) => Some(same(audio)?),
            None => None,
        };
        of(Choice { video, audio })
    }

    async fn both_streams(
        &self,
        (video, audio): &Streams,
        taste: Taste<'_>,
        running: Option<Running>,
        folder: &Path,
    ) -> Result<LocalMedia, Error> {
        let (video_stem, audio_stem) = (folder.join("video"), folder.join("audio"));
        for stem in [&video_stem, &audio_stem] {
            workspace::renew(&super::folder(stem)).await?;
        }
        let fetcher = Fetcher::new(self.context, &self.means);
        let sound = async {
            match audio {
                Some(audio) => find(&fetcher, audio, taste).await.map(Some),
                None => Ok(None),
            }
        };
        let (picture, sound) = tokio::try_join!(find(&fetcher, video, taste), sound)?;
        let sound = sound.map(|(sound, _)| sound).or(picture.1);
        let apart = sound.is_some();
        let means = &self.means;
        let load = Load { fetcher: &fetcher, means, span: self.span, running, apart };
        let sound = async {
            match &sound {
                Some(sound) => Box::pin(load.source(sound, false, &audio_stem)).await.map(Some),
                None => Ok(None),
            }
        };
        let picture = Box::pin(load.source(&picture.0, true, &video_stem));
        let (picture, sound) = tokio::try_join!(picture, sound)?;
        let (picture, sound) = match (picture, sound) {
            (Source::Reel(picture), None) => (picture, None),
            (Source::Reel(picture), Some(Source::Reel(sound))) => (picture, Some(sound)),
            (Source::File(picture), None) => {
                return Box::pin(self.files(picture, None, folder)).await;
            }
            (Source::File(picture), Some(Source::File(sound))) => {
                return Box::pin(self.files(picture, Some(sound), folder)).await;
            }
            _ => {
                let odd = "picture and sound are described in two different ways";
                return Err(Error::never(Code::NotMedia, odd));
            }
        };
        let need = |picture, sound| Need { span: self.span, picture, sound, apart };
        let audio = async {
            match &sound {
                Some(reel) => {
                    let made = Box::pin(fetcher.fetch(reel, need(false, true), &audio_stem)).await;
                    may_end_early(made)
                }
                None => Ok(None),
            }
        };
        let video = Box::pin(fetcher.fetch(&picture, need(true, !apart), &video_stem));
        let (video, audio) = tokio::try_join!(video, audio)?;
        let audio = match audio {
            Some(audio) => Some(on_one_clock(&video, audio)?),
            None => None,
        };
        Ok(LocalMedia { video, audio })
    }
}

/// The renditions that a stream means.
async fn find(
    fetcher: &Fetcher<'_>,
    stream: &Stream,
    taste: Taste<'_>,
) -> Result<(Rendition, Option<Rendition>), Error> {
    match stream {
        Stream::Hls(remote) => {
            let (video, audio) = hls::find(fetcher, remote, taste).await?;
            Ok((Rendition::Hls(video), audio.map(Rendition::Hls)))
        }
        Stream::Dash(remote, format) => {
            let (video, audio) = dash::find(fetcher, remote, format, taste).await?;
            let of = |wanted| Rendition::Dash(remote.clone(), wanted);
            Ok((of(video), audio.map(of)))
        }
    }
}

/// How lists of segments are read, and waited for while they grow.
struct Load<'a> {
    fetcher: &'a Fetcher<'a>,
    means: &'a Means,
    span: Option<Span>,
    running: Option<Running>,
    apart: bool,
}

impl Load<'_> {
    /// A rendition that holds the span; of a running stream what there is of it
    /// is fetched meanwhile, because it may leave the list.
    async fn source(
        &self,
        rendition: &Rendition,
        picture: bool,
        stem: &Path,
    ) -> Result<Source, Error> {
        let mut known: Option<Reel> = None;
        let mut late: Option<Instant> = None;
        loop {
            let listed = match rendition {
                Rendition::Hls(remote) => hls::read(self.fetcher, remote, self.running).await?,
                Rendition::Dash(remote, wanted) => {
                    match dash::read(self.fetcher, remote, wanted, self.running).await? {
                        Found::Listed(listed) => listed,
                        Found::File(remote) => return Ok(Source::File(remote)),
                    }
                }
            };
            let (ended, pause) = (listed.ended, listed.pause);
            // Two lists of guessed times don't fit each other.
            if listed.rough && self.apart {
                return Err(still_live());
            }
            self.means.guessed.fetch_or(listed.rough, Ordering::Relaxed);
            let reel = match known.take() {
                Some(mut known) => {
                    known.grow(listed.reel);
                    known
                }
                None => listed.reel,
            };
            let (begin, end) = reel.span().unwrap_or_default();
            let Some(span) = self.span else {
                return if ended { Ok(Source::Reel(reel)) } else { Err(still_live()) };
            };
            // What has left the list is in the recording.
            if self.running.is_some() && begin > span.start.max(0.0) + EARLY {
                return Err(still_live());
            }
            let listed = ended || end >= span.end;
            if self.running.is_none() {
                return if listed { Ok(Source::Reel(reel)) } else { Err(still_live()) };
            }
            if !listed && span.start > end + FAR {
                let wait = Duration::try_from_secs_f64(span.start - end).unwrap_or(NEXT_LOOK);
                return Err(not_yet(wait.min(NEXT_LOOK)));
            }
            let ahead = match span.start < end {
                true => self.fetcher.ahead(&reel, span, picture, stem).await,
                false => Ok(()),
            };
            match ahead {
                Ok(()) if listed => return Ok(Source::Reel(reel)),
                Ok(()) => late = None,
                Err(error) if error.code != Code::RemovedVideo => return Err(error),
                Err(error) => {
                    if late.get_or_insert_with(Instant::now).elapsed() > LATE {
                        return Err(error);
                    }
                }
            }
            known = Some(reel);
            tokio::time::sleep(pause).await;
        }
    }
}

/// The stream has not come to the span yet.
fn not_yet(wait: Duration) -> Error {
    still_live().with_retry(Retry::After(wait))
}

/// The sound with its clock as near to that of the picture as it is: one of
/// them may have begun anew between the two.
fn on_one_clock(video: &MediaFile, mut audio: MediaFile) -> Result<MediaFile, Error> {
    let wrap = i64::try_from(ts::CLOCK_WRAP).unwrap_or(i64::MAX).saturating_mul(1_000_000)
        / ts::TICKS_PER_SECOND;
    let begins = |file: &MediaFile| file.zero_micros.saturating_sub(file.shift_micros);
    let off = begins(&audio).saturating_sub(begins(video));
    let turns = (off + off.signum() * (wrap / 2)) / wrap;
    audio.shift_micros = audio.shift_micros.saturating_add(turns * wrap);
    if (off - turns * wrap).abs() > APART {
        return Err(Error::never(Code::CutMismatch, "picture and sound do not begin together"));
    }
    Ok(audio)
}
