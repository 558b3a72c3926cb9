//! Writing boxes (ISO/IEC 14496-12, 4.2).

/// A box of these contents. No box that is written here comes near 4 GiB.
pub(crate) fn boxed(name: &[u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|part| part.len()).sum();
    let mut bytes = Vec::with_capacity(8 + length);
    bytes.extend(u32::try_from(8 + length).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(name);
    for part in contents {
        bytes.extend(*part);
    }
    bytes
}

/// A box with version and flags.
pub(crate) fn full_box(name: &[u8; 4], version: u8, flags: u32, contents: &[&[u8]]) -> Vec<u8> {
    let head = (u32::from(version) << 24 | (flags & 0xff_ffff)).to_be_bytes();
    let parts: Vec<&[u8]> =
        std::iter::once(head.as_slice()).chain(contents.iter().copied()).collect();
    boxed(name, &parts)
}

/// 32-bit numbers one after the other.
pub(crate) fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A table with its count in front.
pub(crate) fn table(rows: usize, bytes: &[u8]) -> Vec<u8> {
    let mut table = u32::try_from(rows).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    table.extend(bytes);
    table
}

/// A count that comes from a `Vec`, as a field of 32 bits.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
