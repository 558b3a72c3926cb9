//! Long files of which there is only the index.

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_media::{MediaError, ReadAt};

/// A file of which all but the beginning is nothing.
pub struct Sparse {
    /// All before the samples.
    pub head: Bytes,
    size: u64,
}

#[async_trait]
impl ReadAt for Sparse {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        let end = from as usize + length;
        assert!(end as u64 <= self.size);
        if end <= self.head.len() {
            return Ok(self.head.slice(from as usize..end));
        }
        let mut bytes = vec![0; length];
        let have = self.head.get(from as usize..).unwrap_or_default();
        bytes[..have.len()].copy_from_slice(have);
        Ok(bytes.into())
    }
}

impl Sparse {
    /// The same with another head.
    pub fn with(&self, head: impl Into<Bytes>) -> Sparse {
        Sparse { head: head.into(), size: self.size }
    }
}

/// What a long file is like.
#[derive(Debug, Clone, Copy)]
pub struct Film {
    pub seconds: u32,
    /// Frames per second.
    pub rate: u32,
    /// Whether frames last differently long, those of the first half more so.
    pub uneven: bool,
    /// Frames of one group.
    pub group: u32,
    /// Reordered ones between others.
    pub between: u32,
    /// Whether both numbers vary, up to about these.
    pub varied: bool,
    /// Tracks of audio.
    pub audio_tracks: u32,
    /// Bytes of a packet, by its number.
    pub packet_size: fn(u64) -> u32,
    /// Whether a track of text lies between.
    pub text: bool,
    /// Whether there are holes between chunks here and there.
    pub holes: bool,
    /// Whether offsets have eight bytes.
    pub wide: bool,
}

/// Sixteen bits that look like chance.
pub fn chance(number: u64) -> u32 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 40) as u32 & 0xffff
}

/// Bytes of a packet of audio: no two stretches are alike.
pub fn packet_size(packet: u64) -> u32 {
    180 + chance(packet) % 97
}

/// As `ffmpeg` makes it: 30 frames a second, each a chunk, and the audio that
/// belongs to it after it.
pub const PLAIN: Film = Film {
    seconds: 600,
    rate: 30,
    uneven: false,
    group: 121,
    between: 2,
    varied: false,
    audio_tracks: 1,
    packet_size,
    text: false,
    holes: false,
    wide: false,
};

/// Ticks per second of frames.
const SCALE: u32 = 12_000;

impl Film {
    /// Makes the index.
    pub fn index(&self) -> Sparse {
        let (mut tracks, end) = self.tracks();
        for track in &mut tracks {
            track.join();
        }
        let moov = |base| {
            let head = boxed(b"mvhd", &[&words([0, 0, 0, 1000, self.seconds * 1000]), &[0; 80]]);
            let all: Vec<_> = tracks.iter().map(|track| track.whole(base, self.wide)).collect();
            boxed(b"moov", &[&head, &all.concat()])
        };
        let ftyp = boxed(b"ftyp", &[b"isom", &words([0])]);
        let base = (ftyp.len() + moov(0).len() + 16) as u64;
        let mdat = [&words([1])[..], b"mdat", &(end + 16).to_be_bytes()].concat();
        let head = [ftyp, moov(base), mdat].concat();
        assert_eq!(head.len() as u64, base);
        Sparse { head: head.into(), size: base + end }
    }

    fn tracks(&self) -> (Vec<Track>, u64) {
        let mut video = self.video();
        let mut audio: Vec<_> =
            (0..self.audio_tracks).map(|sound| Track::new(2 + sound, b"soun", 48_000)).collect();
        let mut text = Track::new(9, b"text", 1000);
        let (mut at, mut time) = (0, 0);
        for frame in 0..video.lengths.len() as u64 {
            let hole = self.holes && chance(frame).is_multiple_of(50);
            at += if hole { 7 } else { 0 };
            video.add(&mut at, 1000 + chance(frame ^ 0xffff) % 3000);
            time += u64::from(video.lengths[frame as usize]);
            for sound in &mut audio {
                while (sound.sizes.len() as u64 + 1) * 1024 * u64::from(SCALE) <= time * 48_000 {
                    sound.lengths.push(1024);
                    sound.add(&mut at, (self.packet_size)(sound.sizes.len() as u64));
                }
            }
            if self.text && frame % 100 == 99 {
                text.lengths.push(100 * 1000 / self.rate);
                text.add(&mut at, 20 + chance(frame) % 30);
            }
        }
        let all = [video].into_iter().chain(audio).chain(self.text.then_some(text));
        (all.collect(), at)
    }

