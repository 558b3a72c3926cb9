//! Replaces the edit list of a track in an MP4 whose `moov` is behind its samples (ISO/IEC
//! 14496-12, 8.6.6).

use std::path::Path;

/// Gives the tracks of a kind (`vide`, `soun`) this edit list: durations in ticks of the movie,
/// media times in ticks of the track, -1 for nothing.
pub fn set_edit_list(file: &Path, handler: &[u8; 4], edits: &[(u32, i32)]) {
    let bytes = std::fs::read(file).unwrap();
    let changed: Vec<u8> = boxes(&bytes)
        .flat_map(|(name, whole)| match &name {
            b"moov" => container(b"moov", &whole[8..], |name, whole| match name {
                b"trak" if has_handler(whole, handler) => with_edits(whole, edits),
                _ => whole.to_vec(),
            }),
            _ => whole.to_vec(),
        })
        .collect();
    std::fs::write(file, changed).unwrap();
}

/// The boxes one after the other, by their names, with headers of 8 bytes.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header: [u8; 8] = rest.get(..8)?.try_into().unwrap();
        let size = u32::from_be_bytes(header[..4].try_into().unwrap()) as usize;
        let (whole, others) = rest.split_at(size);
        rest = others;
        Some((header[4..].try_into().unwrap(), whole))
    })
}

fn wrapped(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes()[..], name, content].concat()
}

/// A box of boxes, each of which may be changed.
fn container(
    name: &[u8; 4],
    content: &[u8],
    change: impl Fn(&[u8; 4], &[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let content: Vec<u8> = boxes(content).flat_map(|(name, whole)| change(&name, whole)).collect();
    wrapped(name, &content)
}

/// Whether the `hdlr` of a `trak` is of this kind.
fn has_handler(trak: &[u8], handler: &[u8; 4]) -> bool {
    let mdia = boxes(&trak[8..]).find(|(name, _)| name == b"mdia").unwrap().1;
    let hdlr = boxes(&mdia[8..]).find(|(name, _)| name == b"hdlr").unwrap().1;
    &hdlr[16..20] == handler
}

fn with_edits(trak: &[u8], edits: &[(u32, i32)]) -> Vec<u8> {
    let mut content = [[0; 4], u32::try_from(edits.len()).unwrap().to_be_bytes()].concat();
    for (duration, media_time) in edits {
        let entry = [*duration, media_time.cast_unsigned(), 0x1_0000];
        content.extend(entry.map(u32::to_be_bytes).concat());
    }
    let edts = wrapped(b"edts", &wrapped(b"elst", &content));
    container(b"trak", &trak[8..], |name, whole| match name {
        b"edts" => Vec::new(),
        // It belongs behind the header.
        b"tkhd" => [whole, &edts].concat(),
        _ => whole.to_vec(),
    })
}
