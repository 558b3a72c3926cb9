//! ffmpeg's pixel formats, and those of VP9 that hold their pictures.

/// The colours of a format, and its bits a sample.
type Kind = (Colors, u32);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Colors {
    Rgb,
    /// VP9 has no pictures without colours; the smallest that has is 4:2:0.
    Gray,
    Yuv420,
    Yuv422,
    Yuv440,
    Yuv444,
}

/// The format of VP9 that holds every value of this one; none if there is none.
/// Transparency is left out: few players show it.
pub fn lossless(name: &str) -> Option<&'static str> {
    let (colors, bits) = kind(name)?;
    let formats = match colors {
        Colors::Rgb => ["gbrp", "gbrp10le", "gbrp12le"],
        Colors::Gray | Colors::Yuv420 => ["yuv420p", "yuv420p10le", "yuv420p12le"],
        Colors::Yuv422 => ["yuv422p", "yuv422p10le", "yuv422p12le"],
        Colors::Yuv440 => ["yuv440p", "yuv440p10le", "yuv440p12le"],
        Colors::Yuv444 => ["yuv444p", "yuv444p10le", "yuv444p12le"],
    };
    match bits {
        1..=8 => Some(formats[0]),
        9..=10 => Some(formats[1]),
        11..=12 => Some(formats[2]),
        _ => None,
    }
}

/// 4:2:0, with 10 bits where the source has more than 8.
pub fn usual(name: &str) -> &'static str {
    match kind(name) {
        Some((_, bits)) if bits > 8 => "yuv420p10le",
        _ => "yuv420p",
    }
}

fn kind(name: &str) -> Option<Kind> {
    let name = name.strip_suffix("le").or_else(|| name.strip_suffix("be")).unwrap_or(name);
    planar(name).or_else(|| packed(name))
}

/// Families whose names end in the number of bits, if it is not 8.
fn planar(name: &str) -> Option<Kind> {
    use Colors::{Gray, Rgb, Yuv420, Yuv422, Yuv440, Yuv444};
    const FAMILIES: [(&str, Colors); 20] = [
        ("gbrap", Rgb),
        ("gbrp", Rgb),
        ("gray", Gray),
        ("yuv410p", Yuv420),
        ("yuv411p", Yuv422),
        ("yuv420p", Yuv420),
        ("yuv422p", Yuv422),
        ("yuv440p", Yuv440),
        ("yuv444p", Yuv444),
        ("yuva420p", Yuv420),
        ("yuva422p", Yuv422),
        ("yuva444p", Yuv444),
        ("yuvj411p", Yuv422),
        ("yuvj420p", Yuv420),
        ("yuvj422p", Yuv422),
        ("yuvj440p", Yuv440),
        ("yuvj444p", Yuv444),
        ("p0", Yuv420),
        ("p2", Yuv422),
        ("p4", Yuv444),
    ];
    FAMILIES.iter().find_map(|(family, colors)| {
        let bits = match name.strip_prefix(family)? {
            "" => 8,
            bits => bits.parse().ok()?,
        };
        Some((*colors, bits))
    })
}

fn packed(name: &str) -> Option<Kind> {
    Some(match name {
        "monow" | "monob" | "ya8" => (Colors::Gray, 8),
        "ya16" => (Colors::Gray, 16),
        "nv12" | "nv21" => (Colors::Yuv420, 8),
        "nv16" | "yuyv422" | "uyvy422" | "yvyu422" | "uyyvyy411" => (Colors::Yuv422, 8),
        "nv20" | "y210" => (Colors::Yuv422, 10),
        "y212" => (Colors::Yuv422, 12),
        "nv24" | "nv42" | "vuya" | "vuyx" => (Colors::Yuv444, 8),
        "xv30" => (Colors::Yuv444, 10),
        "xv36" => (Colors::Yuv444, 12),
        "ayuv64" => (Colors::Yuv444, 16),
        "x2rgb10" | "x2bgr10" => (Colors::Rgb, 10),
        "rgb48" | "bgr48" | "rgba64" | "bgra64" => (Colors::Rgb, 16),
        "rgb24" | "bgr24" | "rgba" | "bgra" | "argb" | "abgr" | "rgb0" | "bgr0" | "0rgb"
        | "0bgr" | "pal8" | "rgb8" | "bgr8" | "rgb4" | "bgr4" | "rgb4_byte" | "bgr4_byte"
        | "rgb444" | "bgr444" | "rgb555" | "bgr555" | "rgb565" | "bgr565" => (Colors::Rgb, 8),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lossless_holds_every_value() {
        for (name, holder) in [
            ("yuv420p", Some("yuv420p")),
            ("yuv440p12le", Some("yuv440p12le")),
            ("yuvj422p", Some("yuv422p")),
            ("yuv420p9be", Some("yuv420p10le")),
            ("yuv411p", Some("yuv422p")),
            ("yuva444p10le", Some("yuv444p10le")),
            ("nv12", Some("yuv420p")),
            ("p010le", Some("yuv420p10le")),
            ("p216le", None),
            ("bgr0", Some("gbrp")),
            ("gbrp16le", None),
            ("gbrpf32le", None),
            ("gray", Some("yuv420p")),
            ("gray12le", Some("yuv420p12le")),
            ("bayer_rggb8", None),
            ("", None),
            ("yuv420p99999999999", None),
        ] {
            assert_eq!(lossless(name), holder, "{name}");
        }
    }

    #[test]
    fn the_usual_has_ten_bits_at_most() {
        assert_eq!(usual("yuv444p12le"), "yuv420p10le");
        assert_eq!(usual("yuvj420p"), "yuv420p");
        assert_eq!(usual("bayer_rggb8"), "yuv420p");
    }
}
