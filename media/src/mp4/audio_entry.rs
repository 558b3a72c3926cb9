//! Sample entries of audio (ISO/IEC 14496-12, 12.2.3), with the layouts that
//! QuickTime has of its own.

use super::boxes::{ChildBox, FieldReader, child, printable};
use super::esds::{AacFormat, DecoderConfig};
use super::sample_entry::{SampleEntry, refuse_encrypted_boxes};
use crate::{CodecId, MediaError};

/// The fields of an audio sample entry.
pub(crate) struct AudioFields<'a> {
    data_reference: u16,
    channels: u16,
    sample_rate: u32,
    /// The boxes after the fields.
    pub boxes: &'a [u8],
}

impl AudioFields<'_> {
    /// Reads the body of a sample entry of an `stsd` of this version.
    ///
    /// # Errors
    /// The entry is damaged.
    pub fn parse(body: &[u8], stsd_version: u8) -> Result<AudioFields<'_>, MediaError> {
        let mut fields = FieldReader::new(body);
        fields.bytes(6)?;
        let data_reference = fields.u16()?;
        let layout = fields.u16()?;
        fields.bytes(6)?;
        let mut channels = fields.u16()?;
        fields.bytes(6)?;
        let mut sample_rate = fields.u32()? >> 16;
        // In an `stsd` of version 1, layout 1 is ISO's, which adds no fields.
        match layout {
            1 if stsd_version == 0 => {
                fields.bytes(16)?;
            }
            2 => {
                fields.bytes(4)?;
                let rate = f64::from_bits(fields.u64()?);
                sample_rate = if (1.0..1e7).contains(&rate) { rate.round() as u32 } else { 0 };
                channels = u16::try_from(fields.u32()?).unwrap_or(0);
                fields.bytes(20)?;
            }
            _ => {}
        }
        Ok(AudioFields { data_reference, channels, sample_rate, boxes: fields.rest() })
    }
}

/// Reads a sample entry of an `stsd` of this version.
///
/// # Errors
/// The entry is damaged or encrypted.
pub(crate) fn audio_entry(
    found: &ChildBox<'_>,
    stsd_version: u8,
) -> Result<SampleEntry, MediaError> {
    let AudioFields { data_reference, mut channels, mut sample_rate, mut boxes } =
        AudioFields::parse(found.body, stsd_version)?;
    refuse_encrypted_boxes(boxes)?;
    if let Some(wave) = child(boxes, b"wave")? {
        boxes = wave.body;
    }
    let (codec, config) = codec(found, boxes)?;
    if codec == CodecId::Aac {
        let format = AacFormat::parse(&config).unwrap_or_default();
        sample_rate = if sample_rate == 0 { format.sample_rate } else { sample_rate };
        channels = if channels == 0 { format.channels } else { channels };
    }
    if codec == CodecId::Opus && sample_rate == 0 {
        sample_rate = 48_000;
    }
    Ok(SampleEntry {
        codec,
        config,
        whole: found.whole.to_vec(),
        data_reference,
        width: 0,
        height: 0,
        pixel_aspect: (1, 1),
        sample_rate,
        channels,
    })
}

/// The codec of an entry, and its decoder's configuration.
fn codec(entry: &ChildBox<'_>, boxes: &[u8]) -> Result<(CodecId, Vec<u8>), MediaError> {
    let config = |name| child(boxes, name);
    Ok(match &entry.name {
        b"mp4a" => match config(b"esds")? {
            Some(esds) => mpeg4(esds.body)?,
            None => (CodecId::Other("mp4a".to_owned()), Vec::new()),
        },
        b"Opus" => {
            (CodecId::Opus, config(b"dOps")?.map_or(Ok(Vec::new()), |dops| opus(dops.body))?)
        }
        b"fLaC" => {
            (CodecId::Flac, config(b"dfLa")?.map_or(Ok(Vec::new()), |dfla| flac(dfla.body))?)
        }
        b"ac-3" => (CodecId::Ac3, Vec::new()),
        b"ec-3" => (CodecId::Eac3, Vec::new()),
        b".mp3" | b"mp3 " => (CodecId::Mp3, Vec::new()),
        name => (CodecId::Other(printable(*name)), Vec::new()),
    })
}

fn mpeg4(esds: &[u8]) -> Result<(CodecId, Vec<u8>), MediaError> {
    let DecoderConfig { object_type, specific } = DecoderConfig::parse(esds)?;
    Ok(match object_type {
        0x40 | 0x66..=0x68 => (CodecId::Aac, specific),
        0x69 | 0x6b => (CodecId::Mp3, Vec::new()),
        0xa5 => (CodecId::Ac3, Vec::new()),
        0xa6 => (CodecId::Eac3, Vec::new()),
        0xad => (CodecId::Opus, specific),
        0xdd => (CodecId::Vorbis, specific),
        other => (CodecId::Other(format!("mp4a.{other:02x}")), specific),
    })
}

/// `OpusHead` (RFC 7845, 5.1) out of a `dOps`, which has the same fields in
/// the other byte order.
fn opus(content: &[u8]) -> Result<Vec<u8>, MediaError> {
    let mut fields = FieldReader::new(content);
    if fields.u8()? != 0 {
        return Err(MediaError::unsupported("a dOps of a version that is not known"));
    }
    let channels = fields.u8()?;
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend(fields.u16()?.to_le_bytes());
    head.extend(fields.u32()?.to_le_bytes());
    head.extend(fields.u16()?.to_le_bytes());
    let family = fields.u8()?;
    head.push(family);
    if family != 0 {
        head.extend(fields.bytes(2 + usize::from(channels))?);
    }
    Ok(head)
}

/// The beginning of a FLAC file, as Matroska keeps it, out of a `dfLa`.
fn flac(content: &[u8]) -> Result<Vec<u8>, MediaError> {
    let mut fields = FieldReader::new(content);
    fields.version_and_flags()?;
    Ok([b"fLaC", fields.rest()].concat())
}
