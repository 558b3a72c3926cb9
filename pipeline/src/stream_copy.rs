//! Stream copies of all video: only the container changes, and the audio where the
//! container can't hold it.

use clipmill_core::Error;
use clipmill_core::probe::Container;

use crate::ffmpeg::{self, AudioReencode};
use crate::recipe;
use crate::stages::Encoded;
use crate::transcode_job::TranscodeJob;

/// Copies all video into a file of this container.
///
/// # Errors
/// Those of ffmpeg.
pub(crate) async fn copy_video(
    job: &TranscodeJob<'_>,
    container: Container,
) -> Result<Encoded, Error> {
    let extension = recipe::extension(container);
    let path = job.output_path(extension).await?;
    let (input, video, audio) = (&job.inputs.video, job.video()?, job.inputs.audio_input());
    let args = if recipe::audio_fits(container, audio.streams) {
        ffmpeg::remux_args(input, video, audio, container, &path)
    } else {
        let plan = recipe::audio_plan(container);
        let encode = AudioReencode { container, plan: &plan };
        ffmpeg::reencode_audio_args(input, video, audio, encode, &path)
    };
    let bounds = job.context.bounds(None);
    job.context.tools.run(args, bounds, job.expected(None), job.on_report()).await?;
    job.verified(path, extension, None).await
}
