//! Streams that run: lists that grow, and windows that move on.

use clipmill_core::Code;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clipmill_core::probe::{Format, Live, Transport};
use clipmill_core::{Moment, Retry};
use clipmill_pipeline::{SourceRequest, SpanRequest};
use clipmill_tests::MediaServer;
use clipmill_tests::media::{self, Clip, Packaging, audio_clicks, offsets, read_frames};
use clipmill_tests::media_server::Content;

use super::bench::{Bench, clip, format, page, remote};
use super::hls::{by_playlist, cut};

/// Seconds of a segment.
const LONG: u32 = 4;
/// By how much times may be guessed wrong, seconds: a segment, and how long this machine thinks.
const GUESS: f64 = 5.0;

/// Segments that a list holds as of now, of those from 0 to 7.
type Held = Box<dyn Fn() -> RangeInclusive<u32> + Send + Sync>;

/// A list that begins with three segments and gets a new one each second.
fn growing() -> Held {
    let start = Instant::now();
    Box::new(move || 0..=(2 + start.elapsed().as_secs() as u32).min(7))
}

/// A list of the three latest segments of a stream that began so long ago.
fn moving(began: DateTime<Utc>) -> Held {
    Box::new(move || {
        let complete = ((Utc::now() - began).num_seconds() as u32 / LONG).clamp(3, 8);
        complete - 3..=complete - 1
    })
}

/// When a stream began of which four segments are complete.
fn just_began() -> DateTime<Utc> {
    Utc::now() - TimeDelta::milliseconds(16_500)
}

/// Serves a clip's playlist as a live one, without any clock; its numbers begin at `number`.
fn live(server: &MediaServer, of: &Clip, number: u32, held: Held) {
    server.folder("/x/", of.file().parent().unwrap());
    let fragments = of.packaging == Packaging::HlsFmp4;
    server.route("/live.m3u8", move |_| {
        let held = held();
        let mut list = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{}\n",
            number + held.start()
        );
        if fragments {
            list += "#EXT-X-MAP:URI=\"x/init.mp4\"\n";
        }
        for n in held {
            let extension = if fragments { "m4s" } else { "ts" };
            list += &format!("#EXTINF:{LONG}.0,\nx/segment{n:03}.{extension}\n");
        }
        Some(Content::bytes("application/vnd.apple.mpegurl", list))
    });
}

/// Offers a format of a stream that runs.
fn offers(bench: &Bench, format: Format, began: Option<DateTime<Utc>>) {
    bench.offers(30.0, vec![format]);
    let mut info = bench.source.info.lock().unwrap();
    (info.live, info.duration) = (Live::Running { began }, None);
}

/// Segments as transport streams and as fragments.
fn kinds() -> [Clip; 2] {
    [media::hls_ts(), media::hls_fmp4()]
}

#[tokio::test]
async fn a_list_that_grows_from_its_beginning_needs_no_clock() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    for of in kinds() {
        // What is there already, what comes, and where both meet.
        for span in [(2.2, 6.4), (20.3, 23.4), (9.3, 14.1)] {
            live(&server, &of, 0, growing());
            offers(&bench, by_playlist("h", &of, &server.url("/live.m3u8")), None);
            cut(&bench, &of, span).await;
        }
        let far = bench.make(remote(500.0, 510.0), clip("mp4")).await.unwrap_err();
        assert_eq!(far.code, Code::StillLive);
    }
}

/// Cuts from a list whose times have to be guessed: all frames in a row, with their sound, and not
/// far from where they were asked for.
async fn guess(bench: &Bench, of: &Clip, ask: SourceRequest, (start, end): (f64, f64)) {
    let made = bench.make(ask, clip("mp4")).await.unwrap();
    let frames = read_frames(&made.path).unwrap();
    let numbers: Vec<u32> = frames.iter().map(|frame| frame.number).collect();
    let first = numbers[0];
    assert!(numbers.iter().copied().eq(first..first + numbers.len() as u32), "{numbers:?}");
    assert!((numbers.len() as f64 / 30.0 - (end - start)).abs() < 0.05, "{numbers:?}");
    let off = of.rate.time_of(first) - start;
    assert!(off.abs() < GUESS, "{off} s off");
    // A click that the cut goes through is measured wrong.
    let mut clicks = audio_clicks(&made.path).unwrap();
    clicks.retain(|click| click.at > 0.05);
    let offsets = offsets(&frames, &clicks, of.rate);
    assert!(clicks.len() >= 2 && offsets.iter().all(|off| off.abs() < 0.012), "{offsets:?}");
    let note = made.note.unwrap();
    assert!(note.contains("does not tell its time"), "{note}");
}

#[tokio::test]
async fn times_of_a_window_without_a_clock_are_guessed_and_the_record_says_so() {
    for of in kinds() {
        let (bench, server) = (Bench::new().await, MediaServer::new());
        // A stream whose window has just moved, with a beginning that is known or not.
        let begin = |known: bool| {
            let began = just_began();
            live(&server, &of, 100, moving(began));
            let playlist = by_playlist("h", &of, &server.url("/live.m3u8"));
            offers(&bench, playlist, known.then_some(began));
            began
        };
        for (start, end) in [(9.5, 12.7), (14.8, 18.2)] {
            begin(true);
            guess(&bench, &of, remote(start, end), (start, end)).await;
        }
        // What a chat asks for needs no beginning of the stream.
        let began = begin(false);
        let moment = Moment { at: Utc::now(), offset: 6.0, duration: 4.0 };
        let start = (moment.at - began).as_seconds_f64() - 6.0;
        let ask = SourceRequest::Remote { url: page(), span: SpanRequest::Moment(moment) };
        guess(&bench, &of, ask, (start, start + 4.0)).await;
        // Without either nobody knows where a span is.
        begin(false);
        let unknown = bench.make(remote(9.5, 12.7), clip("mp4")).await.unwrap_err();
        assert_eq!(unknown.code, Code::StillLive);
        // The window has moved on.
        begin(true);
        let gone = bench.make(remote(0.5, 1.5), clip("mp4")).await.unwrap_err();
        assert_eq!(gone.code, Code::StillLive);
        assert!(matches!(gone.retry, Retry::After(wait) if wait > Duration::ZERO));
    }
}

