//! The manifest inside a component: a custom section at the top level.

use clipmill_core::{Code, Error};

/// Name of the section.
const NAME: &str = "clipmill-manifest";
/// Magic number and version come first; sections follow.
const HEADER: usize = 8;
/// Id of custom sections, in modules and in components alike.
const CUSTOM: u8 = 0;

/// What a file of WebAssembly is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// A component.
    Component,
    /// A core module, which has to be packed into a component.
    Module,
    /// Neither.
    Other,
}

/// Looks at the first bytes.
pub(super) fn layer(wasm: &[u8]) -> Layer {
    match wasm.get(..HEADER) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Layer::Component,
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Layer::Module,
        _ => Layer::Other,
    }
}

/// The manifest that a component carries, if it carries one.
///
/// # Errors
/// `bad_component` when the sections have no end.
pub(super) fn manifest(wasm: &[u8]) -> Result<Option<&str>, Error> {
    let broken = || Error::never(Code::BadComponent, "the file is cut off or no WebAssembly");
    let mut rest = wasm.get(HEADER..).ok_or_else(broken)?;
    while let Some((id, after)) = rest.split_first() {
        let (length, after) = number(after).ok_or_else(broken)?;
        let (body, after) = after.split_at_checked(length).ok_or_else(broken)?;
        rest = after;
        if *id != CUSTOM {
            continue;
        }
        let (length, body) = number(body).ok_or_else(broken)?;
        let (name, text) = body.split_at_checked(length).ok_or_else(broken)?;
        if name == NAME.as_bytes() {
            let text = std::str::from_utf8(text);
            return text.map(Some).map_err(|_| {
                Error::never(Code::BadManifest, "the manifest in the file is not UTF-8")
            });
        }
    }
    Ok(None)
}

/// Appends a manifest.
pub(super) fn append(wasm: &mut Vec<u8>, manifest: &str) {
    let mut body = Vec::new();
    write(&mut body, NAME.len());
    body.extend_from_slice(NAME.as_bytes());
    body.extend_from_slice(manifest.as_bytes());
    wasm.push(CUSTOM);
    write(wasm, body.len());
    wasm.extend_from_slice(&body);
}

/// An unsigned LEB128 number of 32 bits, and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u32;
    for (n, byte) in bytes.iter().take(5).enumerate() {
        let part = u32::from(byte & 0x7f);
        value |= part.checked_shl(7 * u32::try_from(n).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value as usize, bytes.get(n + 1..)?));
        }
    }
    None
}

fn write(to: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            to.push(low);
            return;
        }
        to.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

    #[test]
    fn a_manifest_comes_back() {
        let mut wasm = EMPTY.to_vec();
        assert_eq!(manifest(&wasm), Ok(None));
        let text = "name = 'ü'\n".repeat(40);
        append(&mut wasm, &text);
        assert_eq!(manifest(&wasm), Ok(Some(text.as_str())));
        assert_eq!(layer(&wasm), Layer::Component);
    }

    #[test]
    fn what_is_cut_off_anywhere_is_an_error_or_nothing() {
        let mut wasm = EMPTY.to_vec();
        append(&mut wasm, &"x".repeat(300));
        for end in 0..wasm.len() {
            let found = manifest(wasm.get(..end).unwrap_or_default());
            assert!(!matches!(found, Ok(Some(_))), "cut off at {end}");
        }
        assert!(manifest(&[&EMPTY[..], &[0, 0xff, 0xff, 0xff, 0xff, 0xff]].concat()).is_err());
    }
}
