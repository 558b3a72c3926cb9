//! Sample entries of sound, with those that QuickTime made differently, and
//! the descriptors of MPEG-4 within them.

use super::boxes::{Child, Fields, child, letters};
use super::entry::{Entry, refuse_encrypted};
use crate::{Codec, Error};

/// Samples per second of an `AudioSpecificConfig`, by its index.
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Reads a sample entry of sound, of an `stsd` of this version.
///
/// # Errors
/// The entry is damaged or encrypted.
pub fn read(found: &Child<'_>, version: u8) -> Result<Entry, Error> {
    let mut fields = Fields::new(found.body);
    fields.take(6)?;
    let reference = fields.u16()?;
    let layout = fields.u16()?;
    fields.take(6)?;
    let mut channels = fields.u16()?;
    fields.take(6)?;
    let mut sample_rate = fields.u32()? >> 16;
    // In an `stsd` of version 1, version 1 is ISO's, which adds no fields.
    match layout {
        1 if version == 0 => {
            fields.take(16)?;
        }
        2 => {
            fields.take(4)?;
            let rate = f64::from_bits(fields.u64()?);
            sample_rate = if (1.0..1e7).contains(&rate) { rate.round() as u32 } else { 0 };
            channels = u16::try_from(fields.u32()?).unwrap_or(0);
            fields.take(20)?;
        }
        _ => {}
    }
    let mut boxes = fields.rest();
    refuse_encrypted(boxes)?;
    if let Some(wave) = child(boxes, b"wave")? {
        boxes = wave.body;
    }
    let (codec, config) = match &found.name {
        b"mp4a" => match child(boxes, b"esds")? {
            Some(found) => mpeg4(found.body)?,
            None => (Codec::Other("mp4a".to_owned()), Vec::new()),
        },
        b"Opus" => (Codec::Opus, child(boxes, b"dOps")?.map_or(Ok(Vec::new()), |f| opus(f.body))?),
        b"fLaC" => (Codec::Flac, child(boxes, b"dfLa")?.map_or(Ok(Vec::new()), |f| flac(f.body))?),
        b"ac-3" => (Codec::Ac3, Vec::new()),
        b"ec-3" => (Codec::Eac3, Vec::new()),
        b".mp3" | b"mp3 " => (Codec::Mp3, Vec::new()),
        name => (Codec::Other(letters(*name)), Vec::new()),
    };
    if codec == Codec::Aac {
        let (rate, count) = specific(&config).unwrap_or((0, 0));
        sample_rate = if sample_rate == 0 { rate } else { sample_rate };
        channels = if channels == 0 { count } else { channels };
    }
    if codec == Codec::Opus && sample_rate == 0 {
        sample_rate = 48_000;
    }
    Ok(Entry {
        codec,
        config,
        whole: found.whole.to_vec(),
        reference,
        width: 0,
        height: 0,
        pixel_aspect: (1, 1),
        sample_rate,
        channels,
    })
}

fn mpeg4(content: &[u8]) -> Result<(Codec, Vec<u8>), Error> {
    let (object, config) = esds(content)?;
    Ok(match object {
        0x40 | 0x66..=0x68 => (Codec::Aac, config),
        0x69 | 0x6b => (Codec::Mp3, Vec::new()),
        0xa5 => (Codec::Ac3, Vec::new()),
        0xa6 => (Codec::Eac3, Vec::new()),
        0xad => (Codec::Opus, config),
        0xdd => (Codec::Vorbis, config),
        other => (Codec::Other(format!("mp4a.{other:02x}")), config),
    })
}

/// The object type of an `esds` and its decoder's configuration, empty when
/// there is none.
///
/// # Errors
/// It is damaged.
pub fn esds(content: &[u8]) -> Result<(u8, Vec<u8>), Error> {
    let mut fields = Fields::new(content);
    fields.version()?;
    let mut fields = Fields::new(descriptor(&mut fields, 3)?);
    fields.u16()?;
    let flags = fields.u8()?;
    if flags & 0x80 != 0 {
        fields.u16()?;
    }
    if flags & 0x40 != 0 {
        let length = fields.u8()?;
        fields.take(length.into())?;
    }
    if flags & 0x20 != 0 {
        fields.u16()?;
    }
    let mut fields = Fields::new(descriptor(&mut fields, 4)?);
    let object = fields.u8()?;
    fields.take(12)?;
    let config = if fields.rest().is_empty() { &[][..] } else { descriptor(&mut fields, 5)? };
    Ok((object, config.to_vec()))
}

/// The content of a descriptor (ISO/IEC 14496-1, 8.3.3), which must be the
/// one of this tag. One that says more than there is has what there is, as
/// some writers do.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Result<&'a [u8], Error> {
    if fields.u8()? != tag {
        return Err(Error::damaged("an esds has other descriptors than it must have"));
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    fields.take(length.min(fields.rest().len()))
}

/// Samples per second and channels of an `AudioSpecificConfig`.
fn specific(config: &[u8]) -> Option<(u32, u16)> {
    let mut word = [0; 8];
    let length = config.len().min(8);
    word[..length].copy_from_slice(&config[..length]);
    let (bits, mut at) = (u64::from_be_bytes(word), 0);
    let mut take = |count: u32| {
        let value = bits << at >> (64 - count);
        at += count;
        value
    };
    if take(5) == 31 {
        take(6);
    }
    let rate = match take(4) {
        15 => u32::try_from(take(24)).ok()?,
        index => *RATES.get(usize::try_from(index).ok()?)?,
    };
    let channels = match take(4) {
        7 => 8,
        count => u16::try_from(count).ok()?,
    };
    (length >= 2).then_some((rate, channels))
}

/// `OpusHead` (RFC 7845, 5.1) out of a `dOps`, which has the same fields in
/// the other byte order.
fn opus(content: &[u8]) -> Result<Vec<u8>, Error> {
    let mut fields = Fields::new(content);
    if fields.u8()? != 0 {
        return Err(Error::unsupported("a dOps of a version that is not known"));
    }
    let mut head = b"OpusHead\x01".to_vec();
    head.push(fields.u8()?);
    head.extend(fields.u16()?.to_le_bytes());
    head.extend(fields.u32()?.to_le_bytes());
    head.extend(fields.u16()?.to_le_bytes());
    let family = fields.u8()?;
    head.push(family);
    if family != 0 {
        let channels = usize::from(head[9]);
        head.extend(fields.take(2 + channels)?);
    }
    Ok(head)
}

/// The beginning of a FLAC file, as Matroska keeps it, out of a `dfLa`.
fn flac(content: &[u8]) -> Result<Vec<u8>, Error> {
    let mut fields = Fields::new(content);
    fields.version()?;
    Ok([b"fLaC", fields.rest()].concat())
}
