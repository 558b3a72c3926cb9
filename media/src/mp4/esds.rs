//! `esds` (ISO/IEC 14496-14, 5.6) and the descriptors of MPEG-4 within it
//! (ISO/IEC 14496-1, 7.2.6).

use super::boxes::FieldReader;
use crate::MediaError;

/// Tag of an `ES_Descriptor`.
const ES: u8 = 3;
/// Tag of a `DecoderConfigDescriptor`.
const DECODER_CONFIG: u8 = 4;
/// Tag of a `DecoderSpecificInfo`.
const DECODER_SPECIFIC: u8 = 5;

/// Samples per second of an `AudioSpecificConfig`, by its index.
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// How a stream is coded.
pub(crate) struct DecoderConfig {
    /// `objectTypeIndication`.
    pub object_type: u8,
    /// `DecoderSpecificInfo`, empty when there is none.
    pub specific: Vec<u8>,
}

impl DecoderConfig {
    /// Reads the content of an `esds`.
    ///
    /// # Errors
    /// It is damaged.
    pub fn parse(content: &[u8]) -> Result<DecoderConfig, MediaError> {
        let mut fields = FieldReader::new(content);
        fields.version_and_flags()?;
        let mut stream = FieldReader::new(descriptor(&mut fields, ES)?);
        stream.u16()?;
        let flags = stream.u8()?;
        if flags & 0x80 != 0 {
            // The stream that this one depends on.
            stream.u16()?;
        }
        if flags & 0x40 != 0 {
            let url = stream.u8()?;
            stream.bytes(url.into())?;
        }
        if flags & 0x20 != 0 {
            // The stream of its clock.
            stream.u16()?;
        }
        let mut config = FieldReader::new(descriptor(&mut stream, DECODER_CONFIG)?);
        let object_type = config.u8()?;
        // Kind of stream, buffer size, bit rates.
        config.bytes(12)?;
        let specific = match config.rest() {
            [] => &[],
            _ => descriptor(&mut config, DECODER_SPECIFIC)?,
        };
        Ok(DecoderConfig { object_type, specific: specific.to_vec() })
    }
}

/// The content of a descriptor (ISO/IEC 14496-1, 8.3.3), which must be the one
/// of this tag. One that claims more bytes than there are has those that there
/// are: some writers write such lengths.
fn descriptor<'a>(fields: &mut FieldReader<'a>, tag: u8) -> Result<&'a [u8], MediaError> {
    if fields.u8()? != tag {
        return Err(MediaError::damaged("an esds has other descriptors than it must have"));
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    fields.bytes(length.min(fields.rest().len()))
}

/// What an `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1) says of the sound.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AacFormat {
    /// Samples per second; 0 when unknown.
    pub sample_rate: u32,
    /// Channels; 0 when unknown.
    pub channels: u16,
}

impl AacFormat {
    /// Reads an `AudioSpecificConfig`; none when it is damaged.
    pub fn parse(config: &[u8]) -> Option<AacFormat> {
        let mut word = [0; 8];
        let length = config.len().min(8);
        word[..length].copy_from_slice(&config[..length]);
        let (bits, mut position) = (u64::from_be_bytes(word), 0);
        let mut read = |count: u32| {
            let value = bits << position >> (64 - count);
            position += count;
            value
        };
        if read(5) == 31 {
            read(6);
        }
        let sample_rate = match read(4) {
            15 => u32::try_from(read(24)).ok()?,
            index => *RATES.get(usize::try_from(index).ok()?)?,
        };
        let channels = match read(4) {
            7 => 8,
            count => u16::try_from(count).ok()?,
        };
        (length >= 2).then_some(AacFormat { sample_rate, channels })
    }
}
