//! EBML (RFC 8794), writing.

use crate::matroska::ids;

/// An element with this content.
pub fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let mut made = header(id, content.len() as u64);
    made.extend_from_slice(content);
    made
}

/// The header of an element with so many bytes of content.
pub fn header(id: u32, size: u64) -> Vec<u8> {
    let mut made = id_bytes(id);
    made.extend(vint(size));
    made
}

/// The header of an element that ends where one starts that can't be in it.
pub fn header_of_unknown_size(id: u32) -> Vec<u8> {
    let mut made = id_bytes(id);
    made.extend([1, 255, 255, 255, 255, 255, 255, 255]);
    made
}

/// An id as it is written.
pub fn id_bytes(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A variable-size integer (RFC 8794, 4), as short as it can be. Values beyond
/// 56 bits don't occur: no file is so long.
fn vint(value: u64) -> Vec<u8> {
    let long = (1..8).find(|long| value < (1_u64 << (7 * long)) - 1).unwrap_or(8);
    let marked = value | 1 << (7 * long);
    marked.to_be_bytes().into_iter().skip(8 - long).collect()
}

/// An element with an unsigned integer.
pub fn unsigned(id: u32, value: u64) -> Vec<u8> {
    let bytes: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    element(id, if bytes.is_empty() { &[0] } else { &bytes })
}

/// An element with an unsigned integer of 8 bytes, whatever its value.
pub fn unsigned_of_8_bytes(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// An element with a floating point number.
pub fn float(id: u32, value: f64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// An element with others in it.
pub fn master(id: u32, children: &[Vec<u8>]) -> Vec<u8> {
    element(id, &children.concat())
}

/// The EBML header of a file.
pub fn ebml_header(webm: bool) -> Vec<u8> {
    let kind: &[u8] = if webm { b"webm" } else { b"matroska" };
    master(
        ids::EBML,
        &[
            unsigned(ids::EBML_VERSION, 1),
            unsigned(ids::EBML_READ_VERSION, 1),
            unsigned(ids::EBML_MAX_ID_LENGTH, 4),
            unsigned(ids::EBML_MAX_SIZE_LENGTH, 8),
            element(ids::DOC_TYPE, kind),
            unsigned(ids::DOC_TYPE_VERSION, 4),
            unsigned(ids::DOC_TYPE_READ_VERSION, 2),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_all_ones() {
        assert_eq!(vint(0), [0x80]);
        assert_eq!(vint(126), [0xFE]);
        assert_eq!(vint(127), [0x40, 0x7F]);
        assert_eq!(vint(16_383), [0x20, 0x3F, 0xFF]);
        assert_eq!(vint((1 << 49) - 1), [0x01, 0x01, 255, 255, 255, 255, 255, 255]);
        assert_eq!(unsigned(0xD7, 0), [0xD7, 0x81, 0]);
        assert_eq!(unsigned(0x4489, 256), [0x44, 0x89, 0x82, 1, 0]);
    }
}
