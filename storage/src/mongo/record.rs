//! The documents of the `videos` collection. Names that the reference service
//! knows are at the top; what only clipmill knows of the work is in `job`. A
//! write names its fields one by one, so that all others survive it.

use clipmill_core::{Moment, OutputFormat, Resolution, Span};
use mongodb::bson::{Bson, Document, doc};

use super::fields::{Fields, date, oid};
use crate::{
    Clip, Job, JobFailure, Lease, NewVideo, Origin, Result, Status, StorageError, StoredFile,
    Upload, Video,
};

/// What the reference service asks for when nothing was said.
const DEFAULT_FORMAT: OutputFormat = OutputFormat::Mp4;
const DEFAULT_RESOLUTION: Resolution = Resolution::UpTo(1080);

/// The code of a failure that came without one.
const UNNAMED_FAILURE: &str = "failed";

/// A record from its document.
pub(super) fn video(document: &Document) -> Result<Video> {
    let fields = Fields(document);
    let origin = match fields.text("source_type")?.as_deref() {
        None | Some("youtube") => Origin::Clip(clip(&fields)?),
        Some("upload") => Origin::Upload(upload(&fields)?),
        Some(other) => return Err(StorageError::Corrupt(format!("{other:?} is no source type"))),
    };
    let file = fields.text("file_path")?.map(|file_path| {
        let file_size_bytes = fields.count("file_size_bytes")?;
        Ok::<_, StorageError>(StoredFile { file_path, file_size_bytes })
    });
    Ok(Video {
        id: fields.needed_id("_id")?,
        user_id: fields.needed_id("user_id")?,
        origin,
        job: job(&fields)?,
        file: file.transpose()?,
        created_at: fields.made_at()?,
        expires_at: fields.time("expires_at")?,
    })
}

fn clip(fields: &Fields<'_>) -> Result<Clip> {
    let span = match (fields.number("start_time")?, fields.number("end_time")?) {
        (Some(start), Some(end)) => Some(Span { start, end }),
        _ => None,
    };
    let moment = match fields.within("moment")? {
        Some(moment) => moment.time("at")?.map(|at| {
            let offset = moment.number("offset")?.unwrap_or_default();
            let duration = moment.number("duration")?.unwrap_or_default();
            Ok::<_, StorageError>(Moment { at, offset, duration })
        }),
        None => None,
    };
    Ok(Clip {
        url: fields.needed_text("url")?,
        youtube_video_id: fields.text("youtube_video_id")?,
        span,
        moment: moment.transpose()?,
        additional_message: fields.text("additional_message")?,
        clip_offset: fields.number("clip_offset")?,
        format_preference: fields
            .text("format_preference")?
            .unwrap_or_else(|| DEFAULT_FORMAT.to_string()),
        resolution_preference: fields
            .text("resolution_preference")?
            .unwrap_or_else(|| DEFAULT_RESOLUTION.to_string()),
        available_formats: fields.words("available_formats")?,
    })
}

fn upload(fields: &Fields<'_>) -> Result<Upload> {
    Ok(Upload {
        original_filename: fields.text("original_filename")?.unwrap_or_default(),
        input_file_path: fields.text("input_file_path")?.unwrap_or_default(),
        input_size_bytes: fields.count("input_size_bytes")?,
        duration: fields.number("duration")?,
        video_codec: fields.text("video_codec")?,
        audio_codec: fields.text("audio_codec")?,
        quality_preset: fields.text("quality_preset")?,
    })
}

fn job(fields: &Fields<'_>) -> Result<Job> {
    let empty = Document::new();
    let own = fields.within("job")?.unwrap_or(Fields(&empty));
    let failure = fields.text("error_message")?.map(|message| {
        let code = own.text("error_code")?.unwrap_or_else(|| UNNAMED_FAILURE.to_owned());
        Ok::<_, StorageError>(JobFailure { code, message })
    });
    Ok(Job {
        status: fields.named("status")?.unwrap_or(Status::Pending),
        due_at: own.time("due_at")?,
        stage: own.named("stage")?,
        attempts: u32::try_from(own.count("attempts")?).unwrap_or(u32::MAX),
        lease: own.within("lease")?.map(|lease| read_lease(&lease)).transpose()?,
        cancel_requested: own.flag("cancel_requested")?,
        failure: failure.transpose()?,
        note: own.text("note")?,
        started_at: fields.time("encoding_started_at")?,
        completed_at: fields.time("encoding_completed_at")?,
    })
}

