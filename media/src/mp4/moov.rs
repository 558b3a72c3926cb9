//! What `moov` says of a file and its tracks, but for the tables of samples:
//! of those only where they are, since they may be large.

use bytes::Bytes;

use super::ahead::skim;
use super::boxes::{Child, Fields, Name, child, children};
use super::edits::Edits;
use super::nested::{BOXES, Boxes, Found, WINDOW};
use super::source::Source;
use super::tables::Tables;
use crate::{Error, SpanSelection};

/// Most tracks.
pub(crate) const TRACKS: usize = 64;
/// Most bytes of a box that is read whole.
const SMALL: u64 = 1 << 20;
/// A `moov` of at most so many bytes is read whole.
const WHOLE: u64 = 1 << 20;

/// A `moov`.
pub(crate) struct Moov {
    /// Content of `mvhd`.
    pub mvhd: Bytes,
    /// Ticks per second of the movie; not 0.
    pub timescale: u32,
    /// Ticks of the movie, when it tells.
    pub duration: Option<u64>,
    /// All its tracks, whatever they are.
    pub tracks: Vec<Trak>,
    /// What fragments have where they say nothing else.
    pub trex: Vec<Trex>,
    /// Ticks of the movie with its fragments, when it tells.
    pub fragments: Option<u64>,
    /// Whether fragments may follow.
    pub fragmented: bool,
}

/// A track.
#[derive(Default)]
pub(crate) struct Trak {
    /// Its number.
    pub id: u32,
    /// Whether it is to be presented.
    pub enabled: bool,
    /// What kind of track it is, such as `vide`.
    pub handler: Name,
    /// Ticks per second.
    pub timescale: u32,
    /// Ticks of its samples, when it tells.
    pub duration: Option<u64>,
    /// ISO 639-2 code.
    pub language: [u8; 3],
    /// Width and height to be presented, 16.16.
    pub presented: (u32, u32),
    /// Display matrix.
    pub matrix: [i32; 9],
    /// Edit list.
    pub edits: Edits,
    /// Tracks that have this one's chapters.
    pub chapters: Vec<u32>,
    /// Which data references are this file.
    pub here: Vec<bool>,
    /// Content of `stsd`.
    pub stsd: Bytes,
    /// Where its samples are.
    pub tables: Tables,
    /// Contents of `tkhd`, `mdhd` and `hdlr`.
    pub tkhd: Bytes,
    /// As `tkhd`.
    pub mdhd: Bytes,
    /// As `tkhd`.
    pub hdlr: Bytes,
    /// All of `edts`' edit list, if there is one.
    pub elst: Option<Bytes>,
    /// The boxes of `minf` before the tables, with their names.
    pub media: Vec<(Name, Bytes)>,
}

/// What the samples of a track's fragments have where they say nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trex {
    /// The track.
    pub track: u32,
    /// Which sample description, from 1 on.
    pub description: u32,
    /// Ticks.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Flags (ISO/IEC 14496-12, 8.8.3.1).
    pub flags: u32,
}

impl Moov {
    /// Reads what is at `from..from + size`, header included. Of a large one
    /// what is wanted is read ahead.
    pub async fn read(
        source: &Source<'_>,
        from: u64,
        size: u64,
        want: Option<&SpanSelection>,
    ) -> Result<Moov, Error> {
        if size <= WHOLE {
            source.get(from, size).await?;
        }
        let mut moov = Moov {
            mvhd: Bytes::new(),
            timescale: 0,
            duration: None,
            tracks: Vec::new(),
            trex: Vec::new(),
            fragments: None,
            fragmented: false,
        };
        let body = from + source.header(from, size, WINDOW).await?.head;
        let boxes = || Boxes::within(*b"moov", body, from + size);
        if let Some(want) = want.filter(|_| size > WHOLE) {
            skim(source, boxes(), want).await;
        }
        let mut boxes = boxes();
        for _ in 0..BOXES {
            let Some(found) = boxes.next(source).await? else { return moov.complete() };
            if !found.is_container() {
                moov.leaf(source, &found).await?;
                continue;
            }
            if moov.tracks.len() >= TRACKS {
                return Err(Error::too_large("the file has too many tracks"));
            }
            moov.enter(found.name);
            boxes.enter(&found)?;
        }
        Err(Error::too_large("moov has too many boxes"))
    }

    fn enter(&mut self, name: Name) {
        match &name {
            b"trak" => self.tracks.push(Trak::default()),
            b"mvex" => self.fragmented = true,
            _ => {}
        }
    }

    async fn leaf(&mut self, source: &Source<'_>, found: &Found) -> Result<(), Error> {
        let whole = || small(source, found.from, found.size);
        match (&found.inside, &found.name) {
            (b"moov", b"mvhd") => self.mvhd(whole().await?)?,
            (b"moov", b"cmov") => return Err(Error::unsupported("moov is compressed")),
            (b"mvex", b"trex") => self.trex.push(trex(&whole().await?)?),
            (b"mvex", b"mehd") => {
                let content = whole().await?;
                let mut fields = Fields::new(&content);
                let (version, _) = fields.version()?;
                self.fragments = Some(fields.wide(version)?).filter(|ticks| *ticks != 0);
            }
            _ => {
                if let Some(track) = self.tracks.last_mut() {
                    track.leaf(source, found).await?;
                }
            }
        }
        Ok(())
    }