/// How a manifest names its segments.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Timeline,
    Number,
}

/// The clip's manifest as a live one. Its presentation began 50 s before the stream.
fn manifest(text: &str, by: By, began: DateTime<Utc>, held: RangeInclusive<u32>) -> String {
    let begin = (began - TimeDelta::seconds(50)).to_rfc3339();
    let mut made = format!(
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"dynamic\" minimumUpdatePeriod=\"PT1S\" \
         availabilityStartTime=\"{begin}\" timeShiftBufferDepth=\"PT12S\" \
         suggestedPresentationDelay=\"PT8S\"><Period id=\"0\" start=\"PT50S\">\n"
    );
    let (body, scale) = (text.split_once("<AdaptationSet").unwrap().1, |line: &str| {
        let (_, rest) = line.split_once("timescale=\"").unwrap();
        rest.split_once('"').unwrap().0.parse::<u32>().unwrap()
    });
    let (mut ticks, mut times) = (0, Vec::new());
    for line in format!("<AdaptationSet{body}").lines() {
        let number = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"')?.0.parse::<u64>().ok()
        };
        match line.trim() {
            line if line.starts_with("<SegmentTemplate") => {
                ticks = scale(line);
                let first = match by {
                    By::Timeline => format!("startNumber=\"{}\"", held.start() + 1),
                    By::Number => format!("startNumber=\"1\" duration=\"{}\"", ticks * LONG),
                };
                made += &line.replace("startNumber=\"1\"", &first);
            }
            "<SegmentTimeline>" => times.clear(),
            line if line.starts_with("<S ") => {
                for _ in 0..=number("r").unwrap_or(0) {
                    let after = times.last().map_or(0, |(time, length)| time + length);
                    times.push((
                        number("t").filter(|_| times.is_empty()).unwrap_or(after),
                        number("d").unwrap(),
                    ));
                }
            }
            "</SegmentTimeline>" if by == By::Timeline => {
                made += "<SegmentTimeline>\n";
                for n in held.clone() {
                    if let Some((time, length)) = times.get(n as usize) {
                        made += &format!("<S t=\"{time}\" d=\"{length}\"/>\n");
                    }
                }
                made += "</SegmentTimeline>";
            }
            "</SegmentTimeline>" => {}
            line => made += line,
        }
        made += "\n";
    }
    assert!(ticks > 0, "{text}");
    made
}

/// Serves a live manifest and those segments that are there: they come `late` milliseconds after
/// the manifest says so.
fn dash(server: &MediaServer, of: &Clip, by: By, began: DateTime<Utc>, late: i64) {
    let text = std::fs::read_to_string(of.file()).unwrap();
    let folder = of.file().parent().unwrap().to_owned();
    let held = move || moving(began)();
    server.route("/d/m.mpd", move |_| {
        Some(Content::bytes("application/dash+xml", manifest(&text, by, began, held())))
    });
    server.route("/d/chunk", move |incoming| {
        let name = Path::new(&incoming.path).file_name()?.to_str()?.to_owned();
        let number: i64 = name.strip_suffix(".m4s")?.rsplit('-').next()?.parse().ok()?;
        let age = (Utc::now() - began).num_milliseconds() - number * 1000 * i64::from(LONG);
        // A little longer than the manifest promises.
        (late..16_000).contains(&age).then(|| Content::file(folder.join(name)))
    });
    let init = of.file().parent().unwrap().to_owned();
    server.route("/d/init", move |incoming| {
        Some(Content::file(init.join(Path::new(&incoming.path).file_name()?)))
    });
}

#[tokio::test]
async fn live_manifests_are_cut_before_their_window_passes() {
    let of = Clip { packaging: Packaging::DashTemplate, ..media::hls_ts() };
    let one = async |by: By, late: i64| {
        let (bench, server) = (Bench::new().await, MediaServer::new());
        let url = server.url("/d/m.mpd");
        let transport = Transport::Dash { url: url.parse().unwrap(), headers: Default::default() };
        let stream = Format { transport, ..format("d", &of, &url) };
        let begin = || {
            let began = just_began();
            dash(&server, &of, by, began, late);
            offers(&bench, stream.clone(), Some(began));
        };
        for span in [(8.3, 11.4), (14.2, 22.4)] {
            begin();
            cut(&bench, &of, span).await;
        }
        for span in [(0.5, 1.5), (500.0, 510.0)] {
            begin();
            let refused = bench.make(remote(span.0, span.1), clip("mp4")).await.unwrap_err();
            assert_eq!(refused.code, Code::StillLive, "{by:?} {span:?}");
        }
    };
    // The server's clock may be behind ours.
    tokio::join!(one(By::Timeline, 0), one(By::Number, 0), one(By::Number, 1_700));
}
