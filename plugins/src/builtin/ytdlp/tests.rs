//! Command lines, documents and the cache, with a stand-in for the tool.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use clipmill_core::Code;
use std::path::Path;

use chrono::{DateTime, TimeDelta};
use clipmill_core::Error;
use clipmill_core::probe::{Container, Transport};
use serde_json::{Value, json};

use super::*;

/// A program in `folder` whose name tells the stand-in how to behave.
pub(super) fn fake_tool(folder: &Path, name: &str) -> PathBuf {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/builtin/ytdlp/fixtures/fake-yt-dlp");
    let path = folder.join(name);
    std::os::unix::fs::symlink(script, &path).unwrap();
    path
}

fn settings(program: impl Into<PathBuf>) -> YtDlpSettings {
    YtDlpSettings::new(program, net::Client::new(net::ClientSettings::default()).unwrap())
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn lines(args: &[std::ffi::OsString]) -> Vec<String> {
    args.iter().map(|arg| arg.to_str().unwrap().to_owned()).collect()
}

#[test]
fn the_command_line_of_resolve() {
    let video = url("https://www.youtube.com/watch?v=dQw4w9WgXcQ");
    let plain = lines(&args::resolve(&settings("yt-dlp"), None, &video));
    assert_eq!(
        plain,
        [
            "--ignore-config",
            "--no-update",
            "--no-plugin-dirs",
            "--no-exec",
            "--no-remote-components",
            "--no-playlist",
            "--color=no_color",
            "--proxy=",
            "--socket-timeout=15",
            "--retries=3",
            "--extractor-retries=2",
            "--no-cache-dir",
            "--playlist-items=1:2",
            "--dump-single-json",
            "--",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        ]
    );
    let settings = YtDlpSettings {
        plugin_dirs: vec!["/p/one".into(), "/p/two".into()],
        js_runtime: Some("/opt/bin/node".into()),
        cache_dir: Some("/cache".into()),
        ffmpeg: Some("/opt/bin/ffmpeg".into()),
        ..settings("yt-dlp")
    };
    let full = lines(&args::resolve(&settings, Some(Path::new("/run/jar.txt")), &video));
    for wanted in [
        "--plugin-dirs=/p/one",
        "--plugin-dirs=/p/two",
        "--js-runtimes=node:/opt/bin/node",
        "--cache-dir=/cache",
        "--ffmpeg-location=/opt/bin/ffmpeg",
        "--cookies=/run/jar.txt",
    ] {
        assert!(full.iter().any(|arg| arg == wanted), "{wanted}");
    }
    let position = |wanted: &str| full.iter().position(|arg| arg.starts_with(wanted)).unwrap();
    assert!(position("--no-plugin-dirs") < position("--plugin-dirs="));
}

#[test]
fn the_command_line_of_fetch() {
    let formats = ["137".to_owned(), "140-1".to_owned()];
    let page = url("https://a.example/-x?y");
    let common = lines(&args::resolve(&settings("yt-dlp"), None, &page)).len() - 4;
    let got = lines(&args::fetch(&settings("yt-dlp"), None, &page, &formats, Some((65.5, 70.0))));
    assert_eq!(
        got[common..],
        [
            "--playlist-items=1",
            "--quiet",
            "--progress",
            "--newline",
            "--progress-delta=0.2",
            "--progress-template=download:%(progress.{status,filename,downloaded_bytes,\
             total_bytes,total_bytes_estimate,speed,eta})j",
            "--progress-template=postprocess:",
            "--format=137+140-1",
            "--merge-output-format=mkv",
            "--output=source.%(ext)s",
            "--no-mtime",
            "--abort-on-unavailable-fragments",
            "--fixup=never",
            "--download-sections=*55.500-72.000",
            "--downloader-args=ffmpeg:-copyts -start_at_zero",
            "--postprocessor-args=Merger+ffmpeg_o:-copyts",
            "--",
            "https://a.example/-x?y",
        ]
    );
    let whole = lines(&args::fetch(&settings("yt-dlp"), None, &page, &formats, None));
    assert!(!whole.iter().any(|arg| arg.contains("sections") || arg.contains("copyts")));
    for id in ["", "a+b", "best[height>1]", "a b", "a/b", "(a)", "a,b", "--exec"] {
        assert_eq!(args::is_format_id(id), id == "--exec", "{id}");
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn parse(document: &Value) -> Result<MediaInfo, Error> {
    info::parse(document.to_string().as_bytes(), now())
}

#[test]
fn real_documents_of_the_generic_extractor() {
    let file = info::parse(include_bytes!("fixtures/file.json"), now()).unwrap();
    assert_eq!((file.id.as_str(), file.title.as_deref(), file.live), ("v", Some("v"), Live::No));
    assert_eq!(file.expires_at, Some(now() + TimeDelta::minutes(5)));
    let format = &file.formats[0];
    assert!(format.video.is_some() && format.audio.is_some());
    assert!(matches!(&format.transport, Transport::Progressive { headers, .. }
        if headers.contains_key("User-Agent")));

    let hls = info::parse(include_bytes!("fixtures/hls.json"), now()).unwrap();
    assert_eq!(hls.duration, Some(30.0));
    assert!(matches!(&hls.formats[0].transport, Transport::Hls { url, .. }
        if url.path() == "/h.m3u8"));

    let dash = info::parse(include_bytes!("fixtures/dash.json"), now()).unwrap();
    let [sound, picture] = dash.formats.as_slice() else { panic!("two formats") };
    assert_eq!(sound.audio.as_ref().unwrap().codec.as_deref(), Some("mp4a.40.2"));
    assert!(sound.video.is_none() && picture.audio.is_none());
    let video = picture.video.as_ref().unwrap();
    assert_eq!((video.width, video.height), (Some(640), Some(360)));
    assert!(picture.bitrate.unwrap() > 100_000.0);
    assert!(matches!(&picture.transport, Transport::Dash { url, .. } if url.path() == "/m.mpd"));
}

#[test]
fn formats_are_sorted_out() {
    let at =
        |id: &str| format!("https://r1.googlevideo.com/videoplayback?expire=1790003600&id={id}");
    let info = parse(&json!({
        "id": "dQw4w9WgXcQ", "title": "x".repeat(900), "duration": 61, "live_status": "was_live",
        "release_timestamp": 1_789_000_000,
        "formats": [
            {"format_id": "sb0", "protocol": "mhtml", "ext": "mhtml", "vcodec": "none", "acodec": "none", "url": at("sb0")},
            {"format_id": "251", "protocol": "https", "ext": "webm", "vcodec": "none", "acodec": "opus", "url": at("251"), "filesize": 1234, "tbr": 128.5, "language_preference": 10},
            {"format_id": "251-1", "protocol": "https", "ext": "webm", "vcodec": "none", "acodec": "opus", "url": at("251"), "language_preference": -1},
            {"format_id": "137", "protocol": "https", "ext": "mp4", "vcodec": "avc1.640028", "acodec": "none", "url": at("137"), "width": 1920, "height": 1080, "fps": 29.97},
            {"format_id": "drm", "protocol": "https", "ext": "mp4", "has_drm": true, "url": at("drm")},
            {"format_id": "jar", "protocol": "https", "ext": "mp4", "url": at("jar"), "cookies": "s=1; Domain=.a.example"},
            {"format_id": "hdr", "protocol": "https", "ext": "mp4", "url": at("hdr"), "http_headers": {"Authorization": "x"}},
            {"format_id": "rtmp", "protocol": "rtmp", "ext": "flv", "url": "rtmp://a.example/x"},
            {"format_id": "file", "protocol": "https", "ext": "mp4", "url": "file:///etc/passwd"},
            {"format_id": "dash", "protocol": "http_dash_segments", "ext": "mp4", "url": at("dash")},
            {"format_id": "odd,id", "protocol": "https", "ext": "mp4", "url": at("odd")},
            {"format_id": "bad", "protocol": "https", "ext": "mp4", "url": at("bad"), "height": "tall", "fps": -1, "tbr": null},
            "nonsense", 7, null,
        ],
    }))
    .unwrap();
    let kinds: Vec<_> = info
        .formats
        .iter()
        .map(|f| (f.id.as_str(), matches!(f.transport, Transport::Progressive { .. })))
        .collect();
    assert_eq!(
        kinds,
        [
            ("251", true),
            ("251-1", true),
            ("137", true),
            ("jar", false),
            ("hdr", false),
            ("rtmp", false),
            ("file", false),
            ("dash", false),
            ("bad", true)
        ]
    );
    assert_eq!(info.live, Live::Ended { began: DateTime::from_timestamp(1_789_000_000, 0) });
    assert_eq!(info.expires_at, DateTime::from_timestamp(1_790_003_600, 0));
    assert_eq!(info.title.unwrap().len(), 500);
    let sound = &info.formats[0];
    assert_eq!(
        (sound.container, sound.size, sound.bitrate),
        (Container::Webm, Some(1234), Some(128_500.0))
    );
    let preferred = |n: usize| info.formats[n].audio.as_ref().unwrap().preferred;
    assert!(preferred(0) && !preferred(1));
    assert_eq!(info.formats[8].video.as_ref().unwrap().height, None);
}

#[test]
fn what_is_no_single_video_is_an_error() {
    let one = json!({"id": "1", "formats": [{"format_id": "0", "url": "https://a.example/x", "protocol": "https", "ext": "mp4"}]});
    assert!(parse(&json!({"_type": "playlist", "entries": [one]})).is_ok());
    for (document, code) in [
        (json!({"_type": "playlist", "entries": [one, one]}), Code::UnsupportedUrl),
        (json!({"_type": "playlist", "entries": []}), Code::UnsupportedUrl),
        (json!({"_type": "playlist", "entries": [null]}), Code::UnsupportedUrl),
        (json!({"id": "1", "formats": []}), Code::UnsupportedUrl),
        (json!(null), Code::UnsupportedUrl),
        (json!({"id": "1", "live_status": "is_upcoming", "formats": []}), Code::NotStarted),
    ] {
        assert_eq!(parse(&document).unwrap_err().code, code, "{document}");
    }
    let soon = json!({"id": "1", "live_status": "is_upcoming", "release_timestamp": 1_790_000_090});
    assert_eq!(parse(&soon).unwrap_err().retry, Retry::After(Duration::from_secs(90)));
    assert_eq!(info::parse(b"{\"id\":", now()).unwrap_err().code, Code::SourceFailed);
    let running = json!({"id": "1", "is_live": true, "url": "https://a.example/x.m3u8", "format_id": "0", "protocol": "m3u8_native", "ext": "mp4"});
    assert_eq!(parse(&running).unwrap().live, Live::Running { began: None });
}

struct Fake {
    folder: tempfile::TempDir,
    source: YtDlp,
}

impl Fake {
    fn new(name: &str) -> Fake {
        let folder = tempfile::tempdir().unwrap();
        let program = fake_tool(folder.path(), name);
        let cache_dir = Some(folder.path().into());
        Fake { source: YtDlp::new(YtDlpSettings { cache_dir, ..settings(program) }), folder }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn calls(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("calls"))
            .unwrap_or_default()
            .lines()
            .count()
    }

    async fn resolve(&self, text: &str) -> Result<Arc<MediaInfo>, Error> {
        self.source.resolve(&url(text), ResolveOptions::default()).await
    }
}

#[tokio::test]
async fn one_process_answers_all_who_ask() {
    let fake = Fake::new("fine");
    fake.write("answer", include_str!("fixtures/hls.json"));
    let (a, b, c) = tokio::join!(
        fake.resolve("https://youtu.be/dQw4w9WgXcQ"),
        fake.resolve("https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=9"),
        fake.resolve("https://m.youtube.com/shorts/dQw4w9WgXcQ#x"),
    );
    let a = a.unwrap();
    assert!(Arc::ptr_eq(&a, &b.unwrap()) && Arc::ptr_eq(&a, &c.unwrap()));
    assert!(Arc::ptr_eq(&a, &fake.resolve("https://youtu.be/dQw4w9WgXcQ").await.unwrap()));
    assert_eq!(fake.calls(), 1);
    fake.resolve("https://youtu.be/dQw4w9WgXcR").await.unwrap();
    assert_eq!(fake.calls(), 2);
}

#[tokio::test]
async fn who_leaves_does_not_spoil_it_for_others() {
    let fake = Fake::new("fine");
    fake.write("answer", include_str!("fixtures/hls.json"));
    let first = fake.resolve("https://youtu.be/dQw4w9WgXcQ");
    let impatient = tokio::time::timeout(Duration::from_millis(150), first);
    let (left, stayed) = tokio::join!(impatient, fake.resolve("https://youtu.be/dQw4w9WgXcQ"));
    assert!(left.is_err() && stayed.is_ok());
}

#[tokio::test]
async fn final_errors_are_remembered_and_passing_ones_are_not() {
    for (line, code, calls) in [
        ("ERROR: [youtube] x: Private video. Sign in if", Code::PrivateVideo, 1),
        ("ERROR: [youtube] x: The read operation timed out", Code::SourceTimeout, 2),
    ] {
        let fake = Fake::new("fine");
        fake.write("error", line);
        for _ in 0..2 {
            let error = fake.resolve("https://youtu.be/dQw4w9WgXcQ").await.unwrap_err();
            assert_eq!(error.code, code);
        }
        assert_eq!(fake.calls(), calls);
    }
    let old = Fake::new("old");
    let error = old.resolve("https://youtu.be/dQw4w9WgXcQ").await.unwrap_err();
    assert_eq!((error.code, old.calls()), (Code::ToolMissing, 0));
}

#[tokio::test]
async fn only_so_many_run_at_once_and_nobody_waits_for_ever() {
    let mut fake = Fake::new("fine");
    fake.write("answer", include_str!("fixtures/hls.json"));
    let settings = YtDlpSettings {
        max_processes: 1,
        queue_wait: Duration::from_millis(100),
        ..fake.source.settings.clone()
    };
    fake.source = YtDlp::new(settings);
    let (a, b) = tokio::join!(
        fake.resolve("https://youtu.be/dQw4w9WgXcQ"),
        fake.resolve("https://youtu.be/dQw4w9WgXcR"),
    );
    assert!(a.is_ok());
    assert_eq!(b.unwrap_err().code, Code::SourceTimeout);
}

#[tokio::test]
async fn addresses_of_the_inside_are_refused_before_anything_runs() {
    let mut fake = Fake::new("fine");
    let hosts = vec!["*".into(), "10.0.0.1".into()];
    fake.source = YtDlp::new(YtDlpSettings { hosts, ..fake.source.settings.clone() });
    for text in ["http://10.0.0.1/x", "http://127.0.0.1/x", "http://localhost/x", "http://[::1]/"] {
        assert_eq!(fake.resolve(text).await.unwrap_err().code, Code::AddressRefused, "{text}");
    }
    assert_eq!(fake.calls(), 0);
}

#[test]
fn the_tool_gets_a_private_copy_of_the_cookies() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("cookies");
    std::fs::write(&original, "jar").unwrap();
    let copy = args::cookie_copy(Some(&original)).unwrap().unwrap();
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "jar");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o077, 0);
    let path = copy.to_path_buf();
    drop(copy);
    assert!(!path.exists() && original.exists());
    assert!(args::cookie_copy(None).unwrap().is_none());
    assert!(args::cookie_copy(Some(&folder.path().join("absent"))).is_err());
}
