//! MP4 and QuickTime files (ISO/IEC 14496-12, 14496-14, 14496-15; Apple's
//! QuickTime File Format): where their samples are, and which bytes a span needs.
//!
//! What is read of a file; the number is the section of ISO/IEC 14496-12:
//!
//! ```text
//! ftyp                    4.3      copied to the clip file
//! moov                    8.2.1    moov.rs
//!   mvhd                  8.2.2
//!   trak                  8.3.1    trak.rs
//!     tkhd                8.3.2
//!     tref/chap           8.3.3    tracks of chapters are left out
//!     edts/elst           8.6.6    elst.rs
//!     mdia
//!       mdhd              8.4.2
//!       hdlr              8.4.3
//!       minf
//!         dinf/dref       8.7.2
//!         stbl            8.5.1    stbl.rs
//!           stsd          8.5.2    stsd.rs, audio_entry.rs, esds.rs
//!           stts          8.6.1.2  stts.rs
//!           ctts          8.6.1.3  stts.rs
//!           stss          8.6.2    stts.rs
//!           stsc          8.7.4    stsc.rs, resync_point.rs
//!           stsz          8.7.3.2  sample_offsets.rs
//!           stco, co64    8.7.5    sample_offsets.rs
//!   mvex
//!     mehd                8.8.2
//!     trex                8.8.3
//! sidx                    8.16.3   sidx.rs
//! moof                    8.8.4    fragment.rs
//!   traf                  8.8.6    traf.rs
//!     tfhd                8.8.7
//!     tfdt                8.8.12
//!     trun                8.8.8
//! mfra/tfra, mfro         8.8.9    mfra.rs
//! ```
//!
//! Not supported, each refused with an error unless it says otherwise:
//!
//! * encrypted samples (8.12): no keys are known;
//! * edit lists that do more than move a track: a clip would have other times
//!   than the file has in a player (see `elst`);
//! * several sample descriptions in one track: a decoder would have to be set up
//!   anew within a clip;
//! * samples in other files (`dref`): only the one file is fetched;
//! * packed sample sizes (`stz2`) and compressed `moov`s (`cmov`): no encoder of
//!   this century writes them;
//! * fragments without `tfdt` where reading does not start with the first one:
//!   nothing says when they start;
//! * `senc`, `sgpd`, `subs`, `emsg` and other boxes of samples are passed over:
//!   cutting does not need them;
//! * items, such as pictures of HEIF (8.11): passed over.
//!
//! [`read`] finds all samples, [`locate`] those of a span, [`InitTracks`] reads
//! segments as HLS and DASH deliver them, and [`write()`] writes new files.
//! `limits` has the bounds on all that a file claims.

mod audio_entry;
mod box_cursor;
mod boxes;
mod clip;
mod elst;
mod esds;
mod fragment;
mod index;
mod lazy_table;
mod limits;
mod mfra;
mod moov;
mod read;
mod resync_point;
mod sample;
mod sample_entry;
mod sample_offsets;
mod segment;
mod sidx;
mod source;
mod stbl;
mod stsc;
mod stsd;
mod stts;
mod table_samples;
mod top_level;
mod tracks;
mod traf;
mod trak;
mod write;

use std::fs::File;
use std::io::Write;

use async_trait::async_trait;
use clipmill_core::probe::Container;

use crate::container_format::ContainerFormat;
use crate::mux::{OutTrack, WriteError};
use crate::{ClipFile, Media, MediaError, ReadAt, SpanSelection};

pub use self::index::locate;
pub use self::read::read;
pub use self::segment::{InitTracks, fragment_ranges};
pub use self::write::write;

/// ISO base media and QuickTime files.
#[derive(Debug, Clone, Copy)]
pub struct Mp4;

#[async_trait]
impl ContainerFormat for Mp4 {
    fn containers(&self) -> &'static [Container] {
        &[Container::Mp4]
    }

    fn is_indexed_apart(&self) -> bool {
        // `moov` and `moof` say where samples are; a clip file has them in front.
        true
    }

    async fn locate(
        &self,
        file: &dyn ReadAt,
        selection: &SpanSelection,
    ) -> Result<ClipFile, MediaError> {
        locate(file, selection).await
    }

    async fn read(&self, file: &dyn ReadAt) -> Result<Media, MediaError> {
        read(file).await
    }

    fn write(
        &self,
        out: &mut dyn Write,
        tracks: &[OutTrack],
        files: &[&File],
    ) -> Result<(), WriteError> {
        write(out, tracks, files)
    }
}
