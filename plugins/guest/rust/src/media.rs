//! Short ways to write down what a source found.

use crate::{
    AudioTrack, Container, Format, Header, Live, Location, MediaInfo, Transport, VideoTrack,
};

impl MediaInfo {
    /// An ordinary recording without formats. The id is the site's own: up to
    /// 128 characters, not empty.
    pub fn new(id: impl Into<String>) -> MediaInfo {
        MediaInfo {
            id: id.into(),
            title: None,
            duration: None,
            live: Live::No,
            formats: Vec::new(),
            expires_at: None,
        }
    }

    /// With a title.
    pub fn with_title(mut self, title: impl Into<String>) -> MediaInfo {
        self.title = Some(title.into());
        self
    }

    /// With one more format.
    pub fn with_format(mut self, format: Format) -> MediaInfo {
        self.formats.push(format);
        self
    }
}

impl Format {
    /// One file over HTTP(S) with picture and sound of which nothing is known.
    /// The id is the site's name for it: up to 64 characters, not empty.
    pub fn progressive(
        id: impl Into<String>,
        container: Container,
        url: impl Into<String>,
    ) -> Format {
        Format::new(id, container, Transport::Progressive(Location::new(url)))
    }

    /// An HLS media playlist with picture and sound of which nothing is known.
    pub fn hls(id: impl Into<String>, url: impl Into<String>) -> Format {
        Format::new(id, Container::Ts, Transport::Hls(Location::new(url)))
    }

    /// A DASH manifest with picture and sound of which nothing is known.
    pub fn dash(id: impl Into<String>, url: impl Into<String>) -> Format {
        Format::new(id, Container::Mp4, Transport::Dash(Location::new(url)))
    }

    fn new(id: impl Into<String>, container: Container, transport: Transport) -> Format {
        Format {
            id: id.into(),
            container,
            video: Some(VideoTrack::default()),
            audio: Some(AudioTrack::default()),
            bitrate: None,
            size: None,
            transport,
        }
    }

    /// Sound alone.
    pub fn without_video(mut self) -> Format {
        self.video = None;
        self
    }

    /// Picture alone.
    pub fn without_audio(mut self) -> Format {
        self.audio = None;
        self
    }

    /// With a request header that the server wants.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Format {
        let header = Header { name: name.into(), value: value.into() };
        match &mut self.transport {
            Transport::Progressive(it) | Transport::Hls(it) | Transport::Dash(it) => {
                it.headers.push(header);
            }
        }
        self
    }
}

impl Location {
    /// An address to which nothing has to be sent.
    pub fn new(url: impl Into<String>) -> Location {
        Location { url: url.into(), headers: Vec::new() }
    }
}

impl Default for VideoTrack {
    /// Nothing is known of it.
    fn default() -> VideoTrack {
        VideoTrack { codec: None, width: None, height: None, fps: None }
    }
}

impl Default for AudioTrack {
    /// Nothing is known of it, but that it is the one to take.
    fn default() -> AudioTrack {
        AudioTrack { codec: None, preferred: true }
    }
}
