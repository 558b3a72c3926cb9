//! Writes MP4 files (ISO/IEC 14496-12): one `moov` in front, then all samples.
//!
//! ```text
//! ftyp              isom, iso4, iso6, mp41
//! moov
//!   mvhd            version 1, 90,000 ticks a second
//!   trak            for each track
//!     tkhd          version 1
//!     edts/elst     only when the first sample is not presented at 0
//!     mdia
//!       mdhd        version 1
//!       hdlr        vide or soun
//!       minf
//!         vmhd      for video; smhd for audio
//!         dinf/dref this very file
//!         stbl
//!           stsd    the entry of the source, or one made for the codec
//!           stts
//!           ctts    only when frames are reordered; version 1 has offsets below 0
//!           stss    only when not every sample is a sync sample
//!           stsc
//!           stsz
//!           stco    co64 when the samples take more than 3.75 GiB
//! mdat              chunks of half a second, in the order of their times
//! ```
//!
//! The first frame of video is presented at 0 without an edit list, since not
//! every player follows those: decoding times are the presentation times in
//! rising order, and composition offsets may be negative.

pub(crate) mod boxes;
mod chunks;
mod headers;
mod sample_entry;
mod stbl;

use std::fs::File;
use std::io::Write;

use self::boxes::{boxed, words};
use self::chunks::{ChunkLayout, ChunkPlace};
use self::headers::{MovieTrack, moov};
use crate::mux::copy::SampleCopier;
use crate::mux::{OutTrack, WriteError};

/// From this size on, offsets in the file have 64 bits.
const WIDE: u64 = 0xf000_0000;

/// Writes a file of these tracks, whose samples lie in `files`.
///
/// # Errors
/// [`WriteError`]: for tracks without samples, codecs that MP4 can't hold, or
/// times that it can't hold.
pub fn write(out: &mut dyn Write, tracks: &[OutTrack], files: &[&File]) -> Result<(), WriteError> {
    let movie: Vec<MovieTrack<'_>> =
        tracks.iter().map(MovieTrack::new).collect::<Result<_, crate::MediaError>>()?;
    let payload: u64 =
        tracks.iter().flat_map(|track| &track.samples).map(|sample| sample.data.size()).sum();
    let is_wide = payload > WIDE;
    let ftyp = boxed(b"ftyp", &[b"isom", &words(&[512]), b"isom", b"iso4", b"iso6", b"mp41"]);
    let mdat = mdat_header(payload, is_wide);
    // The length of `moov` does not depend on the offsets in it.
    let length = moov(&movie, &ChunkLayout::new(tracks, 0).chunks, is_wide)?.len();
    let first = ftyp.len() + length + mdat.len();
    let ChunkLayout { chunks, order } = ChunkLayout::new(tracks, first as u64);
    let mut copier = SampleCopier::new(out, files);
    copier.write_bytes(&ftyp)?;
    copier.write_bytes(&moov(&movie, &chunks, is_wide)?)?;
    copier.write_bytes(&mdat)?;
    for ChunkPlace { track, chunk, .. } in order {
        let own = chunks.get(track).and_then(|chunks| chunks.get(chunk));
        let (Some(track), Some(chunk)) = (tracks.get(track), own) else { continue };
        for sample in track.samples.get(chunk.samples.clone()).unwrap_or_default() {
            copier.write_sample(&sample.data)?;
        }
    }
    copier.flush()?;
    Ok(())
}

fn mdat_header(payload: u64, is_wide: bool) -> Vec<u8> {
    if is_wide {
        return [&words(&[1])[..], b"mdat", &(payload + 16).to_be_bytes()].concat();
    }
    // Below 4 GiB.
    let size = u32::try_from(payload + 8).unwrap_or(u32::MAX);
    [&words(&[size])[..], b"mdat"].concat()
}
