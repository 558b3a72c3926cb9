//! A fetch of which the beginning is there, while the rest still comes.

use std::path::PathBuf;

use clipmill_storage::Span;

use crate::ffmpeg::Input;
use crate::pipeline::media::{Media, MediaFile};
use crate::pipeline::street::Shop;
use crate::pipeline::{Ask, Fetched, Rendition, StageError};

/// Of a work file: its index and the beginning of the picture.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Start {
    /// The file, in its full length.
    pub path: PathBuf,
    /// The source's time 0 in it, microseconds.
    pub zero_micros: i64,
    /// Where the keyframe ends that is the first one in the span: what is
    /// before this place is there, but for the sound.
    pub here: u64,
}

/// What is known of a fetch when the first keyframe of its span is there.
#[derive(Debug)]
pub(in crate::pipeline) struct Begun {
    rendition: Rendition,
    span: Option<Span>,
    folder: PathBuf,
    path: PathBuf,
    zero_micros: i64,
    /// Bytes of the file from its beginning in which no picture is missing.
    pub here: u64,
}

impl Begun {
    /// Of this ask.
    pub(super) fn of(ask: &Ask, span: Option<Span>, start: Start) -> Begun {
        let (rendition, folder) = (ask.rendition.clone(), ask.folder.clone());
        let Start { path, zero_micros, here } = start;
        Begun { rendition, span, folder, path, zero_micros, here }
    }

    /// What the fetch will have brought, as far as it can be seen.
    ///
    /// # Errors
    /// What ffprobe says of it.
    pub async fn look(self, shop: &Shop) -> Result<Fetched, StageError> {
        let input = Input::file(&self.path).await?;
        let probe = shop.tools.inspect(&input).await?;
        let whole = MediaFile::whole(&self.path, input.demuxer, probe);
        let video = MediaFile { zero_micros: self.zero_micros, ..whole };
        Ok(Fetched {
            received_bytes: 0,
            rendition: self.rendition,
            span: self.span,
            available_formats: None,
            note: None,
            media: Media { video, audio: None },
            folder: self.folder,
            saving: None,
            ahead: None,
        })
    }
}
