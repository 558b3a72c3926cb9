//! Master playlists.

use super::attributes::Attributes;
use super::{MOST_VARIANTS, Master, Rendition, Variant};
use crate::Error;

pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Master, Error> {
    let mut master = Master::default();
    let mut next: Option<Variant> = None;
    for line in lines {
        if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            next = Some(variant(&Attributes::parse(list)));
        } else if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
            let list = Attributes::parse(list);
            if list.get("TYPE") == Some("AUDIO") {
                master.sounds.push(rendition(&list));
            }
        } else if !line.starts_with('#')
            && let Some(variant) = next.take()
        {
            master.variants.push(Variant { uri: line.to_owned(), ..variant });
        }
        if master.variants.len() + master.sounds.len() > MOST_VARIANTS {
            return Err(Error::too_large("a playlist of more than 2000 variants"));
        }
    }
    if master.variants.is_empty() {
        return Err(Error::damaged("a playlist of variants without one"));
    }
    Ok(master)
}

fn variant(list: &Attributes<'_>) -> Variant {
    let resolution = list.get("RESOLUTION").and_then(|text| {
        let (width, height) = text.split_once(['x', 'X'])?;
        Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
    });
    let codecs = list.get("CODECS").map(|text| {
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    });
    Variant {
        uri: String::new(),
        bandwidth: list.read("BANDWIDTH"),
        resolution,
        frame_rate: list.read("FRAME-RATE").filter(|rate: &f64| rate.is_finite() && *rate > 0.0),
        codecs: codecs.unwrap_or_default(),
        audio: list.get("AUDIO").map(str::to_owned),
    }
}

fn rendition(list: &Attributes<'_>) -> Rendition {
    Rendition {
        group: list.get("GROUP-ID").unwrap_or_default().to_owned(),
        name: list.get("NAME").unwrap_or_default().to_owned(),
        language: list.get("LANGUAGE").map(str::to_owned),
        uri: list.get("URI").filter(|uri| !uri.is_empty()).map(str::to_owned),
        default: list.yes("DEFAULT"),
        autoselect: list.yes("AUTOSELECT"),
    }
}
