#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::{MediaError, MediaErrorKind, TrackKind};

const HEAD: &str = r#"<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" "#;

fn one(inner: &str) -> Result<SegmentSource, MediaError> {
    let text = format!(
        r#"{HEAD}mediaPresentationDuration="PT10S"><BaseURL>https://a.example/</BaseURL><Period>
        <AdaptationSet mimeType="video/mp4"><Representation id="v&amp;1" bandwidth="500"
        width="640" height="360" codecs="avc1.64001f" frameRate="30000/1001">
        <BaseURL>x/y?a=1&amp;b=2</BaseURL>{inner}</Representation></AdaptationSet></Period></MPD>"#
    );
    let manifest = Mpd::parse(text.as_bytes())?;
    let period = &manifest.periods[0];
    assert_eq!(period.representations[0].bases, ["https://a.example/", "x/y?a=1&b=2"]);
    period.representations[0].segments(period, None)
}

fn list(inner: &str) -> SegmentList {
    match one(inner).unwrap() {
        SegmentSource::List(list) => list,
        SegmentSource::SingleFile => panic!("{inner}"),
    }
}

fn told(list: &SegmentList) -> Vec<(&str, f64, f64)> {
    list.segments.iter().map(|s| (s.url.uri.as_str(), s.start, s.duration)).collect()
}

#[test]
fn segments_by_number() {
    let list = list(
        r#"<SegmentTemplate timescale="1000" duration="4000" startNumber="5"
        presentationTimeOffset="90000" initialization="i-$RepresentationID$.mp4"
        media="s-$Number%03d$.m4s"/>"#,
    );
    let segments = [("s-005.m4s", 0.0, 4.0), ("s-006.m4s", 4.0, 4.0), ("s-007.m4s", 8.0, 4.0)];
    assert_eq!(told(&list), segments);
    assert_eq!(list.map.unwrap().uri, "i-v&1.mp4");
    assert_eq!(list.origin_micros, 90_000_000);
}

#[test]
fn segments_by_a_timeline() {
    let list = list(
        r#"<SegmentTemplate timescale="10" presentationTimeOffset="100" media="$Time$-$Number$">
        <SegmentTimeline><S t="100" d="30" r="1"/><S d="15"/><S t="180" d="10" r="-1"/>
        </SegmentTimeline></SegmentTemplate>"#,
    );
    let segments = [
        ("100-1", 0.0, 3.0),
        ("130-2", 3.0, 3.0),
        ("160-3", 6.0, 1.5),
        ("180-4", 8.0, 1.0),
        ("190-5", 9.0, 1.0),
    ];
    assert_eq!(told(&list), segments);
}

#[test]
fn segments_by_a_list() {
    let list = list(
        r#"<SegmentList duration="6"><Initialization range="0-99"/>
        <SegmentURL mediaRange="100-199"/><SegmentURL media="b.mp4"/></SegmentList>"#,
    );
    assert_eq!(list.map, Some(SegmentUrl { uri: String::new(), range: Some(0..100) }));
    assert_eq!(told(&list), [("", 0.0, 6.0), ("b.mp4", 6.0, 6.0)]);
    assert_eq!(list.segments[0].url.range, Some(100..200));
    assert_eq!(one("<SegmentBase indexRange='1-2'/>").unwrap(), SegmentSource::SingleFile);
    assert_eq!(one("").unwrap(), SegmentSource::SingleFile);
}

/// A live manifest of a sound, as of a second of its presentation.
fn live(attributes: &str, template: &str, at: f64) -> (Mpd, SegmentList) {
    let text = format!(
        r#"{HEAD}type="dynamic" availabilityStartTime="1970-01-01T00:01:00Z" {attributes}>
        <Period start="PT10S"><AdaptationSet contentType="audio">
        <SegmentTemplate media="$Number$" {template}</SegmentTemplate><Role value="main"/>
        <Representation id="a"/></AdaptationSet></Period></MPD>"#
    );
    let manifest = Mpd::parse(text.as_bytes()).unwrap();
    let now = Some(LiveMoment { at, window: manifest.window });
    let period = &manifest.periods[0];
    let SegmentSource::List(list) = period.representations[0].segments(period, now).unwrap() else {
        panic!("{template}");
    };
    (manifest, list)
}

