//! Puts an index of indexes in front of a fragmented MP4: no encoder here writes one.

use std::path::Path;

use super::MediaError;

/// One box at the top of a file.
struct Top<'a> {
    kind: &'a [u8],
    bytes: &'a [u8],
}

/// Adds an index behind the `moov` of a file of one track whose every fragment has an index of its
/// own in front: its entries lead to those.
pub(super) fn plant(file: &Path) -> Result<(), MediaError> {
    let bytes = std::fs::read(file)?;
    let wrong = || MediaError(format!("{}: not indexed fragments", file.display()));
    let tops = tops(&bytes).ok_or_else(wrong)?;
    let first = tops.iter().position(|top| top.kind == b"sidx").ok_or_else(wrong)?;
    let (head, fragments) = tops.split_at(first);
    // Of each fragment: bytes, first time, length.
    let mut entries: Vec<(usize, u64, u64)> = Vec::new();
    for top in fragments {
        match top.kind {
            b"sidx" => {
                let (time, length) = times(top.bytes).ok_or_else(wrong)?;
                entries.push((top.bytes.len(), time, length));
            }
            // An index for random access at the end: its places would be wrong now.
            b"mfra" => {}
            _ => entries.last_mut().ok_or_else(wrong)?.0 += top.bytes.len(),
        }
    }
    let own = &fragments[0].bytes[12..20];
    let mut made: Vec<u8> = head.iter().flat_map(|top| top.bytes).copied().collect();
    made.extend(index(own, &entries));
    let kept = fragments.iter().filter(|top| top.kind != b"mfra");
    made.extend(kept.flat_map(|top| top.bytes));
    std::fs::write(file, made)?;
    Ok(())
}

fn tops(mut bytes: &[u8]) -> Option<Vec<Top<'_>>> {
    let mut tops = Vec::new();
    while !bytes.is_empty() {
        let size = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let (bytes_of_it, rest) = bytes.split_at_checked(size.max(8))?;
        tops.push(Top { kind: &bytes_of_it[4..8], bytes: bytes_of_it });
        bytes = rest;
    }
    Some(tops)
}

/// First time and length of what one index leads to.
fn times(index: &[u8]) -> Option<(u64, u64)> {
    let word = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
    // A version, a track and a time scale before it; then two numbers of 32 or 64 bits.
    let wide = *index.get(8)? == 1;
    let time = match wide {
        true => u64::from(word(20)?) << 32 | u64::from(word(24)?),
        false => u64::from(word(20)?),
    };
    let table = if wide { 36 } else { 28 };
    let count = (word(table)? & 0xffff) as usize;
    let length: Option<u64> =
        (0..count).map(|entry| word(table + 8 + entry * 12).map(u64::from)).sum();
    Some((time, length?))
}

/// An index of 64-bit times whose entries all lead to another index.
fn index(track_and_scale: &[u8], entries: &[(usize, u64, u64)]) -> Vec<u8> {
    let mut index = Vec::new();
    index.extend_from_slice(b"\0\0\0\0sidx\x01\0\0\0");
    index.extend_from_slice(track_and_scale);
    index.extend(entries[0].1.to_be_bytes());
    index.extend(0_u64.to_be_bytes());
    index.extend((entries.len() as u32).to_be_bytes());
    for (size, _, length) in entries {
        index.extend((*size as u32 | 1 << 31).to_be_bytes());
        index.extend((*length as u32).to_be_bytes());
        // Begins with a keyframe.
        index.extend((1_u32 << 31 | 1 << 28).to_be_bytes());
    }
    let size = (index.len() as u32).to_be_bytes();
    index[..4].copy_from_slice(&size);
    index
}
