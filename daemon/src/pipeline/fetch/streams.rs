//! One fetch of a stream in segments: picture and sound by their playlists.

use std::path::Path;

use clipmill_media::ts;
use clipmill_plugins::ResolveOptions;
use clipmill_plugins::media::{Format, MediaInfo, Transport};

use super::choose::Choice;
use super::hls::{self, Reels, Taste};
use super::job::{Job, may_end_early};
use super::meter;
use super::request::Remote;
use super::segments::{Fetcher, Need};
use crate::pipeline::media::{Media, MediaFile};
use crate::pipeline::{Gauge, StageError, workspace};

/// How far apart picture and sound may say that the stream begins, microseconds.
const APART: i64 = 2_000_000;

/// Where a stream is described.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stream {
    /// By an HLS playlist.
    Hls(Remote),
}

/// Picture, and the sound if it is apart.
pub(super) type Streams = (Stream, Option<Stream>);

/// Where the chosen formats are, if all come in segments.
pub(super) fn of(choice: Choice<'_>) -> Option<Streams> {
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
        Transport::Dash { .. } | Transport::Progressive { .. } | Transport::Opaque => None,
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
        folder: &Path,
        gauge: &Gauge,
    ) -> Result<Media, StageError> {
        let expected = self.expected();
        // A cast of a float saturates.
        workspace::room_for(folder, expected.unwrap_or(0.0) as u64)?;
        let work = async {
            let error = match self.both_streams(&streams, taste, folder).await {
                Err(error) if matches!(error.code, "private_video" | "removed_video") => error,
                done => return done,
            };
            // The addresses may have expired.
            let fresh = self.source.resolve(self.url, ResolveOptions { fresh: true }).await?;
            match self.again(&fresh).filter(|fresh| *fresh != streams) {
                Some(fresh) => self.both_streams(&fresh, taste, folder).await,
                None => Err(error),
            }
        };
        meter::metered(gauge, &self.means.budget, expected, work).await
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
        folder: &Path,
    ) -> Result<Media, StageError> {
        let fetcher = Fetcher { shop: self.shop, means: &self.means };
        let sound = async {
            match audio {
                Some(audio) => self.reels(&fetcher, audio, taste).await.map(Some),
                None => Ok(None),
            }
        };
        let (picture, sound) = tokio::try_join!(self.reels(&fetcher, video, taste), sound)?;
        let sound = sound.map(|sound| sound.video).or(picture.audio);
        let (span, apart) = (self.span, sound.is_some());
        let need = |picture, sound| Need { span, picture, sound, apart };
        let audio = async {
            match &sound {
                Some(reel) => {
                    let stem = folder.join("audio");
                    may_end_early(fetcher.fetch(reel, need(false, true), &stem).await)
                }
                None => Ok(None),
            }
        };
        let stem = folder.join("video");
        let video = fetcher.fetch(&picture.video, need(true, !apart), &stem);
        let (video, audio) = tokio::try_join!(video, audio)?;
        let audio = match audio {
            Some(audio) => Some(on_one_clock(&video, audio)?),
            None => None,
        };
        Ok(Media { video, audio })
    }

    async fn reels(
        &self,
        fetcher: &Fetcher<'_>,
        stream: &Stream,
        taste: Taste<'_>,
    ) -> Result<Reels, StageError> {
        match stream {
            Stream::Hls(remote) => hls::open(fetcher, remote, taste).await,
        }
    }
}

/// The sound with its clock as near to that of the picture as it is: one of
/// them may have begun anew between the two.
fn on_one_clock(video: &MediaFile, mut audio: MediaFile) -> Result<MediaFile, StageError> {
    let wrap = i64::try_from(ts::WRAP).unwrap_or(i64::MAX).saturating_mul(1_000_000) / ts::TICKS;
    let begins = |file: &MediaFile| file.zero_micros.saturating_sub(file.shift_micros);
    let off = begins(&audio).saturating_sub(begins(video));
    let turns = (off + off.signum() * (wrap / 2)) / wrap;
    audio.shift_micros = audio.shift_micros.saturating_add(turns * wrap);
    if (off - turns * wrap).abs() > APART {
        return Err(StageError::never("cut_mismatch", "picture and sound do not begin together"));
    }
    Ok(audio)
}
