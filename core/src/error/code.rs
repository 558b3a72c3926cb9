//! The stable machine codes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Declares [`Code`] with its spelling on the wire: clients, plugins and stored
/// records know the text, the code itself knows the variant.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Why something could not be done, as clients and records spell it.
        ///
        /// The spelling of a variant never changes; [`Code::as_str`] and
        /// [`FromStr`] are the only places that know it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code, in the order of their declaration.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The spelling on the wire, snake case.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    // What a source says of a video.
    /// The owner restricted the video, or the server forbids the address.
    PrivateVideo = "private_video",
    /// There is no such video any more, or no such address.
    RemovedVideo = "removed_video",
    /// The source wants a login to prove an age.
    AgeRestricted = "age_restricted",
    /// The source wants proof that a person is asking.
    BotCheck = "bot_check",
    /// A stream that was announced has not begun, or its channel has not started the
    /// encoding of an upload.
    NotStarted = "not_started",
    /// The source does not serve this country.
    GeoBlocked = "geo_blocked",
    /// Only paying members may see it.
    MembersOnly = "members_only",
    /// No handler takes the address.
    UnsupportedUrl = "unsupported_url",
    /// The address leads into a network that is not permitted.
    AddressRefused = "address_refused",
    /// Too many requests; wait.
    RateLimited = "rate_limited",
    /// The server could not be reached, or the connection broke.
    SourceUnreachable = "source_unreachable",
    /// The server did not answer in time.
    SourceTimeout = "source_timeout",
    /// The source failed in another way.
    SourceFailed = "source_failed",
    /// The remote file is no longer the one of which the first bytes came.
    SourceChanged = "source_changed",
    /// A plugin trapped, ran out of its limits, or answered nonsense.
    PluginFailed = "plugin_failed",

    // What codecs say.
    /// The codec has no such quality.
    UnknownQuality = "unknown_quality",
    /// This ffmpeg lacks the encoder.
    EncoderMissing = "encoder_missing",
    /// The codec can't encode such a file.
    NotEncodable = "not_encodable",
    /// The codec failed.
    CodecFailed = "codec_failed",

    // What the stages of the pipeline say.
    /// Nothing is presented within the span.
    NoSuchSpan = "no_such_span",
    /// The file has no video stream.
    NoVideo = "no_video",
    /// The bytes are no media file that can be read.
    NotMedia = "not_media",
    /// The disk is full.
    DiskFull = "disk_full",
    /// A program that is needed is not installed.
    ToolMissing = "tool_missing",
    /// ffmpeg failed.
    EncodeFailed = "encode_failed",
    /// There is no such codec.
    UnknownCodec = "unknown_codec",
    /// The parts of a smart cut don't fit together.
    CutMismatch = "cut_mismatch",
    /// More bytes, pixels or table entries than allowed.
    TooLarge = "too_large",
    /// The stream still runs, and the span is not there yet.
    StillLive = "still_live",
    /// A stage took longer than it may.
    StageTimeout = "stage_timeout",
    /// The artifact store failed.
    ArtifactStore = "artifact_store",
    /// A file that a record names is gone.
    FileGone = "file_gone",
    /// The job was tried as often as it may be.
    TooManyAttempts = "too_many_attempts",
    /// A record's address is no URL.
    InvalidUrl = "invalid_url",
    /// There is no such resolution.
    InvalidResolution = "invalid_resolution",
    /// A fault of clipmill's own.
    Internal = "internal",

    // What the host of plugins says.
    /// The manifest of a plugin can't be used.
    BadManifest = "bad_manifest",
    /// The package of a plugin can't be used.
    BadPackage = "bad_package",
    /// The component can't be compiled or linked.
    BadComponent = "bad_component",
    /// The component speaks another version of the interface.
    WrongApi = "wrong_api",
    /// The plugin describes itself wrongly.
    BadDescription = "bad_description",
    /// Another handler has this name.
    NameTaken = "name_taken",
    /// The host itself failed.
    HostFailed = "host_failed",

    // What the HTTP interface says.
    /// The path leads nowhere, or there is no such record.
    NotFound = "not_found",
    /// The path does not take the method.
    MethodNotAllowed = "method_not_allowed",
    /// Too many requests of a kind run at this moment; try again.
    Busy = "busy",
    /// The database does not answer.
    StorageUnavailable = "storage_unavailable",
    /// The request has no token.
    MissingToken = "missing_token",
    /// The token is none of ours, or of the other kind.
    InvalidToken = "invalid_token",
    /// The token was valid once.
    TokenExpired = "token_expired",
    /// The login that the token belongs to has ended.
    SessionEnded = "session_ended",
    /// The record belongs to another user.
    NotOwner = "not_owner",
    /// The request's body broke off.
    BodyBroken = "body_broken",
    /// The request's body did not arrive in time.
    BodyTimeout = "body_timeout",
    /// The request's body is too large.
    BodyTooLarge = "body_too_large",
    /// The request's body is of another media type than the endpoint takes.
    UnsupportedMediaType = "unsupported_media_type",
    /// The request's body is no JSON.
    InvalidJson = "invalid_json",
    /// A field of the request's body has a value of the wrong type.
    InvalidRequest = "invalid_request",
    /// A field that is needed is missing.
    MissingField = "missing_field",
    /// A query parameter has no valid value.
    InvalidParameter = "invalid_parameter",
    /// A number is outside of its range.
    InvalidNumber = "invalid_number",
    /// Start and end make no span that is allowed.
    InvalidTimeRange = "invalid_time_range",
    /// There is no such user.
    InvalidUser = "invalid_user",
    /// The text is no id of a video.
    InvalidVideoId = "invalid_video_id",
    /// There is no such output format.
    InvalidFormat = "invalid_format",
    /// There is no such codec to encode to.
    InvalidCodec = "invalid_codec",
    /// The codec has no such quality.
    InvalidQuality = "invalid_quality",
    /// The address is no e-mail address.
    InvalidEmail = "invalid_email",
    /// The e-mail address has an account already.
    EmailTaken = "email_taken",
    /// The operator has closed the registration.
    RegistrationClosed = "registration_closed",
    /// A new password has too few characters.
    PasswordTooShort = "password_too_short",
    /// A new password has too many bytes.
    PasswordTooLong = "password_too_long",
    /// E-mail address and password don't belong together.
    InvalidCredentials = "invalid_credentials",
    /// The current password is wrong.
    WrongPassword = "wrong_password",
    /// The form holds no file.
    NoFile = "no_file",
    /// The uploaded file has no bytes.
    EmptyFile = "empty_file",
    /// The uploaded file is larger than the server allows.
    FileTooLarge = "file_too_large",
    /// Files with this extension can't be uploaded.
    InvalidFileType = "invalid_file_type",
    /// The upload broke off or is malformed.
    UploadBroken = "upload_broken",
    /// The server could not write the uploaded file.
    UploadFailed = "upload_failed",
    /// The record is an upload, where a clip is needed.
    NotAClip = "not_a_clip",
    /// There is no finished file yet.
    NotReady = "not_ready",
    /// There is no work on the record that could be cancelled.
    NotActive = "not_active",
    /// The record has not failed, so it can't be tried again.
    NotFailed = "not_failed",
    /// The job was cancelled.
    Cancelled = "cancelled",
    /// The file has none of the bytes of the requested range.
    RangeNotSatisfiable = "range_not_satisfiable",
    /// A record does not say why its job failed.
    Unknown = "unknown",

    // What the command line says.
    /// Something is wrong with what was typed.
    Usage = "usage",
    /// The configuration can't be used.
    Configuration = "configuration",
    /// A command failed in another way.
    Failed = "failed",
    /// A signal ended the command.
    Interrupted = "interrupted",
}

