//! The same edit list gives the same times, or the same refusal, through every
//! door: a whole file of tables or fragments, the clip file of a span with and
//! without an index, and segments behind an initialisation section.

use bytes::Bytes;
use clipmill_media::mp4::{self, InitTracks};
use clipmill_media::{ClipPart, MediaError, MediaErrorKind, SpanSelection};

use super::film::{boxed, table, words};

/// Ticks per second of the movie and of the track: few times of the one are
/// whole ticks or microseconds of the other.
const MOVIE: u32 = 7;
const TRACK: u32 = 30_000;
/// Ticks of a frame.
const FRAME: u32 = 1001;
/// Composition offsets of the frames.
const OFFSETS: [u32; 4] = [2 * FRAME, 3 * FRAME, FRAME, 2 * FRAME];
/// Bytes of a frame.
const SIZE: u32 = 5;
/// Where the sample flags of a frame say that decoding can begin with it.
const SYNC: u32 = 0x0200_0000;
const NON_SYNC: u32 = 0x0101_0000;

/// An edit: duration in the movie, media time, rate.
type Edit = (u32, i32, u32);
const NORMAL: u32 = 0x1_0000;

/// The content of an `elst` of version 0.
fn elst(edits: &[Edit]) -> Vec<u8> {
    let edits =
        edits.iter().flat_map(|(duration, time, rate)| [*duration, time.cast_unsigned(), *rate]);
    words([0, (edits.clone().count() / 3) as u32].into_iter().chain(edits))
}

/// The content of an `elst` of version 1.
fn long_elst(duration: u64, time: i64) -> Vec<u8> {
    let head = words([0x0100_0000, 1]);
    [&head[..], &duration.to_be_bytes(), &time.to_be_bytes(), &words([NORMAL])].concat()
}

/// A sample entry with what `config` says, and perhaps bit rates.
fn sample_entry(config: &[u8], bit_rate: Option<u32>) -> Vec<u8> {
    let btrt = bit_rate.map_or(Vec::new(), |rate| boxed(b"btrt", &[&words([0, rate, rate])]));
    let avcc = boxed(b"avcC", &[config]);
    boxed(b"avc1", &[&[0; 6], &[0, 1], &[0; 70], &avcc, &btrt])
}

/// `moov` of one track with this edit list, sample entry and these tables.
fn moov(elst: Option<&[u8]>, entry: &[u8], tables: &[u8], mvex: &[u8]) -> Vec<u8> {
    let stsd = boxed(b"stsd", &[&words([0, 1]), entry]);
    let stbl = boxed(b"stbl", &[&stsd, tables]);
    let tkhd = boxed(b"tkhd", &[&words([1, 0, 0, 1, 0, 0]), &[0; 60]]);
    let mdhd = boxed(b"mdhd", &[&words([0, 0, 0, TRACK, 0, 0x55c4_0000])]);
    let hdlr = boxed(b"hdlr", &[&words([0, 0]), b"vide", &[0; 13]]);
    let edts = elst.map_or(Vec::new(), |elst| boxed(b"edts", &[&boxed(b"elst", &[elst])]));
    let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &boxed(b"minf", &[&stbl])]);
    let trak = boxed(b"trak", &[&tkhd, &edts, &mdia]);
    let mvhd = boxed(b"mvhd", &[&words([0, 0, 0, MOVIE, 0]), &[0; 80]]);
    boxed(b"moov", &[&mvhd, &trak, mvex])
}

fn ftyp() -> Vec<u8> {
    boxed(b"ftyp", &[b"isom", &words([0])])
}

/// An initialisation section.
fn init(elst: Option<&[u8]>, entry: &[u8]) -> Vec<u8> {
    let stsz = boxed(b"stsz", &[&words([0, 0, 0])]);
    let empty = |name| table::<1>(name, &[]);
    let tables = [empty(b"stts"), empty(b"stsc"), stsz, empty(b"stco")].concat();
    let trex = boxed(b"trex", &[&words([0, 1, 1, FRAME, SIZE, NON_SYNC])]);
    [ftyp(), moov(elst, entry, &tables, &boxed(b"mvex", &[&trex]))].concat()
}

/// A segment of four frames, the first of which is decoded at `dts`.
fn segment(dts: u64) -> Vec<u8> {
    let tfhd = boxed(b"tfhd", &[&words([0x02_0000, 1])]);
    let tfdt = boxed(b"tfdt", &[&words([0x0100_0000]), &dts.to_be_bytes()]);
    segment_with(&tfhd, &tfdt)
}

/// A segment of four frames with these headers.
fn segment_with(tfhd: &[u8], tfdt: &[u8]) -> Vec<u8> {
    let moof = |data: u32| {
        // The offset of the data, flags of the first sample, composition offsets.
        let head = words([0x0000_0805, OFFSETS.len() as u32, data, SYNC]);
        let trun = boxed(b"trun", &[&head, &words(OFFSETS)]);
        let traf = boxed(b"traf", &[tfhd, tfdt, &trun]);
        boxed(b"moof", &[&boxed(b"mfhd", &[&words([0, 1])]), &traf])
    };
    let data = moof(0).len() as u32 + 8;
    let frames = vec![0; OFFSETS.len() * SIZE as usize];
    [moof(data), boxed(b"mdat", &[&frames])].concat()
}

