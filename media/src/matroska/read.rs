//! Reading where every frame of a file is, without keeping any of them.

use clipmill_core::Timescale;

use super::block::{BlockHeader, FrameRange};
use super::buffered_file::BufferedFile;
use super::codec_config::complete_codec_config;
use super::ebml::{HEADER_MAX, cut_off, parse_unsigned};
use super::ids;
use super::packet_duration::packet_nanos;
use super::segment_head::{SegmentHead, read_segment_head};
use super::track_entry::TrackEntry;
use crate::{Media, MediaError, ReadAt, Sample, Track, TrackKind};

/// Bytes that are read at once.
const READ_AHEAD: usize = 1024 * 1024;
/// Most frames of a file.
const FRAMES: usize = 5_000_000;
/// Most elements of a file.
const ELEMENTS: usize = 4 * FRAMES;
/// Most bytes of a frame that are read.
const FRAME_START: u64 = 32;
/// Most bytes of a number that are read: one more than it may have.
const NUMBER_SIZE: u64 = 9;

/// Where every frame of video and audio is.
///
/// A file that ends in the middle of a frame is read up to the one before it.
///
/// # Errors
/// Those of the file; when it contradicts itself or has more than 5 million
/// frames; when a track is encrypted or compressed once more.
pub async fn read(file: &dyn ReadAt) -> Result<Media, MediaError> {
    let mut file = BufferedFile::open(file, READ_AHEAD).await?;
    let head = read_segment_head(&mut file).await?;
    let mut reader = ClusterReader::new(file, &head);
    if let Some(first) = head.first_cluster {
        reader.read_clusters(first, head.end).await?;
    }
    let tracks = reader.tracks.into_iter().map(|track| track.finish(head.scale)).collect();
    Ok(Media { tracks })
}

/// Reads all clusters one after the other.
struct ClusterReader<'a> {
    file: BufferedFile<'a>,
    tracks: Vec<TrackFrames>,
    /// Nanoseconds of a tick.
    scale: i64,
    frames: usize,
    elements: usize,
}

/// A track and its frames in the order in which they are stored.
struct TrackFrames {
    entry: TrackEntry,
    frames: Vec<Frame>,
    /// First bytes of the first keyframe.
    keyframe: Vec<u8>,
}

/// A frame; times are nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Frame {
    offset: u64,
    size: u32,
    keyframe: bool,
    time: i64,
    duration: Option<u64>,
}

/// A block, and what its group says of it.
struct GroupedBlock {
    /// Offset of the block's content.
    content: u64,
    /// Bytes of the content.
    size: u64,
    /// Whether it is a keyframe; none for a simple block, which says so itself.
    keyframe: Option<bool>,
    /// Nanoseconds of all of its frames.
    duration: Option<u64>,
}

