//! `stbl`: where the tables of a track's samples are (ISO/IEC 14496-12, 8.5 to
//! 8.7). The tables themselves are read when a span needs them.

use super::box_cursor::NestedBox;
use super::boxes::FieldReader;
use super::lazy_table::LazyTable;
use super::limits;
use super::source::Mp4Source;
use crate::MediaError;

/// The tables of a track.
#[derive(Debug, Clone, Default)]
pub(crate) struct SampleTables {
    /// Durations of samples: count, ticks.
    pub stts: LazyTable,
    /// Composition offsets: count, ticks.
    pub ctts: Option<LazyTable>,
    /// Sync samples, numbered from 1; every sample is one when there is none.
    pub stss: Option<LazyTable>,
    /// Samples of chunks: first chunk, samples of each, description.
    pub stsc: LazyTable,
    /// Offsets of chunks, of 4 (`stco`) or 8 bytes (`co64`).
    pub chunk_offsets: LazyTable,
    /// Sizes of samples.
    pub stsz: LazyTable,
    /// The size of every sample; 0 when `stsz` lists them.
    pub uniform_size: u32,
    /// Number of samples.
    pub sample_count: u64,
    /// Why the tables can't be used, which does not matter for other tracks.
    pub refused: Option<MediaError>,
}

impl SampleTables {
    /// Reads where a table of `stbl` is.
    pub async fn read_head(
        &mut self,
        source: &Mp4Source<'_>,
        found: &NestedBox,
    ) -> Result<(), MediaError> {
        let width = match &found.name {
            b"stts" | b"ctts" | b"co64" => 8,
            b"stss" | b"stco" | b"stsz" => 4,
            b"stsc" => 12,
            b"stz2" => {
                let packed = MediaError::unsupported("the sizes of samples are packed (stz2)");
                self.refused.get_or_insert(packed);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let is_stsz = &found.name == b"stsz";
        let head = if is_stsz { 12 } else { 8 };
        if found.size < head {
            return Err(MediaError::damaged("a table ends before it begins"));
        }
        let window = limits::HEADER_READ.min(found.size);
        let bytes = source.read_at_least(found.offset, head, window).await?;
        let mut fields = FieldReader::new(&bytes);
        fields.version_and_flags()?;
        let uniform_size = if is_stsz { fields.u32()? } else { 0 };
        let count = u64::from(fields.u32()?);
        if count > limits::SAMPLES {
            self.refused.get_or_insert(MediaError::too_large("a table has too many entries"));
            return Ok(());
        }
        let entries = if uniform_size == 0 { count } else { 0 };
        if entries * width > found.size - head {
            return Err(MediaError::damaged("a table ends before its last entry"));
        }
        let table = LazyTable { offset: found.offset + head, entries, width };
        match &found.name {
            b"stts" => self.stts = table,
            b"ctts" => self.ctts = Some(table).filter(|table| table.entries > 0),
            b"stss" => self.stss = Some(table),
            b"stsc" => self.stsc = table,
            b"stsz" => {
                self.stsz = table;
                self.uniform_size = uniform_size;
                self.sample_count = count;
            }
            _ => self.chunk_offsets = table,
        }
        Ok(())
    }

    /// These tables, with guesses for those that were not found yet. In most
    /// files `stsz` and then the offsets of the chunks follow what was read so
    /// far, which ends at `read_until`, and are the last boxes of the track,
    /// which ends at `track_end`.
    pub fn guessed(
        &self,
        read_until: u64,
        track_end: u64,
        expected: ExpectedTables,
    ) -> SampleTables {
        let mut guess = self.clone();
        let mut offset = read_until;
        if guess.stsz.offset == 0 {
            guess.stsz = LazyTable { offset: offset + 20, entries: expected.samples, width: 4 };
            guess.sample_count = expected.samples;
            offset = guess.stsz.end();
        }
        if guess.chunk_offsets.offset == 0 {
            let entries = track_end.saturating_sub(offset + 16) / expected.offset_width;
            let offset = offset + 16;
            guess.chunk_offsets = LazyTable { offset, entries, width: expected.offset_width };
        }
        guess
    }
}

/// What is known of tables before they are found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExpectedTables {
    /// Number of samples.
    pub samples: u64,
    /// Bytes of a chunk's offset.
    pub offset_width: u64,
}
