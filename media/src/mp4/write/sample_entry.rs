//! Sample entries: what a decoder has to know before the first sample.

use super::boxes::{boxed, full_box};
use crate::{CodecId, MediaError, Track, TrackKind};

/// The track's own sample entry, or one made for it.
///
/// # Errors
/// [`MediaErrorKind::Unsupported`](crate::MediaErrorKind::Unsupported) for codecs that MP4 can't
/// hold, or without what their entry has to say.
pub(super) fn written_entry(track: &Track) -> Result<Vec<u8>, MediaError> {
    if let Some(entry) = &track.entry {
        return Ok(entry.clone());
    }
    let config = &track.config;
    if config.is_empty() && track.codec != CodecId::Mp3 {
        return Err(MediaError::unsupported("the track says nothing of how it is coded"));
    }
    match track.kind {
        TrackKind::Video => {
            let (name, inner) = match track.codec {
                CodecId::H264 => (b"avc1", boxed(b"avcC", &[config])),
                CodecId::Hevc => (b"hvc1", boxed(b"hvcC", &[config])),
                // `vpcC` is a full box, and `config` has its version and flags.
                CodecId::Vp9 => (b"vp09", boxed(b"vpcC", &[config])),
                CodecId::Av1 => (b"av01", boxed(b"av1C", &[config])),
                _ => return Err(no_such_codec(track)),
            };
            Ok(video_entry(name, track, &inner))
        }
        TrackKind::Audio => {
            let (name, inner) = match track.codec {
                CodecId::Aac => (b"mp4a", esds(0x40, config)),
                CodecId::Mp3 => (b"mp4a", esds(0x6b, &[])),
                CodecId::Opus => (b"Opus", boxed(b"dOps", &[&dops(config)?])),
                _ => return Err(no_such_codec(track)),
            };
            Ok(audio_entry(name, track, &inner))
        }
    }
}

fn no_such_codec(track: &Track) -> MediaError {
    MediaError::unsupported(format!("{:?} is not put into MP4 here", track.codec))
}

/// `VisualSampleEntry` (ISO/IEC 14496-12, 12.1.3).
fn video_entry(name: &[u8; 4], track: &Track, inner: &[u8]) -> Vec<u8> {
    let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX).to_be_bytes();
    let (wide, high) = track.pixel_aspect;
    let aspect = if wide == high {
        Vec::new()
    } else {
        boxed(b"pasp", &[&wide.to_be_bytes(), &high.to_be_bytes()])
    };
    boxed(
        name,
        &[
            // Reserved, and the number of the data reference.
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 16],
            &side(track.width),
            &side(track.height),
            // 72 dpi, as everywhere.
            &[0, 0x48, 0, 0, 0, 0x48, 0, 0],
            &[0; 4],
            // One frame per sample, no name, depth 24, no colour table.
            &[0, 1],
            &[0; 32],
            &[0, 24, 0xff, 0xff],
            inner,
            &aspect,
        ],
    )
}

/// `AudioSampleEntry` (ISO/IEC 14496-12, 12.2.3).
fn audio_entry(name: &[u8; 4], track: &Track, inner: &[u8]) -> Vec<u8> {
    // The field has 16 bits before the point; what it can't hold is in `inner`.
    let rate = u16::try_from(track.sample_rate).unwrap_or(0);
    boxed(
        name,
        &[
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 8],
            &track.channels.to_be_bytes(),
            &[0, 16, 0, 0, 0, 0],
            &rate.to_be_bytes(),
            &[0, 0],
            inner,
        ],
    )
}

/// `esds` (ISO/IEC 14496-14, 5.6) with descriptors of ISO/IEC 14496-1, 7.2.6.
fn esds(object: u8, config: &[u8]) -> Vec<u8> {
    let specific = if config.is_empty() { Vec::new() } else { descriptor(0x05, &[config]) };
    // Stream type 5 is audio; buffer size and bit rates are left at 0.
    let decoder = descriptor(0x04, &[&[object, 0x15], &[0; 11], &specific]);
    let stream = descriptor(0x03, &[&[0, 0, 0], &decoder, &descriptor(0x06, &[&[2]])]);
    full_box(b"esds", 0, 0, &[&stream])
}

/// A descriptor with its length in four bytes of seven bits.
fn descriptor(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|part| part.len()).sum();
    let seven = |shift: u32| (length >> shift & 0x7f) as u8;
    let mut bytes = vec![tag, seven(21) | 0x80, seven(14) | 0x80, seven(7) | 0x80, seven(0)];
    bytes.extend(contents.concat());
    bytes
}

/// From the identification header of RFC 7845, 5.1, whose numbers are little
/// endian, to `dOps` (Encapsulation of Opus in ISO Base Media, 4.3.2).
fn dops(head: &[u8]) -> Result<Vec<u8>, MediaError> {
    let short = || MediaError::damaged("the Opus header is cut short");
    let body = head.strip_prefix(b"OpusHead").ok_or_else(short)?;
    let (fixed, mapping) = body.split_at_checked(11).ok_or_else(short)?;
    let &[_, channels, skip0, skip1, rate0, rate1, rate2, rate3, gain0, gain1, family] = fixed
    else {
        return Err(short());
    };
    let mut bytes =
        vec![0, channels, skip1, skip0, rate3, rate2, rate1, rate0, gain1, gain0, family];
    if family != 0 {
        let mapping = mapping.get(..2 + usize::from(channels)).ok_or_else(short)?;
        bytes.extend(mapping);
    }
    Ok(bytes)
}
