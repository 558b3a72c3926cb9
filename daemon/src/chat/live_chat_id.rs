//! Which video a chat is about, from what its bot gives as the video.
//!
//! Bots of YouTube channels know the id of the live chat, not of the video.
//! That id is a small protobuf message in base64: field 1 holds the video id,
//! in the long form field 5 holds the channel and the video id again. Decoding it
//! needs no request.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use super::protobuf::{ProtobufFields, ProtobufValue};

/// Longer texts are refused. The known forms have 20 and 75 characters;
/// percent-encoding may triple a few of them.
const MAX_CHARACTERS: usize = 256;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A video on YouTube, as a chat names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveVideo {
    /// The 11-character id.
    pub video_id: String,
    /// The channel, where the chat's id holds it.
    pub channel_id: Option<String>,
}

/// The text is neither a video id nor the id of a live chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a YouTube video id nor the id of a live chat")]
pub struct NotAVideo;

/// Reads one path segment: an 11-character video id, or a live chat's id in
/// base64 (standard or URL-safe alphabet, padded or not, percent-encoded or not).
///
/// # Errors
/// [`NotAVideo`] for anything else.
pub fn parse_video(segment: &str) -> Result<LiveVideo, NotAVideo> {
    if segment.len() > MAX_CHARACTERS {
        return Err(NotAVideo);
    }
    // A stray `%` stays, and is neither in ids nor in base64.
    let text = percent_decode_str(segment).decode_utf8().map_err(|_| NotAVideo)?;
    if is_video_id(text.as_bytes()) {
        return Ok(LiveVideo { video_id: text.into_owned(), channel_id: None });
    }
    let url_safe: String = text
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .collect();
    let message = BASE64.decode(url_safe).map_err(|_| NotAVideo)?;
    from_message(&message).ok_or(NotAVideo)
}

fn from_message(message: &[u8]) -> Option<LiveVideo> {
    let mut video = None;
    let mut second_id = None;
    let mut channel_id = None;
    for field in ProtobufFields::new(message) {
        match field.ok()? {
            (1, ProtobufValue::Bytes(inner)) => video = Some(text_field(inner, 1)??),
            (5, ProtobufValue::Bytes(inner)) => {
                channel_id = text_field(inner, 1)?;
                second_id = text_field(inner, 2)?;
            }
            _ => {}
        }
    }
    let video_id = video?;
    let consistent = second_id.is_none_or(|second| second == video_id);
    let channel_id = channel_id.filter(|id| is_channel_id(id.as_bytes()));
    (consistent && is_video_id(video_id.as_bytes())).then_some(LiveVideo { video_id, channel_id })
}

/// The text in a field of a message: outer none when the message is malformed,
/// inner none when it has no such field.
#[expect(clippy::option_option, reason = "two different absences, explained above")]
fn text_field(message: &[u8], wanted: u64) -> Option<Option<String>> {
    let mut found = None;
    for field in ProtobufFields::new(message) {
        match field.ok()? {
            (number, ProtobufValue::Bytes(text)) if number == wanted => {
                found = Some(std::str::from_utf8(text).ok()?.to_owned());
            }
            _ => {}
        }
    }
    Some(found)
}

fn is_video_id(text: &[u8]) -> bool {
    text.len() == 11 && text.iter().all(|&c| is_id_character(c))
}

fn is_channel_id(text: &[u8]) -> bool {
    text.len() == 24 && text.starts_with(b"UC") && text.iter().all(|&c| is_id_character(c))
}

fn is_id_character(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'-' || c == b'_'
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    use super::*;

    const VIDEO: &str = "a-B_c1D2e3F";
    const CHANNEL: &str = "UC0123456789abcdefghij-_";

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        field.extend_from_slice(content);
        field
    }

    fn short_form() -> Vec<u8> {
        field(1, &field(1, VIDEO.as_bytes()))
    }

    fn long_form() -> Vec<u8> {
        let inner = [field(1, CHANNEL.as_bytes()), field(2, VIDEO.as_bytes())].concat();
        [short_form(), field(5, &inner)].concat()
    }

    #[test]
    fn both_forms_tell_the_video() {
        let short = URL_SAFE_NO_PAD.encode(short_form());
        let long = URL_SAFE_NO_PAD.encode(long_form());
        assert_eq!((short.len(), long.len()), (20, 75));
        let video_id = VIDEO.to_owned();
        let channel_id = Some(CHANNEL.to_owned());
        assert_eq!(
            parse_video(&short),
            Ok(LiveVideo { video_id: video_id.clone(), channel_id: None })
        );
        assert_eq!(parse_video(&long), Ok(LiveVideo { video_id, channel_id }));
    }

    #[test]
    fn any_alphabet_padding_and_encoding_will_do() {
        let padded = STANDARD.encode(long_form());
        assert!(padded.ends_with('='));
        let encoded = padded.replace('=', "%3D").replace('+', "%2b").replace('/', "%2F");
        for id in [padded, encoded, STANDARD_NO_PAD.encode(long_form())] {
            assert_eq!(parse_video(&id).unwrap().video_id, VIDEO, "{id}");
        }
    }

    #[test]
    fn a_plain_video_id_stays_what_it_is() {
        assert_eq!(parse_video(VIDEO).unwrap().video_id, VIDEO);
        assert_eq!(parse_video("a%2DB_c1D2e3F").unwrap().video_id, VIDEO);
    }

    #[test]
    fn other_texts_are_refused() {
        let other = [short_form(), field(5, &field(2, b"other-video"))].concat();
        let no_video = field(5, &field(1, CHANNEL.as_bytes()));
        let wrong = field(1, &field(1, b"../../etc/p"));
        for text in [
            String::new(),
            "short".to_owned(),
            "twelve-chars".to_owned(),
            "%".to_owned(),
            "%zz".to_owned(),
            "%ff%fe".to_owned(),
            "A".repeat(10_000),
            URL_SAFE_NO_PAD.encode(other),
            URL_SAFE_NO_PAD.encode(no_video),
            URL_SAFE_NO_PAD.encode(wrong),
        ] {
            assert_eq!(parse_video(&text), Err(NotAVideo), "{text}");
        }
    }

    #[test]
    fn garbage_never_panics_and_never_yields_a_bad_id() {
        // Every single-byte change of a good message, and every cut of it.
        let good = long_form();
        for place in 0..good.len() {
            for value in 0..=255 {
                let mut bad = good.clone();
                bad[place] = value;
                check(&bad);
            }
            check(&good[..place]);
        }
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for length in 0..2_000 {
            let noise: Vec<u8> = (0..length % 90)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            check(&noise);
            let _ = parse_video(&String::from_utf8_lossy(&noise));
        }
    }

    fn check(message: &[u8]) {
        if let Ok(video) = parse_video(&URL_SAFE_NO_PAD.encode(message)) {
            assert!(is_video_id(video.video_id.as_bytes()), "{video:?}");
        }
    }
}