impl<'a> ClusterReader<'a> {
    fn new(file: BufferedFile<'a>, head: &SegmentHead) -> ClusterReader<'a> {
        let track = |entry: &TrackEntry| TrackFrames {
            entry: entry.clone(),
            frames: Vec::new(),
            keyframe: Vec::new(),
        };
        ClusterReader {
            file,
            tracks: head.entries.iter().map(track).collect(),
            scale: i64::try_from(head.scale).unwrap_or(1_000_000),
            frames: 0,
            elements: 0,
        }
    }

    /// Reads everything from the first cluster to the end of the segment.
    async fn read_clusters(&mut self, first: u64, end: u64) -> Result<(), MediaError> {
        let mut offset = first;
        while offset < end {
            self.count_element()?;
            let Some(header) = self.file.header_at(offset).await? else { return Ok(()) };
            let content = offset + header.length as u64;
            let stop = header
                .size
                .map(|size| content.checked_add(size).ok_or_else(cut_off))
                .transpose()?;
            offset = match (header.id, stop) {
                (ids::CLUSTER, Some(stop)) => {
                    self.read_cluster(content, stop.min(end), false).await?
                }
                (ids::CLUSTER, None) => self.read_cluster(content, end, true).await?,
                // The next document of a file that several were joined to.
                (ids::EBML | ids::SEGMENT, _) => return Ok(()),
                (_, Some(stop)) => stop,
                (_, None) => return Err(MediaError::damaged("an element has no size")),
            };
        }
        Ok(())
    }

    /// Reads one cluster, and returns the first byte behind it. One of unknown
    /// size ends with the first element that can't be in a cluster.
    async fn read_cluster(
        &mut self,
        content: u64,
        end: u64,
        unknown_size: bool,
    ) -> Result<u64, MediaError> {
        let (mut offset, mut timestamp) = (content, None);
        while offset < end {
            self.count_element()?;
            let Some(header) = self.file.header_at(offset).await? else { return Ok(end) };
            if unknown_size && ids::ends_cluster(header.id) {
                return Ok(offset);
            }
            let size = header.size.ok_or_else(|| MediaError::damaged("an element has no size"))?;
            let content = offset + header.length as u64;
            let next = content.checked_add(size).ok_or_else(cut_off)?;
            if next > end {
                // What is cut off with the file is left out.
                return if end == self.file.size() { Ok(end) } else { Err(cut_off()) };
            }
            match header.id {
                ids::TIMESTAMP => {
                    timestamp = i64::try_from(self.read_number(content, size).await?).ok();
                }
                ids::SIMPLE_BLOCK => {
                    let block = GroupedBlock { content, size, keyframe: None, duration: None };
                    self.read_block(timestamp, block).await?;
                }
                ids::BLOCK_GROUP => {
                    if let Some(block) = self.read_group(content, next).await? {
                        self.read_block(timestamp, block).await?;
                    }
                }
                _ => {}
            }
            offset = next;
        }
        Ok(end)
    }

    async fn read_number(&mut self, content: u64, size: u64) -> Result<u64, MediaError> {
        let length = size.min(NUMBER_SIZE) as usize;
        parse_unsigned(&self.file.read_exact(content, length).await?)
    }

    /// The block of a group; none when there is none.
    async fn read_group(
        &mut self,
        content: u64,
        end: u64,
    ) -> Result<Option<GroupedBlock>, MediaError> {
        let (mut offset, mut block, mut keyframe, mut ticks) = (content, None, true, None);
        while offset < end {
            self.count_element()?;
            let header = self.file.header_at(offset).await?.ok_or_else(cut_off)?;
            let content = offset + header.length as u64;
            let size = header.size.ok_or_else(cut_off)?;
            let next = content.checked_add(size).filter(|next| *next <= end).ok_or_else(cut_off)?;
            match header.id {
                ids::BLOCK => block = Some((content, size)),
                ids::REFERENCE_BLOCK => keyframe = false,
                ids::BLOCK_DURATION => ticks = Some(self.read_number(content, size).await?),
                _ => {}
            }
            offset = next;
        }
        let duration = ticks.and_then(|ticks| ticks.checked_mul(self.scale.unsigned_abs()));
        Ok(block.map(|(content, size)| GroupedBlock {
            content,
            size,
            keyframe: Some(keyframe),
            duration,
        }))
    }

    /// Keeps where a block's frames are, if the block's track is video or audio.
    async fn read_block(
        &mut self,
        timestamp: Option<i64>,
        block: GroupedBlock,
    ) -> Result<(), MediaError> {
        let length = block.size.min(HEADER_MAX as u64) as usize;
        let header = BlockHeader::parse(&self.file.read_exact(block.content, length).await?)?;
        let mut tracks = self.tracks.iter_mut();
        let Some(track) = tracks.find(|track| u64::from(track.entry.track.id) == header.track)
        else {
            return Ok(());
        };
        let timestamp = timestamp
            .ok_or_else(|| MediaError::damaged("a block before its cluster's time stamp"))?;
        let ticks = timestamp.checked_add(i64::from(header.time));
        let time = ticks.and_then(|ticks| ticks.checked_mul(self.scale));
        let mut time = time.ok_or_else(|| MediaError::damaged("a time stamp makes no sense"))?;
        let length = BlockHeader::bytes_with_frame_sizes(block.size);
        let bytes = self.file.read_exact(block.content, length).await?;
        let frames = header.frames(&bytes, block.size)?;
        let duration = block.duration.map(|all| all / frames.len() as u64);
        let keyframe = block.keyframe.unwrap_or(header.keyframe);
        for FrameRange { offset, size } in frames {
            self.frames += 1;
            if self.frames > FRAMES {
                return Err(MediaError::too_large("more than 5 million frames"));
            }
            let offset = block.content + offset;
            let frame = Frame { offset, size, keyframe, time, duration };
            let frame = track.add_frame(&mut self.file, frame).await?;
            time = time.saturating_add_unsigned(frame.duration.unwrap_or(0));
        }
        Ok(())
    }

    fn count_element(&mut self) -> Result<(), MediaError> {
        self.elements += 1;
        if self.elements > ELEMENTS {
            return Err(MediaError::too_large("more than 20 million elements"));
        }
        Ok(())
    }
}

impl TrackFrames {
    /// Adds a frame, completed with what its track and its bytes say of it.
    async fn add_frame(
        &mut self,
        file: &mut BufferedFile<'_>,
        frame: Frame,
    ) -> Result<Frame, MediaError> {
        let track = &self.entry.track;
        let is_audio = track.kind == TrackKind::Audio;
        let mut frame = Frame { keyframe: is_audio || frame.keyframe, ..frame };
        let is_first_keyframe = frame.keyframe && self.keyframe.is_empty();
        let mut packet = None;
        if is_audio || is_first_keyframe {
            let length = u64::from(frame.size).min(FRAME_START) as usize;
            let bytes = file.read_exact(frame.offset, length).await?;
            if is_audio {
                packet = packet_nanos(&track.codec, track.sample_rate, &bytes);
            }
            if is_first_keyframe {
                self.keyframe = bytes.to_vec();
            }
        }
        frame.duration = frame.duration.or(self.entry.frame_duration).or(packet);
        self.frames.push(frame);
        Ok(frame)
    }

