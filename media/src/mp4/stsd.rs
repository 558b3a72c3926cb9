//! `stsd` (ISO/IEC 14496-12, 8.5.2): the sample entries of a track, which say
//! how its samples are coded, and those of video (12.1.3).

use super::audio_entry::{AudioFields, audio_entry};
use super::boxes::{ChildBox, FieldReader, FourCc, child, children, printable};
use super::esds::DecoderConfig;
use super::limits;
use super::sample_entry::{SampleEntry, refuse_encrypted_boxes, refuse_encrypted_name};
use crate::{CodecId, MediaError, TrackKind};

/// Bytes of a video sample entry's body before its boxes.
const VIDEO_FIELDS: usize = 78;

/// Reads one of the sample entries of an `stsd`'s content; the first one is 1.
///
/// # Errors
/// The entry is damaged or encrypted, or there is no such entry.
pub(crate) fn sample_entry(
    stsd: &[u8],
    index: u32,
    kind: TrackKind,
) -> Result<SampleEntry, MediaError> {
    let table = EntryTable::parse(stsd)?;
    let which = (index as usize).checked_sub(1).filter(|which| *which < limits::SAMPLE_ENTRIES);
    let found = which.and_then(|which| children(table.entries).nth(which)).transpose()?;
    let Some(found) = found else {
        return Err(MediaError::damaged("samples refer to a description that is not there"));
    };
    refuse_encrypted_name(&found)?;
    match kind {
        TrackKind::Video => video_entry(&found),
        TrackKind::Audio => audio_entry(&found, table.version),
    }
}

/// The content of an `stsd`.
struct EntryTable<'a> {
    version: u8,
    entries: &'a [u8],
}

impl EntryTable<'_> {
    fn parse(stsd: &[u8]) -> Result<EntryTable<'_>, MediaError> {
        let mut fields = FieldReader::new(stsd);
        let (version, _) = fields.version_and_flags()?;
        fields.u32()?;
        Ok(EntryTable { version, entries: fields.rest() })
    }
}

fn video_entry(found: &ChildBox<'_>) -> Result<SampleEntry, MediaError> {
    let mut fields = FieldReader::new(found.body);
    fields.bytes(6)?;
    let data_reference = fields.u16()?;
    fields.bytes(16)?;
    let (width, height) = (fields.u16()?, fields.u16()?);
    fields.bytes(50)?;
    let boxes = fields.rest();
    refuse_encrypted_boxes(boxes)?;
    let (codec, config) = video_codec(found, boxes)?;
    Ok(SampleEntry {
        codec,
        config: config.unwrap_or_default(),
        whole: found.whole.to_vec(),
        data_reference,
        width: width.into(),
        height: height.into(),
        pixel_aspect: pixel_aspect(boxes)?,
        sample_rate: 0,
        channels: 0,
    })
}

/// The codec of a video entry, and its decoder's configuration.
fn video_codec(
    entry: &ChildBox<'_>,
    boxes: &[u8],
) -> Result<(CodecId, Option<Vec<u8>>), MediaError> {
    let config = |name: &FourCc| Ok(child(boxes, name)?.map(|found| found.body.to_vec()));
    Ok(match &entry.name {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dvav" | b"dva1" => {
            (CodecId::H264, config(b"avcC")?)
        }
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => (CodecId::Hevc, config(b"hvcC")?),
        b"vp08" => (CodecId::Vp8, None),
        b"vp09" => (CodecId::Vp9, config(b"vpcC")?),
        b"av01" => (CodecId::Av1, config(b"av1C")?),
        b"mp4v" => match child(boxes, b"esds")? {
            Some(esds) => {
                let DecoderConfig { object_type, specific } = DecoderConfig::parse(esds.body)?;
                let name = if object_type == 0x6c { "jpeg" } else { "mp4v" };
                (CodecId::Other(name.to_owned()), Some(specific))
            }
            None => (CodecId::Other("mp4v".to_owned()), None),
        },
        name => (CodecId::Other(printable(*name)), None),
    })
}

/// Width and height of a pixel (`pasp`, ISO/IEC 14496-12, 12.1.4).
fn pixel_aspect(boxes: &[u8]) -> Result<(u32, u32), MediaError> {
    let Some(pasp) = child(boxes, b"pasp")? else { return Ok((1, 1)) };
    let mut fields = FieldReader::new(pasp.body);
    let (width, height) = (fields.u32()?, fields.u32()?);
    let is_square = width == height || width == 0 || height == 0;
    Ok(if is_square { (1, 1) } else { (width, height) })
}

/// Refuses an `stsd` of which any entry's name says that it is encrypted.
///
/// # Errors
/// An entry is encrypted or damaged.
pub(crate) fn refuse_encrypted_entries(stsd: &[u8]) -> Result<(), MediaError> {
    children(EntryTable::parse(stsd)?.entries)
        .take(limits::SAMPLE_ENTRIES)
        .try_for_each(|entry| refuse_encrypted_name(&entry?))
}

/// The sample entries of an `stsd` without their `btrt`: bit rates differ from
/// one encode to the next, and no decoder needs them.
///
/// # Errors
/// It is damaged.
pub(crate) fn entries_without_bit_rates(
    stsd: &[u8],
    kind: TrackKind,
) -> Result<Vec<u8>, MediaError> {
    let table = EntryTable::parse(stsd)?;
    let mut kept = Vec::with_capacity(stsd.len());
    for entry in children(table.entries).take(limits::SAMPLE_ENTRIES) {
        let entry = entry?;
        let boxes = match kind {
            TrackKind::Video => entry.body.get(VIDEO_FIELDS..).unwrap_or_default(),
            TrackKind::Audio => AudioFields::parse(entry.body, table.version)?.boxes,
        };
        kept.extend(entry.name);
        kept.extend(&entry.body[..entry.body.len() - boxes.len()]);
        for inside in children(boxes) {
            let inside = inside?;
            if &inside.name != b"btrt" {
                kept.extend(inside.whole);
            }
        }
    }
    Ok(kept)
}
