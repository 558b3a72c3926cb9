//! `clipmill encode`: a local file through the same street as an upload.

use super::arguments::Encode;
use super::exit::Failure;
use super::walk::{Output, walk};
use crate::config::Config;
use crate::pipeline::{Rendition, SourceAsk};

/// Runs the command.
pub async fn run(config: Config, encode: Encode) -> Result<(), Failure> {
    if !encode.input.is_file() {
        return Err(Failure::usage(format!("{} is no file", encode.input.display())));
    }
    let output = match encode.output {
        Some(path) => Output::File(path),
        None => {
            let mut name = encode.input.with_extension("").into_os_string();
            name.push(format!("_{}_{}", encode.codec, encode.quality));
            Output::Stem(name.into())
        }
    };
    let rendition = Rendition::Encode { codec: encode.codec, quality: encode.quality };
    let source = SourceAsk::Local { path: encode.input, span: None };
    walk(&config, source, rendition, output, encode.report).await
}
