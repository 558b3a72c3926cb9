//! The trait of codecs, and their export.

use crate::{CodecDescription, CodecError, EncodePlan, Probe};

/// A way to encode with the encoders of the machine's ffmpeg.
pub trait Codec {
    /// Who it is. The name is what clients ask for.
    fn describe() -> CodecDescription;

    /// How this file is to be encoded at this quality. `encoders` has ffmpeg's
    /// names of the encoders that this machine has (`libx264`, `libopus` ...).
    /// The same question has to get the same answer.
    ///
    /// # Errors
    /// [`CodecError`] when the quality is unknown, the file has no picture, the
    /// encoder is not there, or the file can't be encoded so. A file that
    /// nothing is wrong with gets a plan.
    fn plan(probe: &Probe, quality: &str, encoders: &[String]) -> Result<EncodePlan, CodecError>;
}

/// Makes a type that implements the trait of the chosen feature the plugin.
///
/// ```text
/// clipmill_plugin::export!(MyCodec);
/// ```
#[macro_export]
macro_rules! export {
    ($type:ty) => {
        #[doc(hidden)]
        struct ClipmillPlugin;

        impl $crate::bindings::Guest for ClipmillPlugin {
            fn describe() -> $crate::CodecDescription {
                <$type as $crate::Codec>::describe()
            }

            fn plan(
                probe: $crate::Probe,
                quality: String,
                encoders: Vec<String>,
            ) -> Result<$crate::EncodePlan, $crate::CodecError> {
                <$type as $crate::Codec>::plan(&probe, &quality, &encoders)
            }
        }

        $crate::bindings::export_world!(ClipmillPlugin with_types_in $crate::bindings);
    };
}
