//! The trait of codecs that encode by themselves, and their export.

use crate::{AudioBlock, CodecDescription, CodecError, FramePlan, Probe, VideoFrame};

/// A codec that encodes by itself: raw frames in, bytes of a file out.
///
/// A value of the type is the encoding of one file. The bytes that the calls
/// append to `out` make the file, one after the other; what is not written out
/// stays in memory, which is limited.
pub trait FrameCodec: Sized {
    /// Who it is. The name is what clients ask for.
    fn describe() -> CodecDescription;

    /// How this file is wanted at this quality.
    ///
    /// # Errors
    /// [`CodecError`] when the quality is unknown, the file has no picture, or
    /// it can't be encoded so.
    fn plan(probe: &Probe, quality: &str) -> Result<FramePlan, CodecError>;

    /// Begins a file that comes as [`FrameCodec::plan`] said. `stream.audio` is
    /// none where the file has no sound.
    ///
    /// # Errors
    /// [`CodecError`] when it can't.
    fn begin(stream: FramePlan, quality: &str, out: &mut Vec<u8>) -> Result<Self, CodecError>;

    /// Takes the next frame.
    ///
    /// # Errors
    /// [`CodecError`] when it can't; the file is given up.
    fn push_video(&mut self, frame: VideoFrame, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Takes the next block of sound. Not called where the plan asks for none.
    ///
    /// # Errors
    /// [`CodecError`] when it can't; the file is given up.
    fn push_audio(&mut self, block: AudioBlock, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let _ = (block, out);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`CodecError`] when it can't; the file is given up.
    fn finish(self, out: &mut Vec<u8>) -> Result<(), CodecError>;
}

/// The error of a call that comes before `begin` or after `finish`.
#[doc(hidden)]
pub fn out_of_order() -> CodecError {
    CodecError::Failed("no file has been begun".into())
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

        thread_local! {
            static CLIPMILL_FILE: std::cell::RefCell<Option<$type>> =
                const { std::cell::RefCell::new(None) };
        }

        impl ClipmillPlugin {
            fn with_file(
                call: impl FnOnce(&mut $type, &mut Vec<u8>) -> Result<(), $crate::CodecError>,
            ) -> Result<Vec<u8>, $crate::CodecError> {
                CLIPMILL_FILE.with_borrow_mut(|file| {
                    let file = file.as_mut().ok_or_else($crate::bindings::out_of_order)?;
                    let mut out = Vec::new();
                    call(file, &mut out).map(|()| out)
                })
            }
        }

        impl $crate::bindings::Guest for ClipmillPlugin {
            fn describe() -> $crate::CodecDescription {
                <$type as $crate::FrameCodec>::describe()
            }

            fn plan(
                probe: $crate::Probe,
                quality: String,
            ) -> Result<$crate::FramePlan, $crate::CodecError> {
                <$type as $crate::FrameCodec>::plan(&probe, &quality)
            }

            fn begin(
                stream: $crate::FramePlan,
                quality: String,
            ) -> Result<Vec<u8>, $crate::CodecError> {
                let mut out = Vec::new();
                let file = <$type as $crate::FrameCodec>::begin(stream, &quality, &mut out)?;
                CLIPMILL_FILE.set(Some(file));
                Ok(out)
            }

            fn push_video(frame: $crate::VideoFrame) -> Result<Vec<u8>, $crate::CodecError> {
                Self::with_file(|file, out| $crate::FrameCodec::push_video(file, frame, out))
            }

            fn push_audio(block: $crate::AudioBlock) -> Result<Vec<u8>, $crate::CodecError> {
                Self::with_file(|file, out| $crate::FrameCodec::push_audio(file, block, out))
            }

            fn finish() -> Result<Vec<u8>, $crate::CodecError> {
                let file = CLIPMILL_FILE.take().ok_or_else($crate::bindings::out_of_order)?;
                let mut out = Vec::new();
                $crate::FrameCodec::finish(file, &mut out).map(|()| out)
            }
        }

        $crate::bindings::export_world!(ClipmillPlugin with_types_in $crate::bindings);
    };
}