/// The section and the segment as one file, perhaps with an index.
fn fragmented(init: &[u8], segment: &[u8], is_indexed: bool) -> Vec<u8> {
    let duration = FRAME * OFFSETS.len() as u32;
    let entries = [segment.len() as u32, duration, 0x9000_0000];
    let numbers = [0, 1, TRACK, FRAME * 2, 0, 1].into_iter().chain(entries);
    let sidx = boxed(b"sidx", &[&words(numbers)]);
    [init, if is_indexed { &sidx } else { &[] }, segment].concat()
}

/// A file of the same frames with tables, whose first frame is decoded at 0.
fn progressive(elst: Option<&[u8]>, entry: &[u8]) -> Vec<u8> {
    let count = OFFSETS.len() as u32;
    let file = |data: u32| {
        let tables = [
            table(b"stts", &[[count, FRAME]]),
            table(b"ctts", &OFFSETS.map(|offset| [1, offset])),
            table(b"stss", &[[1]]),
            table(b"stsc", &[[1, count, 1]]),
            boxed(b"stsz", &[&words([0, SIZE, count])]),
            table(b"stco", &[[data]]),
        ];
        [ftyp(), moov(elst, entry, &tables.concat(), &[])].concat()
    };
    let head = file(file(0).len() as u32 + 8);
    [head, boxed(b"mdat", &[&vec![0; (count * SIZE) as usize]])].concat()
}

/// When the first frame of a file is presented, microseconds.
async fn read(file: Vec<u8>) -> Result<i64, MediaError> {
    let media = mp4::read(&Bytes::from(file)).await?;
    let track = &media.tracks[0];
    assert_eq!(track.samples.len(), OFFSETS.len());
    Ok(track.micros(track.samples.iter().map(|sample| sample.pts).min().unwrap()))
}

/// The same of the clip file of all of it.
async fn locate(file: Vec<u8>) -> Result<i64, MediaError> {
    let (start, end) = (f64::NEG_INFINITY, f64::INFINITY);
    let want = SpanSelection { start, end, video: true, audio: true };
    let located = mp4::locate(&Bytes::from(file.clone()), &want).await?;
    let part = |part: &ClipPart| match part {
        ClipPart::Generated(bytes) => bytes.clone(),
        ClipPart::Copied(range) => file[range.start as usize..range.end as usize].to_vec(),
    };
    read(located.parts.iter().flat_map(part).collect()).await
}

/// The same of the segment.
fn start(init: &[u8], segment: &[u8]) -> Result<i64, MediaError> {
    InitTracks::parse(init)?.start(segment).map(Option::unwrap)
}

/// What all doors answer for an edit list.
async fn through_all_doors(elst: Option<&[u8]>) -> Result<i64, MediaError> {
    let entry = sample_entry(&[1, 66, 0, 10], None);
    let (init, segment) = (init(elst, &entry), segment(0));
    let answer = start(&init, &segment);
    for is_indexed in [false, true] {
        let file = fragmented(&init, &segment, is_indexed);
        assert_eq!(read(file.clone()).await, answer, "read, indexed: {is_indexed}");
        assert_eq!(locate(file).await, answer, "locate, indexed: {is_indexed}");
    }
    let file = progressive(elst, &entry);
    assert_eq!(read(file.clone()).await, answer, "read, progressive");
    assert_eq!(locate(file).await, answer, "locate, progressive");
    answer
}

/// Microseconds of ticks of the track, to the nearest.
fn micros(ticks: i64) -> i64 {
    (ticks as f64 * 1e6 / f64::from(TRACK)).round() as i64
}

#[tokio::test]
async fn lists_that_move_a_track_give_the_same_times_everywhere() {
    // Without a list, the first frame is presented two frames after decoding.
    let first = 2 * i64::from(FRAME);
    let second = i64::from(FRAME);
    // A tick of the movie is 4285.71 of the track.
    let lists: [(Vec<u8>, i64); 8] = [
        (elst(&[]), first),
        (elst(&[(0, 0, NORMAL)]), first),
        (elst(&[(9, 2002, NORMAL)]), 0),
        (elst(&[(9, 3003, NORMAL)]), -second),
        (elst(&[(1, -1, NORMAL), (9, 2002, NORMAL)]), 4286),
        // The rate of what presents nothing does not matter.
        (elst(&[(1, -1, 0), (1, -1, NORMAL), (9, 2002, NORMAL)]), 8571),
        // Nor does what follows.
        (elst(&[(9, 2002, NORMAL), (1, -1, NORMAL)]), 0),
        (long_elst(9, 1001), second),
    ];
    assert_eq!(through_all_doors(None).await, Ok(micros(first)));
    for (list, ticks) in lists {
        assert_eq!(through_all_doors(Some(&list)).await, Ok(micros(ticks)), "{list:?}");
    }
}