#[test]
fn a_live_manifest_lists_what_is_there() {
    let (manifest, list) = live(r#"minimumUpdatePeriod="PT2S""#, r#"duration="4">"#, 21.9);
    assert!(manifest.dynamic);
    assert_eq!(
        (manifest.availability_start_micros, manifest.update_period),
        (Some(60_000_000), Some(2.0))
    );
    let period = &manifest.periods[0];
    let audio = &period.representations[0];
    assert!(audio.main && audio.kind == Some(TrackKind::Audio));
    assert_eq!(told(&list), [("1", 10.0, 4.0), ("2", 14.0, 4.0)]);
    assert_eq!(list.origin_micros, -10_000_000);
    assert_eq!(audio.segments(period, None).unwrap_err().kind, MediaErrorKind::Damaged);
}

#[test]
fn what_has_left_a_live_window_is_not_listed() {
    let (manifest, list) = live(r#"timeShiftBufferDepth="PT6S""#, r#"duration="4">"#, 30.5);
    assert_eq!(manifest.window, Some(6.0));
    assert_eq!(told(&list), [("4", 22.0, 4.0), ("5", 26.0, 4.0)]);
    let none = live(r#"timeShiftBufferDepth="PT1S""#, r#"duration="4">"#, 29.5).1;
    assert_eq!(told(&none), []);
    // A timeline says itself what is there, but not how often its end comes.
    let open = r#"startNumber="7"><SegmentTimeline><S t="4" d="4" r="-1"/></SegmentTimeline>"#;
    let list = live(r#"timeShiftBufferDepth="PT1S""#, open, 25.9).1;
    assert_eq!(told(&list), [("7", 14.0, 4.0), ("8", 18.0, 4.0)]);
}

#[test]
fn periods_follow_each_other() {
    let text = format!(
        r#"{HEAD}mediaPresentationDuration="PT30S"><Period duration="PT10S"/>
        <Period><AdaptationSet><Representation/></AdaptationSet></Period>
        <Period start="PT25S"/></MPD>"#
    );
    let manifest = Mpd::parse(text.as_bytes()).unwrap();
    let spans: Vec<_> = manifest.periods.iter().map(|p| (p.start, p.end)).collect();
    assert_eq!(spans, [(0.0, Some(10.0)), (10.0, Some(25.0)), (25.0, Some(30.0))]);
}

#[test]
fn hostile_manifests_are_refused() {
    let kind = |text: &str| Mpd::parse(text.as_bytes()).unwrap_err().kind;
    assert_eq!(kind(""), MediaErrorKind::Damaged);
    assert_eq!(kind("<a/>"), MediaErrorKind::Damaged);
    assert_eq!(kind("<MPD></MPD>"), MediaErrorKind::Damaged);
    assert_eq!(kind("<MPD><Period></MPD>"), MediaErrorKind::Damaged);
    let bomb = "<!DOCTYPE MPD [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;\">]><MPD><Period/></MPD>";
    assert_eq!(kind(bomb), MediaErrorKind::Unsupported);
    assert_eq!(kind("<MPD><BaseURL>&own;</BaseURL><Period/></MPD>"), MediaErrorKind::Unsupported);
    assert_eq!(kind("<MPD a='&own;'><Period/></MPD>"), MediaErrorKind::Damaged);
    assert_eq!(kind(&"<MPD>".repeat(100)), MediaErrorKind::TooLarge);
    let refused = |inner: &str| one(inner).unwrap_err().kind;
    for (inner, expected) in [
        ("<ContentProtection/>", MediaErrorKind::Unsupported),
        ("<SegmentTemplate duration='0' media='a'/>", MediaErrorKind::Damaged),
        ("<SegmentTemplate timescale='0' duration='1' media='a'/>", MediaErrorKind::Damaged),
        ("<SegmentTemplate timescale='-1' duration='1' media='a'/>", MediaErrorKind::Damaged),
        ("<SegmentTemplate timescale='1000000' duration='1' media='a'/>", MediaErrorKind::TooLarge),
        ("<SegmentTemplate duration='1' media='$Oops$'/>", MediaErrorKind::Damaged),
        (
            "<SegmentTemplate media='a'><SegmentTimeline><S d='1' r='9223372036854775807'/>\
             </SegmentTimeline></SegmentTemplate>",
            MediaErrorKind::TooLarge,
        ),
        (
            "<SegmentTemplate media='a'><SegmentTimeline><S t='18446744073709551615' d='9'/>\
             </SegmentTimeline></SegmentTemplate>",
            MediaErrorKind::Damaged,
        ),
        (
            "<SegmentTemplate media='a'><SegmentTimeline><S/></SegmentTimeline></SegmentTemplate>",
            MediaErrorKind::Damaged,
        ),
        (
            "<SegmentList duration='1'><SegmentURL mediaRange='5-4'/></SegmentList>",
            MediaErrorKind::Damaged,
        ),
    ] {
        assert_eq!(refused(inner), expected, "{inner}");
    }
}
