//! The readers, each with what it is fed with.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::probe::Container;
use clipmill_core::{FileFormat, sniff};
use clipmill_media::codec::av1::{Av1SampleStart, Av1SequenceHeader, find_sequence_header};
use clipmill_media::codec::h264::{
    Avcc, FrameNumRewriter, H264Pps, H264Sps, ParameterSetIds, ParameterSets, SliceHeader,
    is_exact_recovery_point,
};
use clipmill_media::codec::hevc::{HevcIds, HevcSps, HevcUsedIds, Hvcc};
use clipmill_media::codec::nal::{
    LengthSize, insert_emulation_prevention, remove_emulation_prevention, split_nal_units,
};
use clipmill_media::codec::vpx::{Vp9KeyframeHeader, is_vp8_keyframe};
use clipmill_media::dash::{LiveMoment, Mpd};
use clipmill_media::hls::Playlist;
use clipmill_media::matroska::Matroska;
use clipmill_media::mp4::InitTracks;
use clipmill_media::{
    CodecId, ContainerFormat, LocalFile, Media, MediaError, ReadAt, SpanSelection,
    container_format, matroska, mp4, smart_cut, ts,
};

use super::{corpus, feed};

/// Most reads of one file: each of them may be a request.
const READS: u64 = 50_000;

/// A file in memory that counts how often it is read.
struct Counted(Bytes, AtomicU64);

impl Counted {
    fn new(bytes: &[u8]) -> Counted {
        Counted(Bytes::copy_from_slice(bytes), AtomicU64::new(0))
    }
}

#[async_trait]
impl ReadAt for Counted {
    fn size(&self) -> u64 {
        self.0.size()
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        let reads = self.1.fetch_add(1, Ordering::Relaxed);
        assert!(reads < READS, "the file is read again and again");
        self.0.read_at(from, length).await
    }
}

/// Runs what only waits for memory.
fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

const WANTS: [SpanSelection; 2] = [
    SpanSelection { start: 0.5, end: 1.2, video: true, audio: true },
    SpanSelection { start: 0.0, end: 1e9, video: true, audio: false },
];

#[test]
fn mp4_files() {
    feed("mp4", corpus::mp4(), |bytes| {
        let _ = sniff(bytes);
        let _ = now(mp4::read(&Counted::new(bytes)));
        for want in WANTS {
            let _ = now(mp4::locate(&Counted::new(bytes), &want));
        }
    });
}

#[test]
fn webm_files() {
    feed("webm", corpus::webm(), |bytes| {
        let _ = now(matroska::read(&Counted::new(bytes)));
        for want in WANTS {
            let _ = now(matroska::locate(&Counted::new(bytes), &want));
        }
    });
}

#[test]
fn segments() {
    let files = [corpus::mp4(), corpus::ts()].concat();
    feed("segments", files, |bytes| {
        let _ = mp4::fragment_ranges(bytes);
        if let Ok(section) = InitTracks::parse(bytes) {
            let _ = section.start(bytes);
            let _ = section.shift(&mut bytes.to_vec(), 1_234_567, &section);
        }
        if let Ok(contents) = ts::TransportStream::parse(bytes) {
            let _ = (contents.start_ticks(false), contents.start_ticks(true));
            let _ = ts::shift_timestamps(&mut bytes.to_vec(), 90_000);
        }
    });
}

#[test]
fn playlists() {
    feed("hls", corpus::hls(), |bytes| {
        if let Ok(Playlist::Media(media)) = Playlist::parse(bytes) {
            let _ = (media.starts(), media.program_times());
        }
    });
}

#[test]
fn manifests() {
    feed("dash", corpus::dash(), |bytes| {
        let Ok(manifest) = Mpd::parse(bytes) else { return };
        let now = LiveMoment { at: 1e9, window: manifest.window };
        for period in &manifest.periods {
            for representation in &period.representations {
                let _ = representation.segments(period, None);
                let _ = representation.segments(period, Some(now));
            }
        }
    });
}

#[test]
fn what_once_went_wrong() {
    let index = Counted::new(include_bytes!("found/mp4-index-time"));
    for want in WANTS {
        let _ = now(mp4::locate(&index, &want));
    }
    assert!(Playlist::parse(include_bytes!("found/hls-year")).is_ok());
}

/// What reads the file that these bytes are, or once were.
fn format_of(bytes: &[u8]) -> &'static dyn ContainerFormat {
    let container = sniff(bytes).map_or(Container::Mkv, FileFormat::container);
    container_format(container).unwrap_or(&Matroska)
}