    fn mvhd(&mut self, content: Bytes) -> Result<(), Error> {
        (self.timescale, self.duration, _) = clock(&content)?;
        self.mvhd = content;
        Ok(())
    }

    fn complete(self) -> Result<Moov, Error> {
        if self.timescale == 0 {
            return Err(Error::damaged("the movie has no time scale"));
        }
        Ok(self)
    }
}

impl Trak {
    /// Takes note of a box within `trak`, none that holds others.
    pub async fn leaf(&mut self, source: &Source<'_>, found: &Found) -> Result<(), Error> {
        let Found { inside, name, from, size } = *found;
        let whole = || small(source, from, size);
        match (&inside, &name) {
            (b"trak", b"tkhd") => self.tkhd(whole().await?)?,
            (b"trak", b"tref") => self.chapters = chapters(&whole().await?)?,
            (b"edts", b"elst") => {
                let content = whole().await?;
                self.edits = Edits::read(&content)?;
                self.elst = Some(content);
            }
            (b"mdia", b"mdhd") => self.mdhd(whole().await?)?,
            (b"mdia", b"hdlr") => {
                self.hdlr = whole().await?;
                self.handler = handler(&self.hdlr)?;
            }
            (b"minf", _) if size <= SMALL / 16 && self.media.len() < 16 => {
                let content = whole().await?;
                if &name == b"dinf" {
                    self.here = references(&content)?;
                }
                self.media.push((name, content));
            }
            (b"stbl", b"stsd") => self.stsd = whole().await?,
            (b"stbl", _) => self.tables.note(source, name, from, size).await?,
            _ => {}
        }
        Ok(())
    }

    fn tkhd(&mut self, content: Bytes) -> Result<(), Error> {
        let mut fields = Fields::new(&content);
        let (version, flags) = fields.version()?;
        self.enabled = flags & 1 != 0;
        fields.wide(version)?;
        fields.wide(version)?;
        self.id = fields.u32()?;
        fields.u32()?;
        fields.wide(version)?;
        fields.take(16)?;
        for value in &mut self.matrix {
            *value = fields.i32()?;
        }
        self.presented = (fields.u32()?, fields.u32()?);
        self.tkhd = content;
        Ok(())
    }

    fn mdhd(&mut self, content: Bytes) -> Result<(), Error> {
        let (timescale, duration, mut rest) = clock(&content)?;
        (self.timescale, self.duration) = (timescale, duration);
        self.language = language(rest.u16()?);
        self.mdhd = content;
        Ok(())
    }
}

/// The content of a box, which is read whole.
pub(crate) async fn small(source: &Source<'_>, from: u64, size: u64) -> Result<Bytes, Error> {
    if size > SMALL {
        return Err(Error::too_large("a box of moov is too large"));
    }
    source.get(from, size).await
}

/// Time scale and duration, which `mvhd` and `mdhd` begin with, and what follows.
pub(crate) fn clock(content: &Bytes) -> Result<(u32, Option<u64>, Fields<'_>), Error> {
    let mut fields = Fields::new(content);
    let (version, _) = fields.version()?;
    fields.wide(version)?;
    fields.wide(version)?;
    let timescale = fields.u32()?;
    let duration = known(fields.wide(version)?, version);
    Ok((timescale, duration, fields))
}

/// A duration, unless it is 0 or all ones, which stand for unknown ones.
fn known(ticks: u64, version: u8) -> Option<u64> {
    let unknown = if version == 0 { u64::from(u32::MAX) } else { u64::MAX };
    (ticks != 0 && ticks != unknown).then_some(ticks)
}

/// Three letters of 5 bits. Less than 0x400 is one of QuickTime's numbers.
fn language(packed: u16) -> [u8; 3] {
    let letter = |shift: u16| ((packed >> shift) & 0x1f) as u8 + 0x60;
    let code = [letter(10), letter(5), letter(0)];
    if packed >= 0x400 && code.iter().all(u8::is_ascii_lowercase) { code } else { *b"und" }
}

fn handler(content: &[u8]) -> Result<Name, Error> {
    let mut fields = Fields::new(content);
    fields.take(8)?;
    fields.name()
}

/// The tracks that a `tref` says have chapters.
fn chapters(content: &[u8]) -> Result<Vec<u32>, Error> {
    let mut tracks = Vec::new();
    for reference in children(content) {
        let Child { name, body, .. } = reference?;
        if &name == b"chap" {
            let (ids, _) = body.as_chunks::<4>();
            tracks.extend(ids.iter().take(TRACKS).map(|id| u32::from_be_bytes(*id)));
        }
    }
    Ok(tracks)
}

/// Which entries of a `dinf`'s `dref` say that samples are in this very file.
fn references(content: &[u8]) -> Result<Vec<bool>, Error> {
    let Some(dref) = child(content, b"dref")? else { return Ok(Vec::new()) };
    let mut fields = Fields::new(dref.body);
    fields.take(8)?;
    children(fields.rest())
        .map(|entry| {
            let (_, flags) = Fields::new(entry?.body).version()?;
            Ok(flags & 1 != 0)
        })
        .collect()
}

fn trex(content: &[u8]) -> Result<Trex, Error> {
    let mut fields = Fields::new(content);
    fields.version()?;
    Ok(Trex {
        track: fields.u32()?,
        description: fields.u32()?,
        duration: fields.u32()?,
        size: fields.u32()?,
        flags: fields.u32()?,
    })
}
