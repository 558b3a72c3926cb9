//! The handlers that come with clipmill.

pub mod codecs;
pub mod http;
pub mod ytdlp;

use std::sync::Arc;

use clipmill_core::net;

use crate::{Codec, Handler};

/// What the built-in handlers need.
#[derive(Debug, Clone)]
pub struct BuiltinSettings {
    /// How yt-dlp is run; none to go without it.
    pub ytdlp: Option<ytdlp::YtDlpSettings>,
    /// The client of the source `http`; none to go without that source.
    pub http: Option<net::Client>,
}

/// All built-in handlers: the sources `ytdlp` and, for what is left, `http`;
/// the codecs `h264`, `h265`, `av1` and, not offered, `vp9`.
pub fn handlers(settings: BuiltinSettings) -> Vec<Handler> {
    let mut handlers = Vec::new();
    if let Some(settings) = settings.ytdlp {
        handlers.push(Handler::Source(Arc::new(ytdlp::YtDlp::new(settings))));
    }
    if let Some(client) = settings.http {
        handlers.push(Handler::Source(Arc::new(http::Http::new(client))));
    }
    let codecs = codecs::ALL.map(|codec| Handler::Codec(Arc::new(codec) as Arc<dyn Codec>));
    handlers.extend(codecs);
    handlers
}