/// Every file with what it holds.
fn all_media() -> Vec<(Vec<u8>, Media)> {
    let read = |bytes: Vec<u8>| {
        let media = now(format_of(&bytes).read(&Bytes::from(bytes.clone())));
        (bytes, media.unwrap())
    };
    [corpus::mp4(), corpus::webm()].concat().into_iter().map(read).collect()
}

#[test]
fn configurations() {
    let all_media = all_media();
    let pictures = all_media.iter().filter_map(|(_, media)| media.video_track());
    feed("configurations", pictures.map(|track| track.config.clone()).collect(), |bytes| {
        if let Ok(avcc) = Avcc::parse(bytes) {
            let _ = avcc.write();
        }
        if let Ok(hvcc) = Hvcc::parse(bytes) {
            let mut used = HevcUsedIds::default();
            for unit in hvcc.arrays.units() {
                let _ = used.add(unit);
            }
            let _ = (used.unused(), hvcc.write(true));
        }
        let _ = (Av1SequenceHeader::parse(bytes), find_sequence_header(bytes));
    });
}

#[test]
fn units() {
    let all_media = all_media();
    let mut samples = Vec::new();
    for (bytes, media) in &all_media {
        let track = media.video_track().unwrap();
        for sample in track.samples.iter().take(3) {
            let from = sample.offset as usize;
            samples.push(bytes[from..from + sample.size as usize].to_vec());
        }
    }
    let configs =
        all_media.iter().filter_map(|(_, media)| Some(media.video_track()?.config.clone()));
    samples.extend(configs);
    let headers = headers(&all_media);
    feed("units", samples, move |bytes| {
        let _ = (Av1SampleStart::parse(bytes), Vp9KeyframeHeader::parse(bytes));
        let _ = is_vp8_keyframe(bytes);
        let rbsp = remove_emulation_prevention(bytes);
        assert!(insert_emulation_prevention(&rbsp).len() >= rbsp.len());
        let lengths = LengthSize::from_minus_one(3).unwrap();
        let split = split_nal_units(bytes, lengths).unwrap_or_default();
        let (mut sets, mut used) = (ParameterSets::default(), HevcUsedIds::default());
        let (sps, pps) = &headers;
        // Once as units with lengths, once as a unit from its fifth byte on.
        for unit in split.into_iter().chain(bytes.get(4..)) {
            let _ = (H264Sps::parse(unit), ParameterSetIds::from_pps(unit), sets.add(unit));
            let _ = (H264Pps::parse(unit), is_exact_recovery_point(unit));
            let rbsp = remove_emulation_prevention(unit);
            if let Ok(slice) = SliceHeader::parse(&rbsp, sps, pps) {
                let mut rewriter = FrameNumRewriter::new(sps).unwrap();
                for kept in [true, false, true] {
                    let slices = std::slice::from_ref(&slice);
                    for changes in rewriter.rewrite_frame(slices, kept).unwrap_or_default() {
                        slice.rewrite(&rbsp, &changes).unwrap();
                    }
                }
            }
            let _ = (HevcSps::parse(unit), used.add(unit));
            let _ = HevcIds { vps: 1, sps: 2, pps: 3 }.rewrite(unit);
        }
        let _ = used.unused();
    });
}

/// Parameter sets of H.264, by which slices are read.
fn headers(all_media: &[(Vec<u8>, Media)]) -> (H264Sps, H264Pps) {
    let tracks = || all_media.iter().filter_map(|(_, media)| media.video_track());
    let track = tracks().find(|track| track.codec == CodecId::H264).unwrap();
    let config = Avcc::parse(&track.config).unwrap();
    (H264Sps::parse(&config.sps[0]).unwrap(), H264Pps::parse(&config.pps[0]).unwrap())
}

#[test]
fn cuts() {
    let whole = all_media();
    let files = whole.iter().map(|(bytes, _)| bytes.clone()).collect();
    feed("cut", files, move |bytes| {
        let read = now(format_of(bytes).read(&Counted::new(bytes)));
        // What a file says of itself, and what good ones say of it.
        let all_media = read.iter().chain(whole.iter().map(|(_, media)| media));
        for track in all_media.filter_map(Media::video_track) {
            let scale = i64::from(track.timescale.get());
            for (from, to) in [(scale / 2, scale), (0, i64::MAX)] {
                let _ = now(smart_cut::prepare(&Counted::new(bytes), track, from, to));
            }
        }
    });
}

#[test]
fn a_local_file_ends_where_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("short");
    std::fs::write(&path, b"short").unwrap();
    let file = LocalFile::open(&path).unwrap();
    for (from, length) in [(0, 6), (5, 1), (u64::MAX, 1), (1, usize::MAX)] {
        assert!(now(file.read_at(from, length)).is_err());
    }
}
