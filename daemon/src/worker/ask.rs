//! From a record to what the street is asked.

use clipmill_storage::{Origin, Video, Want};
use url::Url;

use crate::app::App;
use crate::pipeline::{Ask, Rendition, SourceAsk, SpanAsk, StageError};

/// What this record asks for.
///
/// # Errors
/// When the record holds what no version of clipmill would have accepted.
pub fn of(app: &App, video: &Video) -> Result<Ask, StageError> {
    let want = video
        .want()
        .ok_or_else(|| StageError::never("internal", "nobody said what is to be made of it"))?;
    Ok(Ask {
        id: video.id,
        folder: app.config.folders.work().join(video.id.to_string()),
        source: source(app, &video.origin)?,
        rendition: rendition(want)?,
    })
}

fn source(app: &App, origin: &Origin) -> Result<SourceAsk, StageError> {
    match origin {
        Origin::Clip(clip) => {
            let url = Url::parse(&clip.url)
                .map_err(|_| StageError::never("invalid_url", "the saved address is no URL"))?;
            let span = match (clip.span, clip.moment) {
                (Some(span), _) => SpanAsk::Fixed(span),
                (None, Some(moment)) => SpanAsk::Moment(moment),
                (None, None) => SpanAsk::Whole,
            };
            Ok(SourceAsk::Remote { url, span })
        }
        Origin::Upload(upload) => Ok(SourceAsk::Stored {
            store: app.uploads.clone(),
            name: upload.input_file_path.clone(),
        }),
    }
}

fn rendition(want: Want) -> Result<Rendition, StageError> {
    match want {
        Want::Encode { codec, quality } => Ok(Rendition::Encode { codec, quality }),
        Want::Clip { format, resolution } => {
            let max_height = match resolution.as_str() {
                "best" => None,
                text => Some(text.trim_end_matches('p').parse().map_err(|_| {
                    StageError::never("invalid_resolution", "the saved resolution is none")
                })?),
            };
            Ok(Rendition::Clip { format, max_height })
        }
    }
}
