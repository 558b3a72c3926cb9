//! Reading MP4 and QuickTime files: where their samples are, and which of
//! them a span needs. Both kinds are read: those that have all samples in the
//! tables of one `moov`, and those in fragments.
//!
//! Writing is no matter here, but for the small file that a span becomes.

mod ahead;
mod anchor;
pub mod boxes;
mod chunks;
mod edits;
pub mod entry;
mod fragment;
mod fragmented;
mod indexed;
mod layout;
mod mfra;
mod moov;
mod nested;
mod places;
mod progressive;
mod select;
pub mod sidx;
mod sound;
mod source;
mod span;
mod tables;
mod times;
mod tracks;
mod walk;
mod whole;
mod work;

pub use span::locate;
pub use whole::read;

/// Whether a file that begins so is an MP4 or a QuickTime file. 12 bytes tell.
pub fn sniff(head: &[u8]) -> bool {
    let Some(name) = head.get(4..8) else { return false };
    match name {
        b"ftyp" | b"moov" | b"styp" | b"moof" => true,
        // Files of QuickTime before `ftyp` was invented.
        b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" => {
            head.first().is_some_and(|byte| *byte < 0x20)
        }
        _ => false,
    }
}
