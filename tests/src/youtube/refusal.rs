//! Why YouTube does not show a video.

/// The kinds of refusal, each in the words that yt-dlp reports for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Only for people whom the owner named.
    Private,
    /// Taken away by the uploader.
    Removed,
    /// The uploader's account is no more.
    Terminated,
    /// No such video, or no reason given.
    Unavailable,
    /// Only for people who are signed in and old enough.
    AgeGate,
    /// YouTube takes the caller for a bot.
    NotABot,
    /// Only for members of the channel.
    MembersOnly,
    /// A stream that has not begun.
    Upcoming,
    /// A premiere that has not begun.
    Premiere,
    /// Not in the caller's country.
    Geo,
    /// Too many requests in this session.
    RateLimited,
}

impl Refusal {
    /// Every kind.
    pub const ALL: [Refusal; 11] = [
        Refusal::Private,
        Refusal::Removed,
        Refusal::Terminated,
        Refusal::Unavailable,
        Refusal::AgeGate,
        Refusal::NotABot,
        Refusal::MembersOnly,
        Refusal::Upcoming,
        Refusal::Premiere,
        Refusal::Geo,
        Refusal::RateLimited,
    ];

    /// The plugin's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::Private => "private",
            Refusal::Removed => "removed",
            Refusal::Terminated => "terminated",
            Refusal::Unavailable => "unavailable",
            Refusal::AgeGate => "age_gate",
            Refusal::NotABot => "not_a_bot",
            Refusal::MembersOnly => "members_only",
            Refusal::Upcoming => "upcoming",
            Refusal::Premiere => "premiere",
            Refusal::Geo => "geo",
            Refusal::RateLimited => "rate_limited",
        }
    }

    /// How yt-dlp's error line begins after `ERROR: [youtube] ID: `.
    pub fn words(self) -> &'static str {
        match self {
            Refusal::Private => {
                "Private video. Sign in if you've been granted access to this video. \
                 Use --cookies-from-browser or --cookies for the authentication."
            }
            Refusal::Removed => "Video unavailable. This video has been removed by the uploader",
            Refusal::Terminated => {
                "Video unavailable. This video is no longer available because the YouTube account \
                 associated with this video has been terminated."
            }
            Refusal::Unavailable => "Video unavailable",
            Refusal::AgeGate => {
                "Sign in to confirm your age. This video may be inappropriate for some users. \
                 Use --cookies-from-browser or --cookies for the authentication."
            }
            Refusal::NotABot => {
                "Sign in to confirm you\u{2019}re not a bot. \
                 Use --cookies-from-browser or --cookies for the authentication."
            }
            Refusal::MembersOnly => {
                "Join this channel to get access to members-only content like this video, \
                 and other exclusive perks."
            }
            Refusal::Upcoming => "This live event will begin in 2 hours.",
            Refusal::Premiere => "Premieres in 5 hours",
            Refusal::Geo => "The uploader has not made this video available in your country",
            Refusal::RateLimited => {
                "Video unavailable. This content isn't available, try again later. \
                 The current session has been rate-limited by YouTube"
            }
        }
    }
}
