//! `[encode]`: what encoders may do beyond what a codec plans.

use serde::{Deserialize, Serialize};

/// `[encode]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodeSettings {
    /// Which hardware encoders may replace those of the built-in codecs.
    pub hardware: HardwareChoice,
    /// Device of VA-API and Quick Sync (`/dev/dri/renderD128`); the driver's
    /// own choice when absent.
    pub hardware_device: Option<String>,
    /// What is done about results that are larger than their source.
    pub if_larger: IfLarger,
}

/// Which hardware encoders may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HardwareChoice {
    /// None.
    #[default]
    Off,
    /// Whatever proves to work.
    Auto,
    /// NVIDIA's.
    Nvenc,
    /// Intel's Quick Sync.
    Qsv,
    /// VA-API, of Intel and AMD on Linux.
    Vaapi,
    /// AMD's.
    Amf,
    /// Apple's.
    VideoToolbox,
}

/// What is done about results that are larger than their source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IfLarger {
    /// The note of the record says so.
    #[default]
    Tell,
    /// Lossy encodes are kept to the source's bitrate from the beginning.
    Limit,
    /// The source's own video is kept where it already is what was asked for.
    KeepSource,
}

impl EncodeSettings {
    /// Passes to `rule` whether each of the rules holds, and its text.
    pub fn check(&self, rule: &mut impl FnMut(bool, &str)) {
        use HardwareChoice::{Auto, Nvenc, Off};
        rule(
            self.hardware_device.as_ref().is_none_or(|device| {
                // It becomes an argument of its own, and names a device file.
                device.starts_with('/') && !device.contains(char::is_control)
            }),
            "encode.hardware_device: must be a path from the root (/dev/dri/renderD128)",
        );
        rule(
            self.if_larger != IfLarger::Limit || matches!(self.hardware, Off | Auto | Nvenc),
            "encode.if_larger: \"limit\" can't be kept by this hardware, which has no constant \
             quality with a highest rate; use nvenc, or \"tell\" or \"keep-source\"",
        );
    }
}
