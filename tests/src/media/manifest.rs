//! Makes a DASH manifest name the index of each file: ffmpeg's lists segments even where the file
//! has an index.

use std::path::Path;

use super::MediaError;

const LIST: (&str, &str) = ("<SegmentList", "</SegmentList>");

/// Puts a `SegmentBase` in the place of each `SegmentList`.
///
/// # Errors
/// When there is none, or a file has no index.
pub fn name_indexes(manifest: &Path) -> Result<(), MediaError> {
    let wrong = || MediaError(format!("{}: not lists of segments", manifest.display()));
    let text = std::fs::read_to_string(manifest)?;
    let (mut rest, mut made) = (text.as_str(), String::new());
    while let Some((before, after)) = rest.split_once(LIST.0) {
        let (_, after) = after.split_once(LIST.1).ok_or_else(wrong)?;
        let (_, name) = before.rsplit_once("<BaseURL>").ok_or_else(wrong)?;
        let (name, _) = name.split_once("</BaseURL>").ok_or_else(wrong)?;
        let (first, last) = index(&manifest.with_file_name(name))?.ok_or_else(wrong)?;
        made.push_str(before);
        made.push_str(&format!(
            "<SegmentBase indexRange=\"{first}-{last}\"><Initialization range=\"0-{}\" />\
             </SegmentBase>",
            first - 1
        ));
        rest = after;
    }
    made.push_str(rest);
    std::fs::write(manifest, made)?;
    Ok(())
}

/// First and last byte of the index of a file.
fn index(file: &Path) -> Result<Option<(usize, usize)>, MediaError> {
    let bytes = std::fs::read(file)?;
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 8) {
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if head[4..] == *b"sidx" {
            return Ok(Some((at, at + size - 1)));
        }
        at += size.max(8);
    }
    Ok(None)
}