impl Code {
    /// The codes that a source may answer.
    pub const SOURCE: [Code; 16] = [
        Code::PrivateVideo,
        Code::RemovedVideo,
        Code::AgeRestricted,
        Code::BotCheck,
        Code::NotStarted,
        Code::GeoBlocked,
        Code::MembersOnly,
        Code::UnsupportedUrl,
        Code::AddressRefused,
        Code::RateLimited,
        Code::SourceUnreachable,
        Code::SourceTimeout,
        Code::ToolMissing,
        Code::SourceFailed,
        Code::TooLarge,
        Code::PluginFailed,
    ];

    /// The codes that a codec may answer.
    pub const CODEC: [Code; 6] = [
        Code::UnknownQuality,
        Code::NoVideo,
        Code::EncoderMissing,
        Code::NotEncodable,
        Code::CodecFailed,
        Code::PluginFailed,
    ];
}

impl From<Code> for Cow<'static, str> {
    fn from(code: Code) -> Cow<'static, str> {
        Cow::Borrowed(code.as_str())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The text is no [`Code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no error code")]
pub struct UnknownCode;

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Code, UnknownCode> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownCode)
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_spelling_of_its_own_that_reads_back() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
        assert_eq!("nonsense".parse::<Code>(), Err(UnknownCode));
    }
}
