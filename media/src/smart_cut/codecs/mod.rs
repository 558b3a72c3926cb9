//! The codecs of the smart cut: one file each, and one line in [`CODECS`].

mod av1;
mod h264;
mod hevc;
mod vpx;

use super::codec::SpliceCodec;
use crate::{Codec, Error};

/// All codecs of the smart cut.
const CODECS: [&dyn SpliceCodec; 5] =
    [&h264::H264Splice, &hevc::HevcSplice, &vpx::Vp8Splice, &vpx::Vp9Splice, &av1::Av1Splice];

/// The codec of a track.
///
/// # Errors
/// `Unsupported` when the smart cut does not know it.
pub(super) fn splice_codec(codec: &Codec) -> Result<&'static dyn SpliceCodec, Error> {
    let found = CODECS.into_iter().find(|known| known.codec() == *codec);
    found.ok_or_else(|| match codec {
        Codec::Other(name) => Error::unsupported(format!("the smart cut doesn't support {name:?}")),
        codec => Error::unsupported(format!("the smart cut doesn't support {codec:?}")),
    })
}
