//! A pipeline with a folder of its own, and a source that offers what a test says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use clipmill::config::Config;
use clipmill_core::net::{Client, ClientSettings};
use clipmill_core::probe::{AudioTrack, Container, Format, Live, MediaInfo, Transport, VideoTrack};
use clipmill_core::{Clock, Code, Error, Id, Resolution, Span};
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_pipeline::{
    Encoded, JobRequest, Pipeline, ProgressReporter, Rendition, SourceRequest, SpanRequest,
};
use clipmill_plugins::builtin::codecs::{AV1, H264, H265, VP9};
use clipmill_plugins::{
    Codec, FetchProgress, Handler, OpaqueFetch, Order, Registry, ResolveOptions, Source,
    SourceDescription,
};
use clipmill_tests::media::{Clip, Frame, FrameReader, read_frames};
use url::Url;

/// Everything that a test of the stages needs.
pub struct Bench {
    pub pipeline: Pipeline,
    pub source: Arc<Offer>,
    pub folder: tempfile::TempDir,
}

/// A source of one video.
pub struct Offer {
    pub info: Mutex<MediaInfo>,
    /// What its own download gives.
    pub own: Mutex<Option<PathBuf>>,
    /// How often it was asked.
    pub resolved: Mutex<u32>,
    /// What it offers from the second time on.
    pub later: Mutex<Option<Format>>,
}

#[async_trait]
impl Source for Offer {
    fn describe(&self) -> SourceDescription {
        SourceDescription { name: "offer".into(), version: "1".into() }
    }

    async fn claims(&self, url: &Url) -> bool {
        url.host_str() == Some("offer.example")
    }

    async fn resolve(&self, _url: &Url, _options: ResolveOptions) -> Result<Arc<MediaInfo>, Error> {
        let mut resolved = self.resolved.lock().unwrap();
        *resolved += 1;
        let mut info = self.info.lock().unwrap().clone();
        if let Some(later) = self.later.lock().unwrap().clone().filter(|_| *resolved > 1) {
            info.formats = vec![later];
        }
        Ok(Arc::new(info))
    }

    async fn fetch(
        &self,
        what: &OpaqueFetch,
        _progress: &(dyn Fn(FetchProgress) + Send + Sync),
    ) -> Result<PathBuf, Error> {
        let own = self.own.lock().unwrap().clone();
        let own = own.ok_or_else(|| Error::never(Code::SourceFailed, "no own download"))?;
        let copy = what.folder.join("source.mp4");
        std::fs::copy(own, &copy).unwrap();
        Ok(copy)
    }
}

