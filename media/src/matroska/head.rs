//! What stands before the pictures and sounds: the document's header, the
//! segment, where its elements are, its information and its tracks.

use bytes::Bytes;

use super::ebml::{children, cut_off, float, text, unsigned};
use super::ids;
use super::tracks::{Entry, entries};
use super::window::Window;
use crate::Error;

/// Most bytes of an element that is read as a whole, save the cues.
const ELEMENT: u64 = 16 * 1024 * 1024;
/// Most elements before the first cluster.
const ELEMENTS: usize = 256;
/// Most entries of a seek head that are kept.
const SEEKS: usize = 256;

/// The head of a file.
#[derive(Debug, Clone)]
pub struct Head {
    /// Whether it is WebM, not any Matroska.
    pub webm: bool,
    /// The document's header, as it is.
    pub ebml: Bytes,
    /// First byte of the segment's content.
    pub data: u64,
    /// First byte after the segment, or that of the file.
    pub end: u64,
    /// Nanoseconds of a tick.
    pub scale: u64,
    /// Duration of the whole, ticks.
    pub duration: Option<f64>,
    /// Content of `Info`.
    pub info: Bytes,
    /// Content of `Tracks`.
    pub tracks: Bytes,
    /// The tracks of picture and sound.
    pub entries: Vec<Entry>,
    /// Elements whose place is known: what and where in the file.
    pub places: Vec<(u32, u64)>,
    /// The first cluster, if there is one.
    pub clusters: Option<u64>,
}

impl Head {
    /// Where an element is.
    pub fn place(&self, id: u32) -> Option<u64> {
        self.places.iter().find(|place| place.0 == id).map(|place| place.1)
    }
}

/// Reads the head.
///
/// # Errors
/// Those of the file, and when it is not Matroska or has no tracks.
pub async fn read(window: &mut Window<'_>) -> Result<Head, Error> {
    let (ebml, webm) = document(window).await?;
    let at = ebml.len() as u64;
    let segment = window.header(at).await?.filter(|header| header.id == ids::SEGMENT);
    let segment = segment.ok_or_else(|| Error::damaged("no Matroska segment"))?;
    let data = at + segment.length as u64;
    let size = window.size();
    let end =
        segment.size.and_then(|length| data.checked_add(length)).map_or(size, |end| end.min(size));
    let mut found = Found::default();
    walk(window, data, end, &mut found).await?;
    for id in [ids::SEEK_HEAD, ids::INFO, ids::TRACKS] {
        found.fetch(window, id, data, end).await?;
    }
    let info = found.info.unwrap_or_default();
    let (mut scale, mut duration) = (1_000_000, None);
    for child in children(&info) {
        let (id, content) = child?;
        match id {
            ids::TIMESTAMP_SCALE => scale = unsigned(content)?,
            ids::DURATION => duration = Some(float(content)?).filter(|ticks| *ticks > 0.0),
            _ => {}
        }
    }
    if scale == 0 || scale > 1_000_000_000 {
        return Err(Error::damaged("the time scale makes no sense"));
    }
    let tracks = found.tracks.ok_or_else(|| Error::damaged("no tracks"))?;
    let entries = entries(&tracks, scale)?;
    let mut places = found.places;
    places.retain(|place| place.1 < end);
    let clusters = found.clusters.or_else(|| {
        places.iter().filter(|place| place.0 == ids::CLUSTER).map(|place| place.1).min()
    });
    Ok(Head { webm, ebml, data, end, scale, duration, info, tracks, entries, places, clusters })
}

/// The document's header, and whether it is WebM.
async fn document(window: &mut Window<'_>) -> Result<(Bytes, bool), Error> {
    let header = window.header(0).await?.filter(|header| header.id == ids::EBML);
    let header = header.ok_or_else(|| Error::damaged("not a Matroska file"))?;
    let size = header.size.filter(|size| *size <= 4096);
    let size = size.ok_or_else(|| Error::damaged("the document's header is too long"))? as usize;
    let ebml = window.exact(0, header.length + size).await?;
    let mut kind = String::new();
    for child in children(ebml.get(header.length..).unwrap_or_default()) {
        let (id, content) = child?;
        if id == ids::DOC_TYPE {
            kind = text(content);
        }
    }
    match kind.as_str() {
        "webm" => Ok((ebml, true)),
        "matroska" => Ok((ebml, false)),
        _ => Err(Error::unsupported("an EBML document, but not Matroska")),
    }
}

