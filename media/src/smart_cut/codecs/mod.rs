//! The codecs of the smart cut: one file each, and one line in [`CODECS`].

mod av1;
mod h264;
mod hevc;
mod vpx;

use super::codec::SpliceCodec;
use crate::{CodecId, MediaError};

/// All codecs of the smart cut.
const CODECS: [&dyn SpliceCodec; 5] =
    [&h264::H264Splice, &hevc::HevcSplice, &vpx::Vp8Splice, &vpx::Vp9Splice, &av1::Av1Splice];

/// The codec of a track.
///
/// # Errors
/// `Unsupported` when the smart cut does not know it.
pub(super) fn splice_codec(codec: &CodecId) -> Result<&'static dyn SpliceCodec, MediaError> {
    let found = CODECS.into_iter().find(|known| known.codec() == *codec);
    found.ok_or_else(|| match codec {
        CodecId::Other(name) => {
            MediaError::unsupported(format!("the smart cut doesn't support {name:?}"))
        }
        codec => MediaError::unsupported(format!("the smart cut doesn't support {codec:?}")),
    })
}
