//! Videos: a clip that was saved or a file that was uploaded, and what became
//! of it.

use clipmill_core::{Id, Moment, Span, Time};
use serde::{Deserialize, Serialize};

use super::Job;

/// One record of the `videos` collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    /// Identifier.
    pub id: Id,
    /// Who may see and download it.
    pub user_id: Id,
    /// Where it comes from and what is wanted of it.
    pub origin: Origin,
    /// The work on it.
    pub job: Job,
    /// The finished file, once there is one.
    pub file: Option<StoredFile>,
    /// When it was saved.
    pub created_at: Time,
    /// When file and record may go; none while nothing is finished.
    pub expires_at: Option<Time>,
}

/// What is inserted; everything else of a [`Video`] starts empty.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVideo {
    /// Made by the caller, so that files can be named before the record exists.
    pub id: Id,
    /// Owner.
    pub user_id: Id,
    /// Where it comes from.
    pub origin: Origin,
    /// Time of saving.
    pub created_at: Time,
    /// For uploads: when an unused upload may go.
    pub expires_at: Option<Time>,
}

/// The reference's `source_type` and the fields that belong to each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source_type", rename_all = "lowercase")]
pub enum Origin {
    /// A span of a remote source. The reference spells this `youtube`, whatever the site.
    #[serde(rename = "youtube")]
    Clip(Clip),
    /// A file that a client sent.
    Upload(Upload),
}

/// A span of a remote source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    /// The source's address, rebuilt from its parsed parts.
    pub url: String,
    /// The 11-character id when the source is YouTube.
    pub youtube_video_id: Option<String>,
    /// What is wanted, in the source's own time; none until a [`Moment`] has
    /// been turned into it.
    pub span: Option<Span>,
    /// When a chat asked, for clips of a running stream.
    pub moment: Option<Moment>,
    /// The viewer's words.
    pub additional_message: Option<String>,
    /// Seconds before the moment, as the client gave it.
    pub clip_offset: Option<f64>,
    /// `mp4`, `webm` or `best`.
    pub format_preference: String,
    /// `720p` to `4320p` or `best`.
    pub resolution_preference: String,
    /// Heights the source offers, highest first (`1440p`); none when unknown.
    pub available_formats: Option<Vec<String>>,
}

/// A file that a client sent, and how it is to be encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// The client's name for it, cleaned.
    pub original_filename: String,
    /// Where the source file is kept (reference: `input_file_path`).
    pub input_file_path: String,
    /// Size of the source file.
    pub input_size_bytes: u64,
    /// Seconds, as probed.
    pub duration: Option<f64>,
    /// Codec name once asked: `h264`, `h265`, `av1` or a plugin's.
    pub video_codec: Option<String>,
    /// Always `aac` for the built-in codecs.
    pub audio_codec: Option<String>,
    /// `lossless`, `high` or `medium`.
    pub quality_preset: Option<String>,
}

/// The finished file in the artifact store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Key in the artifact store, or the reference service's path.
    pub file_path: String,
    /// Size in bytes.
    pub file_size_bytes: u64,
}

/// The preferences that one piece of work realises. Work is enqueued with it;
/// the finished file belongs to exactly these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// A rendition of a clip.
    Clip {
        /// `mp4`, `webm` or `best`.
        format: String,
        /// `720p` ... `best`.
        resolution: String,
    },
    /// An encode of an upload.
    Encode {
        /// Codec name.
        codec: String,
        /// Quality name.
        quality: String,
    },
}

impl Video {
    /// Where this record stands in its owner's list.
    pub fn cursor(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id }
    }

    /// The preferences that this record holds now; none for an upload that
    /// was never started.
    pub fn want(&self) -> Option<Want> {
        match &self.origin {
            Origin::Clip(clip) => Some(Want::Clip {
                format: clip.format_preference.clone(),
                resolution: clip.resolution_preference.clone(),
            }),
            Origin::Upload(upload) => Some(Want::Encode {
                codec: upload.video_codec.clone()?,
                quality: upload.quality_preset.clone()?,
            }),
        }
    }
}

impl Origin {
    /// Whether this record can have that want: renditions are of clips,
    /// encodes of uploads.
    pub fn accepts(&self, want: &Want) -> bool {
        matches!(
            (self, want),
            (Origin::Clip(_), Want::Clip { .. }) | (Origin::Upload(_), Want::Encode { .. })
        )
    }

    /// Writes the preferences into the record's own fields. A want of the
    /// other kind changes nothing.
    pub fn set_want(&mut self, want: &Want) {
        match (self, want) {
            (Origin::Clip(clip), Want::Clip { format, resolution }) => {
                clip.format_preference.clone_from(format);
                clip.resolution_preference.clone_from(resolution);
            }
            (Origin::Upload(upload), Want::Encode { codec, quality }) => {
                upload.video_codec = Some(codec.clone());
                upload.quality_preset = Some(quality.clone());
                upload.audio_codec = Some("aac".to_owned());
            }
            _ => {}
        }
    }
}

/// The place of a record in a list that is sorted by `created_at`, then id. It
/// stays good when the record itself goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When the record was saved.
    pub created_at: Time,
    /// Its identifier.
    pub id: Id,
}

/// A part of a list, newest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Only records that come after this place; none for the newest.
    pub before: Option<Cursor>,
    /// At most this many; none for all.
    pub limit: Option<u32>,
}
