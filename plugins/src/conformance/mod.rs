//! What every handler must do, built in or a plugin: cases over `dyn Source` and
//! `dyn Codec`, run alike over built-in handlers and over loaded ones.
//!
//! A case is a function that panics when the rule of its name is broken. They
//! need no network; what a source is to resolve comes from the caller.

mod codec;
mod fixtures;
mod frames;
mod message;
mod source;

pub use codec::codec_cases;
pub use fixtures::{all_encoders, odd_urls, probes};
pub use source::{resolved_info_is_sound, resolving_nothing_is_a_known_error, source_cases};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use crate::builtin::{self, codecs, http, ytdlp};
    use crate::{Codec, Order, Registry, Source};
    use clipmill_core::net;

    #[tokio::test]
    async fn the_built_in_handlers_pass() {
        let client = net::Client::new(net::ClientSettings::default()).unwrap();
        let missing = ytdlp::YtDlpSettings {
            hosts: vec!["*".into()],
            ..ytdlp::YtDlpSettings::new("no-such-program-here", client.clone())
        };
        let sources: [Box<dyn Source>; 2] =
            [Box::new(http::Http::new(client.clone())), Box::new(ytdlp::YtDlp::new(missing))];
        for source in &sources {
            super::source_cases(source.as_ref()).await;
            let nowhere = "http://nothing.invalid/x.mp4".parse().unwrap();
            super::resolving_nothing_is_a_known_error(source.as_ref(), &nowhere).await;
        }
        let codecs: [Box<dyn Codec>; 4] = [
            Box::new(codecs::H264),
            Box::new(codecs::H265),
            Box::new(codecs::AV1),
            Box::new(codecs::VP9),
        ];
        for codec in &codecs {
            super::codec_cases(codec.as_ref()).await;
        }
    }

    #[tokio::test]
    async fn the_registry_asks_the_special_before_the_general() {
        let client = net::Client::new(net::ClientSettings::default()).unwrap();
        let handlers = builtin::handlers(builtin::BuiltinSettings {
            ytdlp: Some(ytdlp::YtDlpSettings::new("yt-dlp", client.clone())),
            http: Some(client),
        });
        let registry = Registry::new(handlers, Order::default());
        for (url, name) in [
            ("https://youtu.be/dQw4w9WgXcQ", Some("ytdlp")),
            ("https://a.example/x.mp4", Some("http")),
            ("ftp://a.example/x.mp4", None),
        ] {
            let source = registry.source_for(&url.parse().unwrap()).await;
            assert_eq!(source.map(|s| s.describe().name).as_deref(), name);
        }
        let offered: Vec<_> = registry.offered_codecs().iter().map(|c| c.describe().name).collect();
        assert_eq!(offered, ["h264", "h265", "av1"]);
        assert!(registry.codec("vp9").is_some() && registry.codec("mpeg2").is_none());
    }
}