impl Bench {
    pub async fn new() -> Bench {
        Bench::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Bench {
        Bench::with_codecs(Vec::new(), change).await
    }

    /// With these codecs before the built-in ones.
    pub async fn with_codecs(
        plugins: Vec<Arc<dyn Codec>>,
        change: impl FnOnce(&mut Config),
    ) -> Bench {
        Bench::build(plugins, Duration::from_secs(1), change).await
    }

    /// With a client that waits long for a silent server.
    pub async fn patient(change: impl FnOnce(&mut Config)) -> Bench {
        Bench::build(Vec::new(), Duration::from_secs(60), change).await
    }

    async fn build(
        plugins: Vec<Arc<dyn Codec>>,
        idle_timeout: Duration,
        change: impl FnOnce(&mut Config),
    ) -> Bench {
        let mut config = Config::default();
        change(&mut config);
        let tools = Tools::discover(&config.tool_paths(), &config.encode).await.unwrap();
        let settings = ClientSettings {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            idle_timeout,
            ..ClientSettings::default()
        };
        let client = Client::new(settings).unwrap();
        let source = Arc::new(Offer {
            info: Mutex::new(MediaInfo {
                id: "x".into(),
                title: None,
                duration: None,
                live: Live::No,
                formats: Vec::new(),
                expires_at: None,
            }),
            own: Mutex::new(None),
            resolved: Mutex::new(0),
            later: Mutex::new(None),
        });
        let codecs: [Arc<dyn Codec>; 4] =
            [Arc::new(H264), Arc::new(H265), Arc::new(AV1), Arc::new(VP9)];
        let mut handlers = vec![Handler::Source(source.clone())];
        handlers.extend(codecs.map(Handler::Codec));
        let registry = Registry::new(handlers, Order::default());
        registry.set_plugins(plugins.into_iter().map(Handler::Codec).collect());
        let pipeline =
            Pipeline::new(config.pipeline(), tools, Arc::new(registry), client, Clock::system());
        Bench { pipeline, source, folder: tempfile::tempdir().unwrap() }
    }

    /// The whole pipeline without its last stage.
    pub async fn make(
        &self,
        source: SourceRequest,
        rendition: Rendition,
    ) -> Result<Encoded, Error> {
        let (ask, progress) = (self.ask(source, rendition), ProgressReporter::default());
        let fetched = self.pipeline.fetch(ask, &progress).await?;
        let cut = self.pipeline.trim(fetched).await?;
        let encoded = self.pipeline.transcode(cut, &progress).await?;
        assert_eq!(progress.watch().borrow().encoding_progress, 100.0);
        Ok(encoded)
    }

    pub fn ask(&self, source: SourceRequest, rendition: Rendition) -> JobRequest {
        let id = Id::generate(chrono::Utc::now());
        JobRequest { folder: self.folder.path().join(id.to_string()), id, source, rendition }
    }

    pub fn offers(&self, duration: f64, formats: Vec<Format>) {
        let mut info = self.source.info.lock().unwrap();
        (info.duration, info.formats) = (Some(duration), formats);
    }
}

pub fn page() -> Url {
    "https://offer.example/watch".parse().unwrap()
}

pub fn remote(start: f64, end: f64) -> SourceRequest {
    SourceRequest::Remote { url: page(), span: SpanRequest::Fixed(Span { start, end }) }
}

pub fn local(path: impl AsRef<Path>, span: Option<(f64, f64)>) -> SourceRequest {
    let span = span.map(|(start, end)| Span { start, end });
    SourceRequest::Local { path: path.as_ref().to_owned(), span }
}

pub fn clip(format: &str) -> Rendition {
    let format = format.parse().unwrap();
    Rendition::Clip { format, resolution: Resolution::UpTo(1080) }
}

pub fn encode(codec: &str, quality: &str) -> Rendition {
    Rendition::Encode { codec: codec.into(), quality: quality.into() }
}

/// A format that a clip's file is, at this address.
pub fn format(id: &str, clip: &Clip, url: &str) -> Format {
    let file = clip.file();
    let extension = file.extension().unwrap().to_str().unwrap();
    Format {
        id: id.to_owned(),
        container: Container::from_extension(extension),
        video: clip.video.map(|_| VideoTrack {
            codec: None,
            width: Some(clip.width),
            height: Some(clip.height),
            fps: None,
        }),
        audio: clip.audio.map(|_| AudioTrack::default()),
        bitrate: None,
        size: Some(file.metadata().unwrap().len()),
        transport: Transport::Progressive { url: url.parse().unwrap(), headers: BTreeMap::new() },
    }
}

/// The result has these frames, at their times, the first one at 0, with and without edit lists.
pub fn assert_exact(path: &Path, clip: &Clip, wanted: &[u32], tolerance: f64) {
    let frames = read_frames(path).unwrap();
    let numbers: Vec<u32> = frames.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, wanted, "{clip:?}");
    let first = clip.rate.time_of(wanted[0]);
    let on_time =
        |frame: &Frame| (frame.pts - (clip.rate.time_of(frame.number) - first)).abs() <= tolerance;
    let late: Vec<&Frame> = frames.iter().filter(|frame| !on_time(frame)).collect();
    assert!(late.is_empty() && frames[0].pts == 0.0, "{late:?} of {:?}", frames[0]);
    if path.extension().is_some_and(|extension| extension == "mp4") {
        let bare = FrameReader::new(path).ignore_edit_lists().read().unwrap();
        assert_eq!(bare, frames, "the picture depends on an edit list");
    }
}