#[tokio::test]
async fn lists_that_do_more_are_refused_everywhere() {
    let one = (9, 2002, NORMAL);
    let lists = [
        elst(&[(9, 2002, 2 * NORMAL)]),
        elst(&[(9, 2002, 0)]),
        elst(&[one, (9, 4004, NORMAL)]),
        elst(&[one, one]),
        elst(&[(1, -2, NORMAL), one]),
        elst(&[(1, i32::MIN, NORMAL)]),
        long_elst(9, -2),
        elst(&[(1, -1, NORMAL); 65]),
    ];
    for list in lists {
        let error = through_all_doors(Some(&list)).await.unwrap_err();
        assert_eq!(error.kind, MediaErrorKind::Unsupported, "{list:?}");
        assert_eq!(error.what, "an edit list does more than move a track");
    }
}

#[tokio::test]
async fn damaged_lists_are_refused_everywhere() {
    let whole = elst(&[(1, -1, NORMAL), (9, 2002, NORMAL)]);
    let cut = whole[..whole.len() - 1].to_vec();
    for list in [cut, vec![0; 3], long_elst(9, i64::MAX), long_elst(u64::MAX, -1)] {
        let error = through_all_doors(Some(&list)).await.unwrap_err();
        assert_eq!(error.kind, MediaErrorKind::Damaged, "{list:?}");
    }
}

/// Segments behind sections of different edit lists, joined behind one of them.
#[test]
fn a_shift_makes_up_for_another_list() {
    let entry = sample_entry(&[1, 66, 0, 10], Some(1000));
    let other_entry = sample_entry(&[1, 66, 0, 10], Some(2000));
    let own_init = init(Some(&elst(&[(9, 2002, NORMAL)])), &entry);
    let other_init = init(Some(&elst(&[(1, -1, NORMAL), (9, 1001, NORMAL)])), &other_entry);
    let own = InitTracks::parse(&own_init).unwrap();
    let other = InitTracks::parse(&other_init).unwrap();
    assert!(own.fits(&other) && own != other);
    let mut bytes = segment(60_000);
    let before = own.start(&bytes).unwrap().unwrap();
    own.shift(&mut bytes, 500_000, &other).unwrap();
    let after = other.start(&bytes).unwrap().unwrap();
    assert_eq!(after, before + 500_000);
    assert_eq!(mp4::fragment_ranges(&bytes).unwrap().len(), 2);
    // Before 0 there is no place for a time.
    let error = own.shift(&mut bytes, -60_000_000, &other).unwrap_err();
    assert_eq!(error.kind, MediaErrorKind::Unsupported);
}

/// Bit rates differ from one encode to the next, configurations must not; also
/// when these have the letters of the box of bit rates in them.
#[test]
fn only_bit_rates_may_differ_between_sections() {
    let section =
        |config: &[u8], rate| InitTracks::parse(&init(None, &sample_entry(config, rate))).unwrap();
    let plain = section(&[1, 66, 0, 10], None);
    assert!(plain.fits(&section(&[1, 66, 0, 10], Some(1000))));
    assert!(section(&[1, 66, 0, 10], Some(9)).fits(&section(&[1, 66, 0, 10], Some(1000))));
    assert!(!plain.fits(&section(&[1, 66, 0, 11], None)));
    let lettered = |last| [&[0, 0, 0, 20][..], b"btrt", &[7; 11], &[last]].concat();
    assert!(!section(&lettered(1), None).fits(&section(&lettered(2), None)));
}

/// The beginning of a segment tells when it starts once its fragment is there.
#[test]
fn the_head_of_a_segment_is_enough() {
    let section = InitTracks::parse(&init(None, &sample_entry(&[1], None))).unwrap();
    let whole = segment(1001);
    let moof = whole.len() - 8 - OFFSETS.len() * SIZE as usize;
    for length in 0..whole.len() {
        let start = section.start(&whole[..length]).unwrap();
        assert_eq!(start, (length >= moof).then(|| micros(3003)), "{length}");
        let error = mp4::fragment_ranges(&whole[..length]).unwrap_err();
        assert_eq!(error.kind, MediaErrorKind::Damaged, "{length}");
    }
}

/// A fragment without a time is refused, and so is one whose samples are at a
/// place of another file.
#[test]
fn fragments_that_cannot_be_joined_are_refused() {
    let section = InitTracks::parse(&init(None, &sample_entry(&[1], None))).unwrap();
    let untimed = segment_with(&boxed(b"tfhd", &[&words([0x02_0000, 1])]), &[]);
    let error = section.start(&untimed).unwrap_err();
    assert_eq!(error.kind, MediaErrorKind::Unsupported);
    let fixed = segment_with(&boxed(b"tfhd", &[&words([0x01, 1, 0, 0])]), &[]);
    let error = mp4::fragment_ranges(&fixed).unwrap_err();
    assert_eq!(error.kind, MediaErrorKind::Unsupported);
    let encrypted = init(None, &boxed(b"encv", &[&[0; 78]]));
    assert_eq!(InitTracks::parse(&encrypted).unwrap_err().kind, MediaErrorKind::Unsupported);
}
