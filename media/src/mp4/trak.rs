//! `trak` (ISO/IEC 14496-12, 8.3): what `moov` says of a track.

use bytes::Bytes;
use clipmill_core::Timescale;

use super::box_cursor::NestedBox;
use super::boxes::{ChildBox, FieldReader, FourCc, child, children};
use super::elst::{EditClocks, EditList};
use super::limits;
use super::source::Mp4Source;
use super::stbl::SampleTables;
use crate::MediaError;

/// A tick a second.
pub(crate) const SECONDS: Timescale = match Timescale::new(1) {
    Some(seconds) => seconds,
    None => panic!("one is not zero"),
};

/// A track.
#[derive(Default)]
pub(crate) struct Trak {
    /// Its number.
    pub id: u32,
    /// Whether it is to be presented.
    pub is_enabled: bool,
    /// What kind of track it is, such as `vide`.
    pub handler: FourCc,
    /// The clock of its samples; none when it is damaged.
    pub timescale: Option<Timescale>,
    /// Ticks of its samples, if it says so.
    pub duration: Option<u64>,
    /// ISO 639-2 code.
    pub language: [u8; 3],
    /// Width and height to be presented, 16.16.
    pub presented: (u32, u32),
    /// Display matrix.
    pub matrix: [i32; 9],
    /// Edit list.
    pub edits: EditList,
    /// Tracks that have this one's chapters.
    pub chapters: Vec<u32>,
    /// Which data references are this file.
    pub self_contained: Vec<bool>,
    /// Content of `stsd`.
    pub stsd: Bytes,
    /// Where its samples are.
    pub tables: SampleTables,
    /// Content of `tkhd`.
    pub tkhd: Bytes,
    /// Content of `mdhd`.
    pub mdhd: Bytes,
    /// Content of `hdlr`.
    pub hdlr: Bytes,
    /// Content of `elst`, if there is one.
    pub elst: Option<Bytes>,
    /// The boxes of `minf` before the tables, with their names.
    pub minf: Vec<(FourCc, Bytes)>,
}

impl Trak {
    /// The clock of its samples. A damaged track, which is refused when it is
    /// used, has a tick a second.
    pub fn clock(&self) -> Timescale {
        self.timescale.unwrap_or(SECONDS)
    }

    /// The time scales of its edit list in a movie of this time scale.
    pub fn edit_clocks(&self, movie: Timescale) -> EditClocks {
        EditClocks { movie, track: self.clock() }
    }

    /// Reads a box within `trak` that is no container.
    pub async fn read_box(
        &mut self,
        source: &Mp4Source<'_>,
        found: &NestedBox,
    ) -> Result<(), MediaError> {
        let content = || read_small(source, found);
        match (&found.parent, &found.name) {
            (b"trak", b"tkhd") => self.tkhd(content().await?)?,
            (b"trak", b"tref") => self.chapters = chapters(&content().await?)?,
            (b"edts", b"elst") => {
                let content = content().await?;
                self.edits = EditList::parse(&content)?;
                self.elst = Some(content);
            }
            (b"mdia", b"mdhd") => self.mdhd(content().await?)?,
            (b"mdia", b"hdlr") => {
                self.hdlr = content().await?;
                self.handler = handler(&self.hdlr)?;
            }
            (b"minf", name)
                if found.size <= limits::MINF_BOX && self.minf.len() < limits::MINF_BOXES =>
            {
                let content = content().await?;
                if name == b"dinf" {
                    self.self_contained = self_contained(&content)?;
                }
                self.minf.push((*name, content));
            }
            (b"stbl", b"stsd") => self.stsd = content().await?,
            (b"stbl", _) => self.tables.read_head(source, found).await?,
            _ => {}
        }
        Ok(())
    }

