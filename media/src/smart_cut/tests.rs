//! Plans and audio packets, tested with sample tables made by hand.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;

use super::plan::plan_smart_cut;
use super::*;
use crate::mux::SampleData;
use crate::{CodecId, MediaError, MediaErrorKind, Sample, Track, TrackKind};

fn track(kind: TrackKind, timescale: u32, samples: Vec<Sample>) -> Track {
    let timescale = clipmill_core::Timescale::new(timescale).unwrap();
    Track { id: 1, codec: CodecId::H264, samples, ..Track::empty(kind, timescale) }
}

/// Samples in decoding order, named by their timestamps; `K` before one is a sync
/// sample.
fn pictures(order: &str) -> Track {
    let samples = order.split(' ').map(|word| Sample {
        offset: 0,
        size: 1,
        pts: word.trim_start_matches('K').parse().unwrap(),
        duration: 1,
        sync: word.starts_with('K'),
    });
    track(TrackKind::Video, 25, samples.collect())
}

/// The plan by times instead of indexes: head, body, tail.
fn planned(track: &Track, from: i64, to: i64) -> (Vec<i64>, Vec<i64>, Vec<i64>) {
    let plan = plan_smart_cut(track, from..to, |_| Ok(true)).unwrap();
    let times = |list: &[usize]| list.iter().map(|index| track.samples[*index].pts).collect();
    let mut all: Vec<usize> = [&plan.head[..], &plan.body, &plan.tail].concat();
    all.sort_by_key(|index| track.samples[*index].pts);
    assert_eq!(all, plan.wanted, "each wanted frame once");
    assert_eq!(plan.encoded_frames(), plan.head.len() + plan.tail.len());
    (times(&plan.head), times(&plan.body), times(&plan.tail))
}

#[test]
fn plans() {
    let none: [i64; 0] = [];
    // Two closed groups with a pyramid of B frames.
    let closed = pictures("K0 4 2 1 3 5 K6 10 8 7 9 11");
    let whole = (none.to_vec(), vec![0, 4, 2, 1, 3, 5, 6, 10, 8, 7, 9, 11], none.to_vec());
    assert_eq!(planned(&closed, 0, 12), whole, "everything");
    assert_eq!(planned(&closed, -5, 99), whole, "past both ends");
    for (from, to, head, body, tail, why) in [
        (6, 12, &[][..], &[6, 10, 8, 7, 9, 11][..], &[][..], "on a keyframe"),
        (5, 12, &[5], &[6, 10, 8, 7, 9, 11], &[], "one before a keyframe"),
        (7, 12, &[7, 8, 9, 10, 11], &[], &[], "one after the last keyframe"),
        (4, 9, &[4, 5], &[6], &[7, 8], "the end needs a later frame"),
        (4, 11, &[4, 5], &[6, 10, 8, 7, 9], &[], "the end needs none"),
        (0, 4, &[], &[0], &[1, 2, 3], "within a group"),
        (0, 5, &[], &[0, 4, 2, 1, 3], &[], "a whole pyramid"),
        (6, 7, &[], &[6], &[], "one frame, a keyframe"),
        (3, 4, &[3], &[], &[], "one frame, none"),
    ] {
        let expected = (head.to_vec(), body.to_vec(), tail.to_vec());
        assert_eq!(planned(&closed, from, to), expected, "{why}");
    }
    // Frames shown before the keyframe they follow.
    let open = pictures("K0 1 2 K6 4 3 5 9 7 8 K12 10 11");
    assert_eq!(planned(&open, 2, 13), (vec![2, 3, 4, 5], vec![6, 9, 7, 8, 12, 10, 11], vec![]));
    assert_eq!(planned(&open, 4, 12), (vec![4, 5], vec![6, 9, 7, 8], vec![10, 11]));
    assert_eq!(planned(&open, 6, 9), (vec![], vec![6], vec![7, 8]));
    // Unequal distances, and a time at which no frame starts.
    let uneven = pictures("K0 7 3 K40 100 55 160");
    assert_eq!(planned(&uneven, 4, 101), (vec![7], vec![40, 100, 55], vec![]));
    assert_eq!(planned(&uneven, 41, 161), (vec![55, 100, 160], vec![], vec![]));
}

