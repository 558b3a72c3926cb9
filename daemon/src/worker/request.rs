//! From a record to a request for the pipeline.

use std::sync::Arc;

use clipmill_core::{Code, Error, OutputFormat, Resolution};
use clipmill_pipeline::{JobRequest, Rendition, SourceRequest, SpanRequest};
use clipmill_storage::{Origin, Video, Want};
use url::Url;

use crate::app::App;

/// The request of this record.
///
/// # Errors
/// When the record holds what no version of clipmill would have accepted.
pub fn job_request(app: &App, video: &Video) -> Result<JobRequest, Error> {
    let want = video.want().ok_or_else(|| {
        Error::never(
            Code::Internal,
            "the record says neither a format nor a codec; ask for the file again",
        )
    })?;
    Ok(JobRequest {
        id: video.id,
        folder: app.config.folders.work().join(video.id.to_string()),
        source: source(app, &video.origin)?,
        rendition: rendition(want)?,
    })
}

fn source(app: &App, origin: &Origin) -> Result<SourceRequest, Error> {
    match origin {
        Origin::Clip(clip) => {
            let url = Url::parse(&clip.url).map_err(|error| {
                Error::never(Code::InvalidUrl, "the saved address is no URL").caused_by(error)
            })?;
            let span = match (clip.span, clip.moment) {
                (Some(span), _) => SpanRequest::Fixed(span),
                (None, Some(moment)) => SpanRequest::Moment(moment),
                (None, None) => SpanRequest::Whole,
            };
            Ok(SourceRequest::Remote { url, span })
        }
        Origin::Upload(upload) => Ok(SourceRequest::Stored {
            store: Arc::new(app.stores.uploads.clone()),
            name: upload.input_file_path.clone(),
        }),
    }
}

fn rendition(want: Want) -> Result<Rendition, Error> {
    match want {
        Want::Encode { codec, quality } => Ok(Rendition::Encode { codec, quality }),
        Want::Clip { format, resolution } => {
            // A record may hold formats and heights that clients can't ask for.
            let format = format.parse().unwrap_or(OutputFormat::Mp4);
            let resolution = Resolution::from_record(&resolution).ok_or_else(|| {
                Error::never(Code::InvalidResolution, "the saved resolution is none")
            })?;
            Ok(Rendition::Clip { format, resolution })
        }
    }
}
