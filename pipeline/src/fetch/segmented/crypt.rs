//! AES-128 in CBC mode, as HLS encrypts whole segments (RFC 8216, 5.2).

use aes::Aes128;
use cbc::Decryptor;
use cbc::cipher::{Array, BlockModeDecrypt, KeyIvInit};
use clipmill_core::{Code, Error};

const BLOCK: usize = 16;

/// A key from its file.
///
/// # Errors
/// `not_media` when it is of another length.
pub fn parse_key(bytes: &[u8]) -> Result<[u8; 16], Error> {
    bytes
        .try_into()
        .map_err(|_| Error::never(Code::NotMedia, "a key of the stream is not of 16 bytes"))
}

/// Decrypts a whole segment and removes its padding (RFC 5652, 6.3).
///
/// # Errors
/// `not_media` when the padding is wrong: then the key is another one.
pub fn decrypt(bytes: &mut Vec<u8>, key: [u8; 16], iv: [u8; 16]) -> Result<(), Error> {
    let wrong = || Error::never(Code::NotMedia, "a segment can't be decrypted with its key");
    if bytes.is_empty() || !bytes.len().is_multiple_of(BLOCK) {
        return Err(wrong());
    }
    decrypt_start(bytes, key, iv);
    let padding = usize::from(*bytes.last().ok_or_else(wrong)?);
    let end = bytes.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding));
    let end = end.ok_or_else(wrong)?;
    let is_padding = |rest: &[u8]| rest.iter().all(|byte| usize::from(*byte) == padding);
    if !bytes.get(end..).is_some_and(is_padding) {
        return Err(wrong());
    }
    bytes.truncate(end);
    Ok(())
}

/// Decrypts the start of a segment; what is no whole block is dropped.
pub fn decrypt_start(bytes: &mut Vec<u8>, key: [u8; 16], iv: [u8; 16]) {
    bytes.truncate(bytes.len() - bytes.len() % BLOCK);
    let mut cipher = Decryptor::<Aes128>::new(&key.into(), &iv.into());
    let (blocks, _) = Array::slice_as_chunks_mut(bytes.as_mut_slice());
    cipher.decrypt_blocks(blocks);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_segment_is_decrypted() {
        // "clipmill" under key 0..16 and initialization vector 16..32, made with openssl.
        let secret = *b"\x5f\x0a\x83\x53\x42\x2c\x9f\x4c\xf5\x0c\x8b\x9f\xd2\xfc\xef\xa8";
        let key = std::array::from_fn(|n| n as u8);
        let iv = std::array::from_fn(|n| 16 + n as u8);
        let mut bytes = secret.to_vec();
        decrypt(&mut bytes, key, iv).unwrap();
        assert_eq!(bytes, b"clipmill");
        assert!(decrypt(&mut secret.to_vec(), iv, key).is_err());
        assert!(decrypt(&mut secret[..15].to_vec(), key, iv).is_err());
        assert!(decrypt(&mut Vec::new(), key, iv).is_err());
    }
}
