//! `clipmill encode`: a local file through the same pipeline as an upload.

use clipmill_pipeline::SourceRequest;

use super::arguments::EncodeArguments;
use super::error::CommandError;
use super::local_job::{LocalTarget, run_local_job};
use crate::config::Config;

/// Runs the command.
pub async fn run(config: Config, encode: EncodeArguments) -> Result<(), CommandError> {
    if !encode.input.is_file() {
        return Err(CommandError::usage(format!("{} is no file", encode.input.display())));
    }
    let target = LocalTarget::Encode {
        codec: encode.codec,
        quality: encode.quality,
        output: encode.output,
        stem: encode.input.with_extension(""),
    };
    let source = SourceRequest::Local { path: encode.input, span: None };
    run_local_job(&config, source, target, encode.report).await
}