    /// The times of the frames.
    fn video(&self) -> Track {
        let (mut video, mut frame) = (Track::new(1, b"vide", SCALE), 0);
        let count = self.seconds * self.rate;
        let even = SCALE / self.rate;
        let mut shown = vec![0_i64];
        for frame in 0..count + 8 {
            let slow = if frame < count / 2 { even / 10 } else { 0 };
            let more = if self.uneven { slow + chance(frame.into()) % 3 } else { 0 };
            shown.push(shown[frame as usize] + i64::from(even + more));
        }
        while frame < count {
            video.syncs.push(frame + 1);
            let mut order = vec![frame];
            let vary = |number: u32, most| chance(number.into()) % most;
            let group = if self.varied { 2 + vary(frame, self.group) } else { self.group };
            let end = (frame + group).min(count);
            frame += 1;
            while frame < end {
                let between =
                    if self.varied { vary(frame, self.between + 1) } else { self.between };
                let between = between.min(end - frame - 1);
                order.push(frame + between);
                order.extend(frame..frame + between);
                frame += between + 1;
            }
            for place in order {
                let decoded = video.lengths.len();
                let (this, next) = (shown[decoded], shown[decoded + 1]);
                video.lengths.push((next - this) as u32);
                video.offsets.push((shown[place as usize + 2] - this) as i32);
            }
        }
        video
    }
}

/// Samples of a track.
struct Track {
    id: u32,
    handler: &'static [u8; 4],
    scale: u32,
    sizes: Vec<u32>,
    lengths: Vec<u32>,
    offsets: Vec<i32>,
    syncs: Vec<u32>,
    /// First byte after the file's head, end, and samples.
    chunks: Vec<(u64, u64, u32)>,
}

impl Track {
    fn new(id: u32, handler: &'static [u8; 4], scale: u32) -> Track {
        let (sizes, lengths, offsets, syncs, chunks) = Default::default();
        Track { id, handler, scale, sizes, lengths, offsets, syncs, chunks }
    }

    fn add(&mut self, at: &mut u64, size: u32) {
        self.sizes.push(size);
        self.chunks.push((*at, *at + u64::from(size), 1));
        *at += u64::from(size);
    }

    /// Makes one chunk of those that lie one after the other.
    fn join(&mut self) {
        let mut joined: Vec<(u64, u64, u32)> = Vec::new();
        for chunk in &self.chunks {
            match joined.last_mut() {
                Some(last) if last.1 == chunk.0 => (last.1, last.2) = (chunk.1, last.2 + 1),
                _ => joined.push(*chunk),
            }
        }
        self.chunks = joined;
    }

    fn whole(&self, base: u64, wide: bool) -> Vec<u8> {
        let sizes = [&words([0, 0, self.sizes.len() as u32])[..], &words(self.sizes.clone())];
        let places = self.chunks.iter().map(|(at, ..)| at + base);
        let mut runs: Vec<[u32; 3]> = Vec::new();
        for (chunk, (.., samples)) in self.chunks.iter().enumerate() {
            if runs.last().is_none_or(|last| last[1] != *samples) {
                runs.push([chunk as u32 + 1, *samples, 1]);
            }
        }
        let entry = match self.handler {
            b"vide" => {
                boxed(b"avc1", &[&[0; 6], &[0, 1], &[0; 70], &boxed(b"avcC", &[&[1, 66, 0, 10]])])
            }
            _ => boxed(b"sowt", &[&[0; 6], &[0, 1], &[0; 20]]),
        };
        let mut tables = vec![
            boxed(b"stsd", &[&words([0, 1]), &entry]),
            table(b"stts", &counted(self.lengths.iter().copied())),
        ];
        if !self.syncs.is_empty() {
            let syncs: Vec<_> = self.syncs.iter().map(|sync| [*sync]).collect();
            tables.push(table(b"stss", &syncs));
            let offsets = self.offsets.iter().map(|offset| offset.cast_unsigned());
            tables.push(table(b"ctts", &counted(offsets)));
        }
        tables.extend([table(b"stsc", &runs), boxed(b"stsz", &sizes)]);
        tables.push(match wide {
            true => {
                let places = places.map(|at| [(at >> 32) as u32, at as u32]);
                table(b"co64", &places.collect::<Vec<_>>())
            }
            false => table(b"stco", &places.map(|at| [at as u32]).collect::<Vec<_>>()),
        });
        let tables = boxed(b"stbl", &[&tables.concat()]);
        let head = boxed(b"tkhd", &[&words([1, 0, 0, self.id, 0, 0]), &[0; 60]]);
        let duration = self.lengths.iter().sum();
        let media = boxed(b"mdhd", &[&words([0, 0, 0, self.scale, duration, 0x55c4_0000])]);
        let kind = boxed(b"hdlr", &[&words([0, 0]), self.handler, &[0; 13]]);
        boxed(b"trak", &[&head, &boxed(b"mdia", &[&media, &kind, &boxed(b"minf", &[&tables])])])
    }
}

pub fn boxed(name: &[u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    let all = contents.concat();
    [&(all.len() as u32 + 8).to_be_bytes()[..], name, &all].concat()
}

pub fn words(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    numbers.into_iter().flat_map(u32::to_be_bytes).collect()
}

pub fn table<const N: usize>(name: &[u8; 4], rows: &[[u32; N]]) -> Vec<u8> {
    let head = words([0, rows.len() as u32]);
    boxed(name, &[&head, &words(rows.iter().flatten().copied())])
}

/// How often each number follows itself.
fn counted(numbers: impl Iterator<Item = u32>) -> Vec<[u32; 2]> {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(last) if last[1] == number => last[0] += 1,
            _ => runs.push([1, number]),
        }
    }
    runs
}
