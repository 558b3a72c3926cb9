//! What a source answered, for people.

use clipmill_core::probe::{Format, Live, MediaInfo, Transport};

use super::table::{Table, bytes};

/// Prints it. The texts are a stranger's, so that nothing in them may move the
/// cursor.
pub fn print(info: &MediaInfo) {
    let mut facts = Table::plain();
    let mut fact = |name: &str, text: String| facts.row([name.to_owned(), plain(&text)]);
    fact("id", info.id.clone());
    fact("title", info.title.clone().unwrap_or_else(|| "-".to_owned()));
    fact("duration", info.duration.map_or("-".to_owned(), |seconds| format!("{seconds} s")));
    fact("live", live(info.live));
    if let Some(at) = info.expires_at {
        fact("expires", at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    }
    print!("{facts}");
    println!();
    let mut table =
        Table::new(&["FORMAT", "FILE", "PICTURE", "SOUND", "KBIT/S", "SIZE", "HOW", "ADDRESS"]);
    info.formats.iter().for_each(|format| table.row(row(format).map(|cell| plain(&cell))));
    print!("{table}");
}

fn row(format: &Format) -> [String; 8] {
    let none = || "-".to_owned();
    let picture = format.video.as_ref().map(|video| {
        let size = match (video.width, video.height) {
            (Some(width), Some(height)) => format!("{width}x{height}"),
            (None, Some(height)) => format!("{height}p"),
            _ => "?".to_owned(),
        };
        let rate = video.fps.map(|fps| format!(" {fps:.2} fps")).unwrap_or_default();
        let codec = video.codec.as_deref().map(|codec| format!(" {codec}")).unwrap_or_default();
        format!("{size}{rate}{codec}")
    });
    let sound =
        format.audio.as_ref().map(|audio| audio.codec.clone().unwrap_or_else(|| "?".to_owned()));
    let (how, address) = match &format.transport {
        Transport::Progressive { url, .. } => ("http", url.as_str()),
        Transport::Hls { url, .. } => ("hls", url.as_str()),
        Transport::Dash { url, .. } => ("dash", url.as_str()),
        Transport::Opaque => ("own", "-"),
    };
    [
        format.id.clone(),
        format!("{:?}", format.container).to_lowercase(),
        picture.unwrap_or_else(none),
        sound.unwrap_or_else(none),
        format.bitrate.map_or_else(none, |bits| format!("{:.0}", bits / 1000.0)),
        format.size.map_or_else(none, bytes),
        how.to_owned(),
        address.to_owned(),
    ]
}

fn live(live: Live) -> String {
    let since = |began: Option<chrono::DateTime<chrono::Utc>>| {
        began
            .map(|at| format!(", since {}", at.format("%Y-%m-%d %H:%M:%S UTC")))
            .unwrap_or_default()
    };
    match live {
        Live::No => "no".to_owned(),
        Live::Upcoming => "upcoming".to_owned(),
        Live::Running { began } => format!("running{}", since(began)),
        Live::Ended { began } => format!("ended{}", since(began)),
    }
}

/// Text without characters that a terminal obeys.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
