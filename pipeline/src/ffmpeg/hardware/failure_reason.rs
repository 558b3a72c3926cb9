//! Why a hardware encoder failed, in words that hold no path.

use std::os::unix::process::ExitStatusExt;

use clipmill_core::process::Failure;

/// What ffmpeg prints, and what it means. The first that is found counts.
const MEANINGS: &[(&str, &str)] = &[
    ("Cannot load libcuda", "NVIDIA's driver is not installed"),
    ("Cannot load libnvidia-encode", "NVIDIA's driver has no encoder library"),
    ("minimum required Nvidia driver", "NVIDIA's driver is too old for this ffmpeg"),
    ("OpenEncodeSessionEx failed", "the card opens no more sessions"),
    ("No capable devices found", "no card here can do it"),
    ("no CUDA-capable device", "no NVIDIA card is there"),
    ("Provided device doesn't support", "the card can't do it"),
    ("amfrt", "AMD's runtime is not installed"),
    ("MFX session", "Intel's runtime finds no device"),
    ("VA display", "the device can't be opened"),
    ("vaInitialize failed", "the device has no VA-API driver"),
    ("No usable encoding", "the device does not encode this"),
    ("No support for", "the device does not encode this"),
    ("qscale not available", "it has no constant quality on this processor"),
    ("Cannot create compression session", "the system has no encoder for it"),
    ("Device creation failed", "the device can't be opened"),
    ("not supported", "the device does not take this picture"),
    ("Cannot allocate memory", "there is not enough memory"),
    ("out of memory", "the card has not enough memory"),
];

/// Why it failed.
pub(crate) fn failure_reason(failure: &Failure) -> String {
    let stderr = failure.stderr_tail();
    let meaning =
        MEANINGS.iter().find(|(text, _)| stderr.contains(text)).map(|(_, meaning)| *meaning);
    match failure {
        Failure::NotFound(_) | Failure::Spawn { .. } => "ffmpeg can't be started".to_owned(),
        Failure::Timeout { .. } | Failure::Silent { .. } => "it hangs".to_owned(),
        Failure::Exit { status, .. } => match (meaning, status.signal()) {
            (Some(meaning), _) => meaning.to_owned(),
            (None, Some(signal)) => format!("ffmpeg was ended by signal {signal}"),
            (None, None) => "ffmpeg could not encode with it".to_owned(),
        },
        Failure::OutputTooLarge { .. } | Failure::Io(_) => "ffmpeg could not be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_failures_have_plain_words_and_paths_stay_out() {
        let exit = |raw, text: &str| {
            failure_reason(&Failure::Exit {
                status: std::process::ExitStatus::from_raw(raw),
                stderr_tail: text.to_owned(),
            })
        };
        let busy = "[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: out of memory (10)\n";
        assert_eq!(exit(256, busy), "the card opens no more sessions");
        let gone = "[AVHWDeviceContext @ 0x1] No VA display found for device /dev/dri/renderD128.";
        assert_eq!(exit(256, gone), "the device can't be opened");
        assert_eq!(exit(256, "/srv/x.mp4: what?"), "ffmpeg could not encode with it");
        assert_eq!(exit(11, ""), "ffmpeg was ended by signal 11");
    }
}