#[test]
fn plans_ask_for_entries_in_turn_and_refuse_what_is_unclear() {
    let track = pictures("K0 1 K2 3 K4 5 K6");
    let mut asked = Vec::new();
    let plan = plan_smart_cut(&track, 1..6, |index| {
        asked.push(index);
        Ok(index == 4)
    });
    assert_eq!(plan.unwrap().head, [1, 2, 3]);
    assert_eq!(asked, [2, 4]);
    let never = plan_smart_cut(&track, 1..6, |_| Ok(false)).unwrap();
    assert_eq!((never.head.len(), never.body.len(), never.tail.len()), (5, 0, 0));
    let fails = plan_smart_cut(&track, 0..6, |_| Err(MediaError::read("gone")));
    assert_eq!(fails.unwrap_err().kind, MediaErrorKind::Read);
    assert_eq!(
        plan_smart_cut(&track, 7..99, |_| Ok(true)).unwrap_err().kind,
        MediaErrorKind::Nothing
    );
    let reversed = std::ops::Range { start: 5, end: 1 };
    assert_eq!(
        plan_smart_cut(&track, reversed, |_| Ok(true)).unwrap_err().kind,
        MediaErrorKind::Nothing
    );
    let twice = pictures("K0 1 1 2");
    assert_eq!(
        plan_smart_cut(&twice, 0..3, |_| Ok(true)).unwrap_err().kind,
        MediaErrorKind::Unsupported
    );
}

/// Packets of 1024 ticks at 48 kHz with these times.
fn packets(times: &[i64]) -> Track {
    let sample = |pts: &i64| Sample {
        offset: 1000 + *pts as u64,
        size: 9,
        pts: *pts,
        duration: 1024,
        sync: true,
    };
    track(TrackKind::Audio, 48_000, times.iter().map(sample).collect())
}

/// The start of a cut audio track, then timestamps and durations of its packets.
fn heard(track: &Track, from: i64, to: i64) -> Result<(i64, Vec<(i64, u32)>), MediaErrorKind> {
    let micros = |ticks: i64| track.micros(ticks);
    let audio = cut_audio(track, micros(from), micros(to), 3).map_err(|error| error.kind)?;
    assert!(
        audio
            .samples
            .iter()
            .all(|sample| matches!(sample.data, SampleData::Copied { file: 3, .. }))
    );
    Ok((audio.start, audio.samples.iter().map(|it| (it.pts, it.duration)).collect()))
}

#[test]
fn packets_nearest_to_the_span() {
    let times: Vec<i64> = (-1..10).map(|place| place * 1024).collect();
    let even = packets(&times);
    let two = vec![(0, 1024), (1024, 1024)];
    assert_eq!(heard(&even, 1024, 3072), Ok((0, two.clone())));
    assert_eq!(heard(&even, 1024 + 500, 3072 + 500), Ok((-500, two.clone())));
    assert_eq!(heard(&even, 1024 - 500, 3072 - 500), Ok((500, two)));
    assert_eq!(heard(&even, 0, 100), Ok((0, vec![(0, 1024)])), "less than half a packet");
    assert_eq!(heard(&even, 99_999, 200_000), Err(MediaErrorKind::Nothing));
    assert_eq!(heard(&even, -9999, 0), Ok((8975, vec![(0, 1024)])), "late audio");
    // A gap, and the span starts in it.
    let gap = packets(&[0, 1024, 10_240, 11_264]);
    assert_eq!(heard(&gap, 0, 11_264), Ok((0, vec![(0, 1024), (1024, 9216), (10_240, 1024)])));
    assert_eq!(heard(&gap, 5000, 11_264), Ok((5240, vec![(0, 1024)])));
    assert_eq!(heard(&gap, 5000, 6000), Err(MediaErrorKind::Nothing));
    assert_eq!(heard(&packets(&[0, 1024, 1024, 2048]), 0, 4096), Err(MediaErrorKind::Unsupported));
    assert_eq!(heard(&packets(&[0, 2048, 1024, 3072]), 0, 4096), Err(MediaErrorKind::Unsupported));
}

#[test]
fn futures_can_be_sent() {
    fn sent<T: Send>(_: T) {}
    let (file, track) = (Bytes::new(), pictures("K0"));
    sent(async {
        let cut = prepare(&file, &track, 0, 1).await?;
        join(&cut, FileTrack { file: &file, track: &track }, None, None).await
    });
}
