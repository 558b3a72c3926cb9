//! Video and audio: which of them are wanted, and where they are apart.

use clipmill_core::probe::Probe;
use clipmill_core::{Code, Error};

use crate::ffmpeg::no_video;

/// Which tracks of a file are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WantedTracks {
    pub video: bool,
    /// The first audio track.
    pub audio: bool,
}

impl WantedTracks {
    /// Those of a file with the audio alone.
    pub const AUDIO: WantedTracks = WantedTracks { video: false, audio: true };

    /// Checks that a file has the video that is wanted of it.
    ///
    /// # Errors
    /// `no_video`.
    pub fn check(self, probe: &Probe) -> Result<(), Error> {
        if self.video && probe.video.is_none() { Err(no_video("source")) } else { Ok(()) }
    }
}

/// Something of the video, and of the audio where that is apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VideoAndAudio<T> {
    pub video: T,
    /// None when the audio is in the same file as the video, or when there is none.
    pub audio: Option<T>,
}

impl<T> VideoAndAudio<T> {
    /// The same of something else.
    pub fn map<U>(self, of: impl Fn(T) -> U) -> VideoAndAudio<U> {
        VideoAndAudio { video: of(self.video), audio: self.audio.map(of) }
    }

    /// The tracks that are wanted of the file with the video.
    pub fn video_tracks(&self) -> WantedTracks {
        WantedTracks { video: true, audio: self.audio.is_none() }
    }
}

/// The audio may end before the video: none when it ends before the span.
pub(super) fn may_end_early<T>(audio: Result<T, Error>) -> Result<Option<T>, Error> {
    match audio {
        Ok(audio) => Ok(Some(audio)),
        Err(error) if error.code == Code::NoSuchSpan => Ok(None),
        Err(error) => Err(error),
    }
}
