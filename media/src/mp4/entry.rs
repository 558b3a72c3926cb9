//! Sample entries: how the samples of a track are coded, and what a decoder
//! needs to know before the first one.

use super::boxes::{Child, Fields, Name, child, children, letters};
use super::sound;
use crate::{Codec, Error, TrackKind};

/// Most sample entries of one track.
const MOST: usize = 64;

/// A sample entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How samples are coded.
    pub codec: Codec,
    /// As [`Track::config`](crate::Track::config).
    pub config: Vec<u8>,
    /// All of the entry.
    pub whole: Vec<u8>,
    /// Which of the data references (`dref`) has the samples, from 1 on.
    pub reference: u16,
    /// Coded size in pixels; 0 for sound.
    pub width: u32,
    /// Coded size in pixels; 0 for sound.
    pub height: u32,
    /// Width and height of a pixel; (1, 1) when square or unknown.
    pub pixel_aspect: (u32, u32),
    /// Samples per second; 0 for a picture.
    pub sample_rate: u32,
    /// Channels; 0 for a picture.
    pub channels: u16,
}

impl Entry {
    /// Whether this is a still picture's codec, which covers and the pictures
    /// of chapters have.
    pub fn still(&self) -> bool {
        matches!(&self.codec, Codec::Other(name) if matches!(name.as_str(), "jpeg" | "png." | "mjpg"))
    }
}

/// Reads one of the sample entries of an `stsd`'s content; the first one is 1.
///
/// # Errors
/// The entry is damaged or encrypted, or there is no such entry.
pub fn read(stsd: &[u8], index: u32, kind: TrackKind) -> Result<Entry, Error> {
    let mut fields = Fields::new(stsd);
    let (version, _) = fields.version()?;
    fields.u32()?;
    let which = (index as usize).checked_sub(1).filter(|which| *which < MOST);
    let found = which.and_then(|which| children(fields.rest()).nth(which)).transpose()?;
    let Some(found) = found else {
        return Err(Error::damaged("samples refer to a description that is not there"));
    };
    if matches!(&found.name, b"encv" | b"enca" | b"drms" | b"drmi") {
        return Err(Error::unsupported("the file is encrypted"));
    }
    let entry = match kind {
        TrackKind::Video => picture(&found)?,
        TrackKind::Audio => sound::read(&found, version)?,
    };
    Ok(entry)
}

fn picture(found: &Child<'_>) -> Result<Entry, Error> {
    let mut fields = Fields::new(found.body);
    fields.take(6)?;
    let reference = fields.u16()?;
    fields.take(16)?;
    let (width, height) = (fields.u16()?, fields.u16()?);
    fields.take(50)?;
    let boxes = fields.rest();
    refuse_encrypted(boxes)?;
    let content = |name: &Name| Ok(child(boxes, name)?.map(|found| found.body.to_vec()));
    let (codec, config) = match &found.name {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dvav" | b"dva1" => {
            (Codec::H264, content(b"avcC")?)
        }
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => (Codec::Hevc, content(b"hvcC")?),
        b"vp08" => (Codec::Vp8, None),
        b"vp09" => (Codec::Vp9, content(b"vpcC")?),
        b"av01" => (Codec::Av1, content(b"av1C")?),
        b"mp4v" => match child(boxes, b"esds")? {
            Some(esds) => {
                let (object, config) = sound::esds(esds.body)?;
                let name = if object == 0x6c { "jpeg" } else { "mp4v" };
                (Codec::Other(name.to_owned()), Some(config))
            }
            None => (Codec::Other("mp4v".to_owned()), None),
        },
        name => (Codec::Other(letters(*name)), None),
    };
    let pixel_aspect = match child(boxes, b"pasp")? {
        Some(pasp) => {
            let mut fields = Fields::new(pasp.body);
            (fields.u32()?, fields.u32()?)
        }
        None => (1, 1),
    };
    let square = pixel_aspect.0 == pixel_aspect.1 || pixel_aspect.0 == 0 || pixel_aspect.1 == 0;
    Ok(Entry {
        codec,
        config: config.unwrap_or_default(),
        whole: found.whole.to_vec(),
        reference,
        width: width.into(),
        height: height.into(),
        pixel_aspect: if square { (1, 1) } else { pixel_aspect },
        sample_rate: 0,
        channels: 0,
    })
}

/// Refuses an entry that says how it is encrypted.
pub(super) fn refuse_encrypted(boxes: &[u8]) -> Result<(), Error> {
    match child(boxes, b"sinf")? {
        Some(_) => Err(Error::unsupported("the file is encrypted")),
        None => Ok(()),
    }
}
