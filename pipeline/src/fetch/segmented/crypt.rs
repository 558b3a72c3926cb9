//! AES-128 in CBC mode, as HLS encrypts whole segments.

use aes::Aes128;
use cbc::Decryptor;
use cbc::cipher::{Array, BlockModeDecrypt, KeyIvInit};
use clipmill_core::{Code, Error};

const BLOCK: usize = 16;

/// Decrypts a whole segment.
///
/// # Errors
/// `not_media` when it does not end as it should: then the key is another one.
pub(super) fn whole(bytes: &mut Vec<u8>, key: [u8; 16], vector: [u8; 16]) -> Result<(), Error> {
    let wrong = || Error::never(Code::NotMedia, "a segment can't be decrypted with its key");
    if bytes.is_empty() || !bytes.len().is_multiple_of(BLOCK) {
        return Err(wrong());
    }
    beginning(bytes, key, vector);
    let padding = usize::from(*bytes.last().ok_or_else(wrong)?);
    let end = bytes.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding));
    let end = end.ok_or_else(wrong)?;
    let even = |rest: &[u8]| rest.iter().all(|byte| usize::from(*byte) == padding);
    if !bytes.get(end..).is_some_and(even) {
        return Err(wrong());
    }
    bytes.truncate(end);
    Ok(())
}

/// Decrypts the beginning of a segment; what is no whole block is dropped.
pub(super) fn beginning(bytes: &mut Vec<u8>, key: [u8; 16], vector: [u8; 16]) {
    bytes.truncate(bytes.len() - bytes.len() % BLOCK);
    let mut cipher = Decryptor::<Aes128>::new(&key.into(), &vector.into());
    let (blocks, _) = Array::slice_as_chunks_mut(bytes.as_mut_slice());
    cipher.decrypt_blocks(blocks);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_segment_is_decrypted() {
        // "clipmill" under key 0..16 and vector 16..32, made with openssl.
        let secret = *b"\x5f\x0a\x83\x53\x42\x2c\x9f\x4c\xf5\x0c\x8b\x9f\xd2\xfc\xef\xa8";
        let key = std::array::from_fn(|n| n as u8);
        let vector = std::array::from_fn(|n| 16 + n as u8);
        let mut bytes = secret.to_vec();
        whole(&mut bytes, key, vector).unwrap();
        assert_eq!(bytes, b"clipmill");
        assert!(whole(&mut secret.to_vec(), vector, key).is_err());
        assert!(whole(&mut secret[..15].to_vec(), key, vector).is_err());
        assert!(whole(&mut Vec::new(), key, vector).is_err());
    }
}
