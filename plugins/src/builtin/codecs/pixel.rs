//! What ffmpeg's names of pixel formats mean, as far as planning needs it.

/// The colour planes of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planes {
    /// Brightness alone.
    Gray,
    /// Brightness and two colour planes, one colour sample for so many pixels.
    Yuv {
        /// Pixels in a row that share a sample.
        across: u8,
        /// Rows that share a sample.
        down: u8,
    },
    /// Red, green and blue.
    Rgb,
}

/// A pixel format. Transparency is not in it: no container of ours shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pixel {
    pub(super) planes: Planes,
    /// Bits a sample.
    pub(super) depth: u8,
    /// Full range by name (`yuvj`).
    full: bool,
}

impl Pixel {
    /// From ffmpeg's name; none for formats that hold no ordinary picture.
    pub(super) fn parse(name: &str) -> Option<Pixel> {
        let name = name.strip_suffix("le").or_else(|| name.strip_suffix("be")).unwrap_or(name);
        let full = name.starts_with("yuvj");
        let (planes, depth) = planar(name).or_else(|| packed(name))?;
        Some(Pixel { planes, depth, full })
    }

    /// The format among `formats` that holds every value of this one: the very
    /// one, else the smallest.
    pub(super) fn holder(self, name: &str, formats: &[&'static str]) -> Option<&'static str> {
        if let Some(same) = formats.iter().find(|format| **format == name) {
            return Some(same);
        }
        formats
            .iter()
            .filter_map(|format| Some((format, Pixel::parse(format)?)))
            .filter(|(_, other)| self.fits(*other))
            // The first of equals: lists begin with the plainest format.
            .min_by_key(|(_, other)| {
                (other.full != self.full, other.depth, other.samples_of_four())
            })
            .map(|(format, _)| *format)
    }

    fn fits(self, other: Pixel) -> bool {
        let planes = match (self.planes, other.planes) {
            (Planes::Gray, Planes::Gray | Planes::Yuv { .. }) | (Planes::Rgb, Planes::Rgb) => true,
            (Planes::Yuv { across, down }, Planes::Yuv { across: a, down: d }) => {
                a <= across && d <= down
            }
            _ => false,
        };
        // A range that the name does not carry goes beside the stream; full
        // range squeezed into a limited one is not possible.
        planes && self.depth <= other.depth && (self.full || !other.full)
    }

    /// Samples of a row and column pair of pixels, to compare sizes.
    fn samples_of_four(self) -> u8 {
        match self.planes {
            Planes::Gray => 4,
            Planes::Yuv { across, down } => 4 + 8 / across.max(1) / down.max(1),
            Planes::Rgb => 12,
        }
    }
}

fn planar(name: &str) -> Option<(Planes, u8)> {
    let digits = |text: &str| if text.is_empty() { Some(8) } else { text.parse().ok() };
    if let Some(rest) = name.strip_prefix("gray") {
        return Some((Planes::Gray, if rest == "f32" { 32 } else { digits(rest)? }));
    }
    if let Some(rest) = name.strip_prefix("gbrap").or_else(|| name.strip_prefix("gbrp")) {
        return Some((Planes::Rgb, if rest == "f32" { 32 } else { digits(rest)? }));
    }
    let rest = ["yuvj", "yuva", "yuv"].iter().find_map(|start| name.strip_prefix(start))?;
    let (chroma, depth) = rest.split_once('p')?;
    Some((subsampling(chroma)?, digits(depth)?))
}

fn subsampling(chroma: &str) -> Option<Planes> {
    let (across, down) = match chroma {
        "410" => (4, 4),
        "411" => (4, 1),
        "420" => (2, 2),
        "422" => (2, 1),
        "440" => (1, 2),
        "444" => (1, 1),
        _ => return None,
    };
    Some(Planes::Yuv { across, down })
}

fn packed(name: &str) -> Option<(Planes, u8)> {
    let yuv = |chroma, depth| Some((subsampling(chroma)?, depth));
    match name {
        "nv12" | "nv21" => yuv("420", 8),
        "nv16" | "yuyv422" | "uyvy422" | "yvyu422" => yuv("422", 8),
        "nv20" | "y210" | "p210" => yuv("422", 10),
        "y212" | "p212" => yuv("422", 12),
        "p216" => yuv("422", 16),
        "nv24" | "nv42" | "vuya" | "vuyx" => yuv("444", 8),
        "p410" | "xv30" => yuv("444", 10),
        "p412" | "xv36" => yuv("444", 12),
        "p416" | "ayuv64" => yuv("444", 16),
        "p010" => yuv("420", 10),
        "p012" => yuv("420", 12),
        "p016" => yuv("420", 16),
        "uyyvyy411" => yuv("411", 8),
        "ya8" | "monow" | "monob" => Some((Planes::Gray, 8)),
        "ya16" => Some((Planes::Gray, 16)),
        "x2rgb10" | "x2bgr10" => Some((Planes::Rgb, 10)),
        "rgb48" | "bgr48" | "rgba64" | "bgra64" => Some((Planes::Rgb, 16)),
        "rgb24" | "bgr24" | "rgba" | "bgra" | "argb" | "abgr" | "rgb0" | "bgr0" | "0rgb"
        | "0bgr" | "pal8" | "rgb8" | "bgr8" | "rgb4" | "bgr4" | "rgb4_byte" | "bgr4_byte"
        | "rgb444" | "bgr444" | "rgb555" | "bgr555" | "rgb565" | "bgr565" => Some((Planes::Rgb, 8)),
        _ => None,
    }
}
