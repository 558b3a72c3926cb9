//! A file of ten hours, of which there is only the index.

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_media::{Error, Part, ReadAt, Want, mp4};

use super::made::Counting;

/// A file of which all but the beginning is nothing.
struct Sparse {
    head: Bytes,
    size: u64,
    /// Where the pictures are after that.
    chunks: Vec<u64>,
}

#[async_trait]
impl ReadAt for Sparse {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, Error> {
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

fn boxed(name: &[u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    let all = contents.concat();
    [&(all.len() as u32 + 8).to_be_bytes()[..], name, &all].concat()
}

fn words(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    numbers.into_iter().flat_map(u32::to_be_bytes).collect()
}

fn table<const N: usize>(name: &[u8; 4], rows: &[[u32; N]]) -> Vec<u8> {
    let head = words([0, rows.len() as u32]);
    boxed(name, &[&head, &words(rows.iter().flatten().copied())])
}

/// Samples of a track, all of its chunks.
#[derive(Default)]
struct Made {
    sizes: Vec<u32>,
    offsets: Vec<i32>,
    syncs: Vec<u32>,
    /// First byte after the file's head, and samples.
    chunks: Vec<(u64, u32)>,
}

impl Made {
    fn track(&self, id: u32, handler: &[u8; 4], scale: u32, delta: u32, base: u64) -> Vec<u8> {
        let count = self.sizes.len() as u32;
        let sizes = boxed(b"stsz", &[&words([0, 0, count]), &words(self.sizes.iter().copied())]);
        let places = self.chunks.iter().map(|(at, _)| at + base);
        let places = places.map(|at| [(at >> 32) as u32, at as u32]).collect::<Vec<_>>();
        let mut runs: Vec<[u32; 3]> = Vec::new();
        for (chunk, (_, samples)) in self.chunks.iter().enumerate() {
            if runs.last().is_none_or(|last| last[1] != *samples) {
                runs.push([chunk as u32 + 1, *samples, 1]);
            }
        }
        let mut late: Vec<[u32; 2]> = Vec::new();
        for offset in self.offsets.iter().map(|offset| offset.cast_unsigned()) {
            match late.last_mut() {
                Some(last) if last[1] == offset => last[0] += 1,
                _ => late.push([1, offset]),
            }
        }
        let entry = match handler {
            b"vide" => {
                boxed(b"avc1", &[&[0; 6], &[0, 1], &[0; 70], &boxed(b"avcC", &[&[1, 66, 0, 10]])])
            }
            _ => boxed(b"sowt", &[&[0; 6], &[0, 1], &[0; 20]]),
        };
        let mut tables =
            vec![boxed(b"stsd", &[&words([0, 1]), &entry]), table(b"stts", &[[count, delta]])];
        if !self.syncs.is_empty() {
            let syncs: Vec<_> = self.syncs.iter().map(|sync| [*sync]).collect();
            tables.push(table(b"stss", &syncs));
            tables.push(table(b"ctts", &late));
        }
        tables.extend([table(b"stsc", &runs), sizes, table(b"co64", &places)]);
        let tables = boxed(b"stbl", &[&tables.concat()]);
        let head = boxed(b"tkhd", &[&words([1, 0, 0, id, 0, 0]), &[0; 60]]);
        let media = boxed(b"mdhd", &[&words([0, 0, 0, scale, count * delta, 0x55c4_0000])]);
        let kind = boxed(b"hdlr", &[&words([0, 0]), handler, &[0; 13]]);
        boxed(b"trak", &[&head, &boxed(b"mdia", &[&media, &kind, &boxed(b"minf", &[&tables])])])
    }
}

/// Pictures of 30 per second with two reordered ones between others, each a
/// chunk, and the sound that belongs to it after it.
fn film(seconds: u32) -> Sparse {
    let (mut picture, mut sound, mut at) = (Made::default(), Made::default(), 0);
    let mut heard = 0_u64;
    for frame in 0..seconds * 30 {
        let size = 15_000 + frame % 13 * 700;
        picture.chunks.push((at, 1));
        picture.sizes.push(size);
        picture.offsets.push(late(frame).cast_signed());
        if frame % 121 == 0 {
            picture.syncs.push(frame + 1);
        }
        at += u64::from(size);
        let until = u64::from(frame + 1) * 48_000 / 30 / 1024;
        let packets = (until - heard) as u32;
        if packets > 0 {
            sound.chunks.push((at, packets));
            for packet in heard..until {
                let size = 180 + (packet % 11) as u32;
                sound.sizes.push(size);
                at += u64::from(size);
            }
            heard = until;
        }
    }
    let moov = |base| {
        let head = boxed(b"mvhd", &[&words([0, 0, 0, 1000, seconds * 1000]), &[0; 80]]);
        let tracks =
            [picture.track(1, b"vide", 30, 1, base), sound.track(2, b"soun", 48_000, 1024, base)];
        boxed(b"moov", &[&head, &tracks.concat()])
    };
    let ftyp = boxed(b"ftyp", &[b"isom", &words([0])]);
    let base = (ftyp.len() + moov(0).len() + 16) as u64;
    let mdat = [&words([1])[..], b"mdat", &(at + 16).to_be_bytes()].concat();
    let head = [ftyp, moov(base), mdat].concat();
    assert_eq!(head.len() as u64, base);
    let chunks = picture.chunks.iter().map(|(at, _)| *at).collect();
    Sparse { head: head.into(), size: base + at, chunks }
}

/// What is read for a minute from `start` on, requests and bytes. That the
/// right samples are found shows by their sizes.
async fn minute(file: &Counting<Sparse>, start: u32) -> (usize, u64) {
    let before = file.counted();
    let want = Want { start: start.into(), end: f64::from(start + 60), picture: true, sound: true };
    let located = mp4::locate(file, &want).await.unwrap();
    let after = file.counted();
    let mut small = Vec::new();
    for part in &located.parts {
        match part {
            Part::Made(bytes) => small.extend(bytes),
            Part::Copied(_) => small.resize(small.len() + part.length() as usize, 0),
        }
    }
    let movie = mp4::read(&Bytes::from(small)).await.unwrap();
    let [picture, sound] = &movie.tracks[..] else { panic!() };
    // Sound begins at 0, the first picture 2 frames later.
    let first = start * 30 / 121 * 121;
    assert_eq!(picture.samples[0].pts, i64::from(first) + 2);
    for (frame, sample) in (first..).zip(&picture.samples) {
        assert_eq!(sample.size, 15_000 + frame % 13 * 700);
        assert_eq!(sample.pts, i64::from(frame + late(frame)));
        assert_eq!(sample.sync, frame == first || frame % 121 == 0);
    }
    let packet = sound.samples[0].pts / 1024;
    for (packet, sample) in (packet..).zip(&sound.samples) {
        assert_eq!((sample.pts, sample.size), (packet * 1024, 180 + (packet % 11) as u32));
    }
    let [Part::Made(_), Part::Copied(range)] = &located.parts[..] else {
        panic!("{} parts", located.parts.len());
    };
    let base = file.file.head.len() as u64;
    assert_eq!(range.start, base + file.file.chunks[first as usize]);
    (after.0 - before.0, after.1 - before.1)
}

/// How many frames later than decoded a frame is presented.
fn late(frame: u32) -> u32 {
    // I B B P B B P: 2, then 4, 1, 1.
    match frame % 121 {
        0 => 2,
        place if place % 3 == 1 => 4,
        _ => 1,
    }
}

#[tokio::test]
async fn ten_hours() {
    let short = Counting::new(film(600));
    let (_, read) = minute(&short, 300).await;
    assert!(read < 1_500_000, "{read} of ten minutes");
    let long = Counting::new(film(36_000));
    let index = long.file.head.len() as u64;
    assert!(index > 30_000_000, "{index}");
    // In the middle, half of what has to be summed up lies before.
    for (start, most) in
        [(100, 700 << 10), (17_000, index / 4), (18_500, index / 4), (35_900, 2 << 20)]
    {
        let (requests, read) = minute(&long, start).await;
        assert!(read < most, "{read} at {start}");
        assert!(requests < 20, "{requests} at {start}");
    }
}