/// What the walk found.
#[derive(Default)]
struct Found {
    info: Option<Bytes>,
    tracks: Option<Bytes>,
    places: Vec<(u32, u64)>,
    clusters: Option<u64>,
}

/// Walks from the segment's beginning to its first cluster.
async fn walk(
    window: &mut Window<'_>,
    data: u64,
    end: u64,
    found: &mut Found,
) -> Result<(), Error> {
    let mut at = data;
    for _ in 0..ELEMENTS {
        if at >= end {
            return Ok(());
        }
        let Some(header) = window.header(at).await? else { return Ok(()) };
        if header.id == ids::CLUSTER {
            found.clusters = Some(at);
            return Ok(());
        }
        let size = header.size.ok_or_else(|| Error::damaged("an element has no size"))?;
        let content = at + header.length as u64;
        let next = content.checked_add(size).ok_or_else(cut_off)?;
        if next > end && !matches!(header.id, ids::INFO | ids::TRACKS) {
            return Ok(());
        }
        found.take(window, header.id, at, content, size, data).await?;
        // The rest is behind something long, and the places of all that is
        // needed are known.
        if next > window.head()
            && found.info.is_some()
            && found.tracks.is_some()
            && found.knows_all()
        {
            return Ok(());
        }
        at = next;
    }
    Err(Error::too_large("too many elements before the first cluster"))
}

impl Found {
    fn knows_all(&self) -> bool {
        [ids::CUES, ids::CLUSTER].iter().all(|id| self.places.iter().any(|place| place.0 == *id))
    }

    async fn take(
        &mut self,
        window: &mut Window<'_>,
        id: u32,
        at: u64,
        content: u64,
        size: u64,
        data: u64,
    ) -> Result<(), Error> {
        if !matches!(id, ids::INFO | ids::TRACKS | ids::SEEK_HEAD) {
            self.places.insert(0, (id, at));
            return Ok(());
        }
        if size > ELEMENT {
            return Err(Error::too_large("an element of the head is too long"));
        }
        let bytes = window.exact(content, size as usize).await?;
        match id {
            ids::INFO => self.info = Some(bytes),
            ids::TRACKS => self.tracks = Some(bytes),
            _ => {
                // A damaged seek head is none: everything can be found without.
                for child in children(&bytes).map_while(Result::ok) {
                    if child.0 == ids::SEEK && self.places.len() < SEEKS {
                        self.places.extend(seek(child.1, data));
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads an element that was not before the first cluster, if a seek head
    /// tells where it is. Another seek head is one that has more.
    async fn fetch(
        &mut self,
        window: &mut Window<'_>,
        id: u32,
        data: u64,
        end: u64,
    ) -> Result<(), Error> {
        let have = match id {
            ids::INFO => self.info.is_some(),
            ids::TRACKS => self.tracks.is_some(),
            _ => self.places.iter().any(|place| place.0 == ids::CUES),
        };
        let Some(at) = self.places.iter().find(|place| place.0 == id).map(|place| place.1) else {
            return Ok(());
        };
        if have || at >= end {
            return Ok(());
        }
        let Some(header) = window.header(at).await?.filter(|header| header.id == id) else {
            return Ok(());
        };
        let Some(size) = header.size else { return Ok(()) };
        self.take(window, id, at, at + header.length as u64, size, data).await
    }
}

/// One entry of a seek head.
fn seek(content: &[u8], data: u64) -> Option<(u32, u64)> {
    let (mut id, mut at) = (None, None);
    for child in children(content) {
        match child.ok()? {
            (ids::SEEK_ID, content) => id = u32::try_from(unsigned(content).ok()?).ok(),
            (ids::SEEK_POSITION, content) => at = unsigned(content).ok()?.checked_add(data),
            _ => {}
        }
    }
    Some((id?, at?))
}
