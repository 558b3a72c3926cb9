//! `clipmill encode`: a local file through the same pipeline as an upload.

use clipmill_pipeline::SourceRequest;

use super::arguments::Encode;
use super::exit::Failure;
use super::walk::{Wanted, walk};
use crate::config::Config;

/// Runs the command.
pub async fn run(config: Config, encode: Encode) -> Result<(), Failure> {
    if !encode.input.is_file() {
        return Err(Failure::usage(format!("{} is no file", encode.input.display())));
    }
    let wanted = Wanted::Encoded {
        codec: encode.codec,
        quality: encode.quality,
        output: encode.output,
        stem: encode.input.with_extension(""),
    };
    let source = SourceRequest::Local { path: encode.input, span: None };
    walk(&config, source, wanted, encode.report).await
}
