//! The canonical ABI by hand: where the fields of answers lie in a guest's
//! memory. Numbers stand for enums and variants, so that wrong ones can be said.

/// Bytes at the beginning of a guest's memory.
#[derive(Clone)]
pub struct Image {
    bytes: Vec<u8>,
}

/// Where an image begins; nothing lies at address 0.
const BASE: u32 = 1024;

/// A text's address and length.
type Text = (u32, u32);

impl Image {
    pub fn new() -> Image {
        Image { bytes: Vec::new() }
    }

    /// Puts bytes somewhere, aligned as everything may want it.
    pub fn place(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = BASE + self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        at
    }

    pub fn text(&mut self, text: impl AsRef<[u8]>) -> Text {
        let text = text.as_ref();
        (self.place(text), text.len() as u32)
    }

    /// Overwrites what lies at an address.
    pub fn poke(&mut self, at: u32, bytes: &[u8]) {
        let at = (at - BASE) as usize;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The first address behind it.
    pub fn end(&self) -> u32 {
        (BASE + self.bytes.len() as u32).next_multiple_of(16)
    }

    /// As a data segment.
    pub fn wat(&self) -> String {
        let escaped: String = self.bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        format!("(data (i32.const {BASE}) \"{escaped}\")")
    }
}

/// One record, field by field.
pub struct Record(pub Vec<u8>);

impl Record {
    pub fn new(size: usize) -> Record {
        Record(vec![0; size])
    }

    pub fn bytes(mut self, at: usize, bytes: &[u8]) -> Record {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub fn u8(self, at: usize, value: u8) -> Record {
        self.bytes(at, &[value])
    }

    pub fn u32(self, at: usize, value: u32) -> Record {
        self.bytes(at, &value.to_le_bytes())
    }

    /// A text, or a list of so many elements.
    pub fn text(self, at: usize, (address, length): Text) -> Record {
        self.u32(at, address).u32(at + 4, length)
    }

    /// An option whose value is 8 bytes behind its discriminant.
    fn wide(self, at: usize, value: Option<[u8; 8]>) -> Record {
        match value {
            Some(value) => self.u8(at, 1).bytes(at + 8, &value),
            None => self,
        }
    }

    fn maybe_text(self, at: usize, text: Option<Text>) -> Record {
        match text {
            Some(text) => self.u8(at, 1).text(at + 4, text),
            None => self,
        }
    }

    pub fn place(self, image: &mut Image) -> u32 {
        image.place(&self.0)
    }
}

/// A `media-info`.
#[derive(Clone)]
pub struct Info {
    pub id: Vec<u8>,
    pub title: Option<String>,
    pub duration: Option<f64>,
    /// Case, and the point in time of the last two.
    pub live: (u8, Option<u64>),
    pub formats: Vec<Format>,
    pub expires_at: Option<u64>,
}

/// A `format`.
#[derive(Clone)]
pub struct Format {
    pub id: String,
    pub container: u8,
    /// Width and height of its picture, and frames per second.
    pub video: Option<(Option<u32>, Option<u32>, Option<f64>)>,
    pub sound: bool,
    pub bitrate: Option<f64>,
    /// Case of `transport`.
    pub transport: u8,
    pub url: String,
    pub headers: Vec<(String, String)>,
}

impl Info {
    /// One that makes sense.
    pub fn good() -> Info {
        Info {
            id: b"some-id".to_vec(),
            title: Some("A title".to_owned()),
            duration: Some(12.5),
            live: (0, None),
            formats: vec![Format::good("720p")],
            expires_at: None,
        }
    }

    /// As a successful `result<media-info, source-error>`.
    pub fn place(&self, image: &mut Image) -> u32 {
        let formats: Vec<u8> =
            self.formats.iter().flat_map(|format| format.record(image)).collect();
        let formats = (image.place(&formats), self.formats.len() as u32);
        let id = image.text(&self.id);
        let title = self.title.as_ref().map(|title| image.text(title));
        Record::new(96)
            .text(8, id)
            .maybe_text(16, title)
            .wide(32, self.duration.map(f64::to_le_bytes))
            .u8(48, self.live.0)
            .wide(56, self.live.1.map(u64::to_le_bytes))
            .text(72, formats)
            .wide(80, self.expires_at.map(u64::to_le_bytes))
            .place(image)
    }
}

impl Format {
    /// One that makes sense.
    pub fn good(id: &str) -> Format {
        Format {
            id: id.to_owned(),
            container: 0,
            video: Some((Some(1280), Some(720), Some(25.0))),
            sound: true,
            bitrate: Some(1e6),
            transport: 0,
            url: "https://media.example/a.mp4".to_owned(),
            headers: Vec::new(),
        }
    }

    fn record(&self, image: &mut Image) -> Vec<u8> {
        let headers = headers(image, &self.headers);
        let (id, url) = (image.text(&self.id), image.text(&self.url));
        let mut record = Record::new(152).text(0, id).u8(8, self.container);
        if let Some((width, height, fps)) = self.video {
            record = record.u8(16, 1).wide(24 + 32, fps.map(f64::to_le_bytes));
            for (at, side) in [(24 + 12, width), (24 + 20, height)] {
                record = match side {
                    Some(side) => record.u8(at, 1).u32(at + 4, side),
                    None => record,
                };
            }
        }
        record
            .u8(72, u8::from(self.sound))
            .wide(96, self.bitrate.map(f64::to_le_bytes))
            .u8(128, self.transport)
            .text(132, url)
            .text(140, headers)
            .0
    }
}

/// A `list<header>`.
pub fn headers<T: AsRef<[u8]>>(image: &mut Image, headers: &[(T, T)]) -> Text {
    let pairs: Vec<u8> = headers
        .iter()
        .flat_map(|(name, value)| {
            let (name, value) = (image.text(name), image.text(value));
            Record::new(16).text(0, name).text(8, value).0
        })
        .collect();
    (image.place(&pairs), headers.len() as u32)
}