    /// `tkhd` (8.3.2).
    fn tkhd(&mut self, content: Bytes) -> Result<(), MediaError> {
        let mut fields = FieldReader::new(&content);
        let (version, flags) = fields.version_and_flags()?;
        self.is_enabled = flags & 1 != 0;
        // When it was made and changed.
        fields.by_version(version)?;
        fields.by_version(version)?;
        self.id = fields.u32()?;
        fields.u32()?;
        // Its duration.
        fields.by_version(version)?;
        // Layer, group, volume, reserved.
        fields.bytes(16)?;
        for value in &mut self.matrix {
            *value = fields.i32()?;
        }
        self.presented = (fields.u32()?, fields.u32()?);
        self.tkhd = content;
        Ok(())
    }

    /// `mdhd` (8.4.2).
    fn mdhd(&mut self, content: Bytes) -> Result<(), MediaError> {
        let mut fields = FieldReader::new(&content);
        let header = TimeHeader::parse(&mut fields)?;
        self.timescale = header.timescale;
        self.duration = header.duration;
        self.language = language(fields.u16()?);
        self.mdhd = content;
        Ok(())
    }
}

/// What `mvhd` and `mdhd` begin with.
pub(crate) struct TimeHeader {
    /// None when it is damaged.
    pub timescale: Option<Timescale>,
    /// Ticks, if the header says so.
    pub duration: Option<u64>,
}

impl TimeHeader {
    /// Reads the fields up to the duration.
    ///
    /// # Errors
    /// The box is damaged.
    pub fn parse(fields: &mut FieldReader<'_>) -> Result<TimeHeader, MediaError> {
        let (version, _) = fields.version_and_flags()?;
        // When it was made and changed.
        fields.by_version(version)?;
        fields.by_version(version)?;
        let timescale = Timescale::new(fields.u32()?);
        let ticks = fields.by_version(version)?;
        // All ones stand for an unknown duration, and so does 0 where it is used.
        let unknown = if version == 0 { u64::from(u32::MAX) } else { u64::MAX };
        let duration = (ticks != 0 && ticks != unknown).then_some(ticks);
        Ok(TimeHeader { timescale, duration })
    }
}

/// The content of a box, which is read whole.
pub(crate) async fn read_small(
    source: &Mp4Source<'_>,
    found: &NestedBox,
) -> Result<Bytes, MediaError> {
    if found.size > limits::MOOV_BOX {
        return Err(MediaError::too_large("a box of moov is too large"));
    }
    source.read(found.offset, found.size).await
}

/// Three letters of 5 bits. Less than 0x400 is one of QuickTime's numbers.
fn language(packed: u16) -> [u8; 3] {
    let letter = |shift: u16| ((packed >> shift) & 0x1f) as u8 + 0x60;
    let code = [letter(10), letter(5), letter(0)];
    if packed >= 0x400 && code.iter().all(u8::is_ascii_lowercase) { code } else { *b"und" }
}

/// The kind of a track (`hdlr`, 8.4.3).
fn handler(content: &[u8]) -> Result<FourCc, MediaError> {
    let mut fields = FieldReader::new(content);
    fields.bytes(8)?;
    fields.four_cc()
}

/// The tracks that a `tref` (8.3.3) says have chapters.
fn chapters(content: &[u8]) -> Result<Vec<u32>, MediaError> {
    let mut tracks = Vec::new();
    for reference in children(content) {
        let ChildBox { name, body, .. } = reference?;
        if &name == b"chap" {
            let (ids, _) = body.as_chunks::<4>();
            tracks.extend(ids.iter().take(limits::TRACKS).map(|id| u32::from_be_bytes(*id)));
        }
    }
    Ok(tracks)
}

/// Which entries of the `dref` (8.7.2) in a `dinf` say that samples are in this
/// very file.
fn self_contained(dinf: &[u8]) -> Result<Vec<bool>, MediaError> {
    let Some(dref) = child(dinf, b"dref")? else { return Ok(Vec::new()) };
    let mut fields = FieldReader::new(dref.body);
    fields.bytes(8)?;
    children(fields.rest())
        .map(|entry| {
            let (_, flags) = FieldReader::new(entry?.body).version_and_flags()?;
            Ok(flags & 1 != 0)
        })
        .collect()
}
