//! From what compilers make to what clipmill loads.

use clipmill_core::{Code, Error};
use wit_component::ComponentEncoder;

use super::manifest::PluginManifest;
use super::section::{self, Layer};

/// Makes a component of a core module that carries the types of its world, as
/// wit-bindgen leaves them in it; a component stays what it is. A manifest that
/// is given goes into the file, which is a plugin by itself then.
///
/// # Errors
/// `bad_component`, `bad_manifest`.
pub fn pack(wasm: &[u8], manifest: Option<&str>) -> Result<Vec<u8>, Error> {
    let bad = |error: String| Error::never(Code::BadComponent, error);
    let mut packed = match section::layer(wasm) {
        Layer::Component => wasm.to_vec(),
        Layer::Module => {
            let encoder = ComponentEncoder::default().validate(true).module(wasm);
            encoder
                .and_then(|mut encoder| encoder.encode())
                .map_err(|error| bad(format!("it can't become a component: {:#}", error)))?
        }
        Layer::Other => return Err(bad("it is not WebAssembly".to_owned())),
    };
    if let Some(text) = manifest {
        PluginManifest::parse(text)?;
        if section::manifest(&packed)?.is_some() {
            return Err(bad("it carries a manifest already".to_owned()));
        }
        section::append(&mut packed, text);
    }
    Ok(packed)
}