    /// The track with its samples. `scale` is the segment's, nanoseconds.
    fn finish(self, scale: u64) -> Track {
        let mut track = self.entry.track;
        complete_codec_config(&mut track, &self.keyframe);
        let ticks = |nanos: i64| Timescale::NANOS.rescale(nanos, track.timescale);
        let delay = ticks(i64::try_from(self.entry.codec_delay).unwrap_or(0));
        let sample = |frame: &Frame| Sample {
            offset: frame.offset,
            size: frame.size,
            pts: ticks(frame.time).saturating_sub(delay),
            duration: 0,
            sync: frame.keyframe,
        };
        let mut samples: Vec<Sample> = self.frames.iter().map(sample).collect();
        let mut order: Vec<usize> = (0..samples.len()).collect();
        order.sort_by_key(|index| samples[*index].pts);
        let mut before = ticks(i64::try_from(scale).unwrap_or(1)).max(1);
        for pair in order.windows(2) {
            let between = samples[pair[1]].pts.saturating_sub(samples[pair[0]].pts).max(1);
            samples[pair[0]].duration = u32::try_from(between).unwrap_or(u32::MAX);
            before = between;
        }
        if let Some(last) = order.last() {
            let nanos = self.frames[*last].duration.and_then(|nanos| i64::try_from(nanos).ok());
            let duration = nanos.map_or(before, ticks).max(1);
            samples[*last].duration = u32::try_from(duration).unwrap_or(u32::MAX);
        }
        track.samples = samples;
        track
    }
}