fn read_lease(fields: &Fields<'_>) -> Result<Lease> {
    Ok(Lease {
        id: fields.needed_id("id")?,
        owner: fields.text("owner")?.unwrap_or_default(),
        until: fields
            .time("until")?
            .ok_or_else(|| StorageError::Corrupt("a lease without end".into()))?,
    })
}

/// The document of a record that is new.
pub(super) fn inserted(new: &NewVideo) -> Document {
    let idle = Video {
        id: new.id,
        user_id: new.user_id,
        origin: new.origin.clone(),
        job: Job::idle(),
        file: None,
        created_at: new.created_at,
        expires_at: new.expires_at,
    };
    document(&idle)
}

/// The whole document of a record. Fields that a query asks after by their
/// absence (`job.due_at`, `job.lease`) are left out when there is nothing.
pub(super) fn document(video: &Video) -> Document {
    let job = &video.job;
    let mut document = doc! {
        "_id": oid(video.id),
        "user_id": oid(video.user_id),
        "status": job.status.as_str(),
        "file_path": video.file.as_ref().map(|file| file.file_path.clone()),
        "file_size_bytes": video.file.as_ref().map(|file| file.file_size_bytes.cast_signed()),
        "error_message": job.failure.as_ref().map(|failure| failure.message.clone()),
        "encoding_progress": if job.status == Status::Completed { 100 } else { 0 },
        "encoding_started_at": job.started_at.map(date),
        "encoding_completed_at": job.completed_at.map(date),
        "created_at": date(video.created_at),
        "expires_at": video.expires_at.map(date),
    };
    document.extend(match &video.origin {
        Origin::Clip(clip) => clip_fields(clip),
        Origin::Upload(upload) => upload_fields(upload),
    });
    document.insert("job", own_fields(job));
    document
}

fn clip_fields(clip: &Clip) -> Document {
    let mut fields = doc! {
        "source_type": "youtube",
        "url": &clip.url,
        "youtube_video_id": clip.youtube_video_id.as_deref(),
        "start_time": clip.span.map(|span| span.start),
        "end_time": clip.span.map(|span| span.end),
        "additional_message": clip.additional_message.as_deref(),
        "clip_offset": clip.clip_offset,
        "format_preference": &clip.format_preference,
        "resolution_preference": &clip.resolution_preference,
        "available_formats": clip.available_formats.clone(),
    };
    if let Some(Moment { at, offset, duration }) = clip.moment {
        fields.insert("moment", doc! { "at": date(at), "offset": offset, "duration": duration });
    }
    fields
}

fn upload_fields(upload: &Upload) -> Document {
    doc! {
        "source_type": "upload",
        "original_filename": &upload.original_filename,
        "input_file_path": &upload.input_file_path,
        "input_size_bytes": upload.input_size_bytes.cast_signed(),
        "duration": upload.duration,
        "video_codec": upload.video_codec.as_deref(),
        "audio_codec": upload.audio_codec.as_deref(),
        "quality_preset": upload.quality_preset.as_deref(),
    }
}

fn own_fields(job: &Job) -> Document {
    let mut own = doc! { "attempts": i64::from(job.attempts) };
    let mut put = |name: &str, value: Option<Bson>| {
        if let Some(value) = value {
            own.insert(name, value);
        }
    };
    put("due_at", job.due_at.map(|due| date(due).into()));
    put("stage", job.stage.map(|stage| stage.as_str().into()));
    put("note", job.note.clone().map(Bson::from));
    put("error_code", job.failure.as_ref().map(|failure| failure.code.clone().into()));
    put("cancel_requested", job.cancel_requested.then_some(true.into()));
    put("lease", job.lease.as_ref().map(|lease| write_lease(lease).into()));
    own
}

/// A lease as documents keep it.
pub(super) fn write_lease(lease: &Lease) -> Document {
    doc! { "id": oid(lease.id), "owner": &lease.owner, "until": date(lease.until) }
}
