//! What is stored before the clusters: the EBML header, the segment with the
//! positions of its elements, its information and its tracks.

use bytes::Bytes;

use super::buffered_file::BufferedFile;
use super::ebml::{children, cut_off, parse_float, parse_text, parse_unsigned};
use super::ids;
use super::track_entry::{TrackEntry, parse_tracks};
use crate::MediaError;

/// Most bytes of an element that is read as a whole, save the cues.
const ELEMENT_SIZE: u64 = 16 * 1024 * 1024;
/// Most elements before the first cluster.
const ELEMENTS: usize = 256;
/// Most entries of a seek head that are kept.
const SEEKS: usize = 256;
/// Most bytes of the EBML header's content.
const EBML_SIZE: u64 = 4096;

/// What is stored before the clusters.
#[derive(Debug, Clone)]
pub struct SegmentHead {
    /// Whether the file is WebM, not any Matroska.
    pub webm: bool,
    /// The EBML header, as it is.
    pub ebml: Bytes,
    /// Offset of the segment's content, from which positions are counted.
    pub data: u64,
    /// First byte behind the segment, or behind the file if that ends before.
    pub end: u64,
    /// Nanoseconds of a tick: `TimestampScale`.
    pub scale: u64,
    /// Duration of the whole, ticks.
    pub duration: Option<f64>,
    /// Content of `Info`.
    pub info: Bytes,
    /// Content of `Tracks`.
    pub tracks: Bytes,
    /// The video and audio tracks.
    pub entries: Vec<TrackEntry>,
    /// Elements of the segment whose offset is known.
    pub elements: Vec<ElementOffset>,
    /// Offset of the first cluster, if there is one.
    pub first_cluster: Option<u64>,
}

/// Where an element of the segment is.
#[derive(Debug, Clone, Copy)]
pub struct ElementOffset {
    /// The element's ID.
    pub id: u32,
    /// Offset in the file.
    pub offset: u64,
}

impl SegmentHead {
    /// Where an element is.
    pub fn offset_of(&self, id: u32) -> Option<u64> {
        self.elements.iter().find(|element| element.id == id).map(|element| element.offset)
    }

    /// The first byte that belongs to none of the clusters from `offset` on, as
    /// far as is known.
    pub fn clusters_end(&self, offset: u64) -> u64 {
        let others = self.elements.iter();
        let others = others.filter(|element| element.id != ids::CLUSTER && element.offset > offset);
        // Only what is behind all clusters ends them: the index, as a rule, and
        // what follows it.
        others.map(|element| element.offset).min().unwrap_or(self.end)
    }
}

/// Reads what is stored before the clusters.
///
/// # Errors
/// Those of the file, and when it is not Matroska or has no tracks.
pub async fn read_segment_head(file: &mut BufferedFile<'_>) -> Result<SegmentHead, MediaError> {
    let (ebml, webm) = read_ebml_header(file).await?;
    let at = ebml.len() as u64;
    let segment = file.header_at(at).await?.filter(|header| header.id == ids::SEGMENT);
    let segment = segment.ok_or_else(|| MediaError::damaged("no Matroska segment"))?;
    let data = at + segment.length as u64;
    let size = file.size();
    let end =
        segment.size.and_then(|length| data.checked_add(length)).map_or(size, |end| end.min(size));
    let mut reading = HeadReader { data, end, ..HeadReader::default() };
    reading.read_to_first_cluster(file).await?;
    for id in [ids::SEEK_HEAD, ids::INFO, ids::TRACKS] {
        reading.follow_seek_head(file, id).await?;
    }
    let info = reading.info.unwrap_or_default();
    let (scale, duration) = parse_info(&info)?;
    let tracks = reading.tracks.ok_or_else(|| MediaError::damaged("no tracks"))?;
    let entries = parse_tracks(&tracks, scale)?;
    let mut elements = reading.elements;
    elements.retain(|element| element.offset < end);
    let first_cluster = reading.first_cluster.or_else(|| {
        let clusters = elements.iter().filter(|element| element.id == ids::CLUSTER);
        clusters.map(|element| element.offset).min()
    });
    Ok(SegmentHead {
        webm,
        ebml,
        data,
        end,
        scale,
        duration,
        info,
        tracks,
        entries,
        elements,
        first_cluster,
    })
}

/// The EBML header, and whether it is that of WebM.
async fn read_ebml_header(file: &mut BufferedFile<'_>) -> Result<(Bytes, bool), MediaError> {
    let header = file.header_at(0).await?.filter(|header| header.id == ids::EBML);
    let header = header.ok_or_else(|| MediaError::damaged("not a Matroska file"))?;
    let size = header.size.filter(|size| *size <= EBML_SIZE);
    let size =
        size.ok_or_else(|| MediaError::damaged("the document's header is too long"))? as usize;
    let ebml = file.read_exact(0, header.length + size).await?;
    let mut doc_type = String::new();
    for child in children(ebml.get(header.length..).unwrap_or_default()) {
        let (id, content) = child?;
        if id == ids::DOC_TYPE {
            doc_type = parse_text(content);
        }
    }
    match doc_type.as_str() {
        "webm" => Ok((ebml, true)),
        "matroska" => Ok((ebml, false)),
        _ => Err(MediaError::unsupported("an EBML document, but not Matroska")),
    }
}

/// `TimestampScale`, nanoseconds, and `Duration`, ticks, of an `Info`.
fn parse_info(info: &[u8]) -> Result<(u64, Option<f64>), MediaError> {
    let (mut scale, mut duration) = (1_000_000, None);
    for child in children(info) {
        match child? {
            (ids::TIMESTAMP_SCALE, content) => scale = parse_unsigned(content)?,
            (ids::DURATION, content) => {
                duration = Some(parse_float(content)?).filter(|ticks| *ticks > 0.0);
            }
            _ => {}
        }
    }
    if scale == 0 || scale > 1_000_000_000 {
        return Err(MediaError::damaged("the time scale makes no sense"));
    }
    Ok((scale, duration))
}

/// What was found so far.
#[derive(Default)]
struct HeadReader {
    data: u64,
    end: u64,
    info: Option<Bytes>,
    tracks: Option<Bytes>,
    elements: Vec<ElementOffset>,
    first_cluster: Option<u64>,
}

/// An element of the segment that the reader has come to.
struct SegmentElement {
    id: u32,
    offset: u64,
    /// Offset of its content.
    content: u64,
    /// Bytes of its content.
    size: u64,
}

impl HeadReader {
    /// Reads from the start of the segment to its first cluster.
    async fn read_to_first_cluster(
        &mut self,
        file: &mut BufferedFile<'_>,
    ) -> Result<(), MediaError> {
        let mut offset = self.data;
        for _ in 0..ELEMENTS {
            if offset >= self.end {
                return Ok(());
            }
            let Some(header) = file.header_at(offset).await? else { return Ok(()) };
            if header.id == ids::CLUSTER {
                self.first_cluster = Some(offset);
                return Ok(());
            }
            let size = header.size.ok_or_else(|| MediaError::damaged("an element has no size"))?;
            let content = offset + header.length as u64;
            let next = content.checked_add(size).ok_or_else(cut_off)?;
            if next > self.end && !matches!(header.id, ids::INFO | ids::TRACKS) {
                return Ok(());
            }
            self.read_element(file, SegmentElement { id: header.id, offset, content, size })
                .await?;
            // The rest is behind something long, and the offsets of all that is
            // needed are known.
            if next > file.buffered_start() && self.is_complete() {
                return Ok(());
            }
            offset = next;
        }
        Err(MediaError::too_large("too many elements before the first cluster"))
    }

    fn is_complete(&self) -> bool {
        let is_known = |id: u32| self.elements.iter().any(|element| element.id == id);
        self.info.is_some()
            && self.tracks.is_some()
            && is_known(ids::CUES)
            && is_known(ids::CLUSTER)
    }

    /// Keeps an element's content if that is needed, else only its offset.
    async fn read_element(
        &mut self,
        file: &mut BufferedFile<'_>,
        element: SegmentElement,
    ) -> Result<(), MediaError> {
        let SegmentElement { id, offset, content, size } = element;
        if !matches!(id, ids::INFO | ids::TRACKS | ids::SEEK_HEAD) {
            self.elements.insert(0, ElementOffset { id, offset });
            return Ok(());
        }
        if size > ELEMENT_SIZE {
            return Err(MediaError::too_large("an element of the head is too long"));
        }
        let bytes = file.read_exact(content, size as usize).await?;
        match id {
            ids::INFO => self.info = Some(bytes),
            ids::TRACKS => self.tracks = Some(bytes),
            _ => {
                // A damaged seek head is none: everything can be found without.
                for (id, content) in children(&bytes).map_while(Result::ok) {
                    if id == ids::SEEK && self.elements.len() < SEEKS {
                        self.elements.extend(parse_seek(content, self.data));
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads an element that was not before the first cluster, if a seek head
    /// has its position. Another seek head is one that has more.
    async fn follow_seek_head(
        &mut self,
        file: &mut BufferedFile<'_>,
        id: u32,
    ) -> Result<(), MediaError> {
        let is_known = match id {
            ids::INFO => self.info.is_some(),
            ids::TRACKS => self.tracks.is_some(),
            _ => self.elements.iter().any(|element| element.id == ids::CUES),
        };
        let Some(element) = self.elements.iter().find(|element| element.id == id) else {
            return Ok(());
        };
        let offset = element.offset;
        if is_known || offset >= self.end {
            return Ok(());
        }
        let Some(header) = file.header_at(offset).await?.filter(|header| header.id == id) else {
            return Ok(());
        };
        let Some(size) = header.size else { return Ok(()) };
        let content = offset + header.length as u64;
        self.read_element(file, SegmentElement { id, offset, content, size }).await
    }
}

/// One entry of a seek head.
fn parse_seek(content: &[u8], data: u64) -> Option<ElementOffset> {
    let (mut element_id, mut offset) = (None, None);
    for child in children(content) {
        match child.ok()? {
            (ids::SEEK_ID, content) => {
                element_id = u32::try_from(parse_unsigned(content).ok()?).ok();
            }
            (ids::SEEK_POSITION, content) => {
                offset = parse_unsigned(content).ok()?.checked_add(data);
            }
            _ => {}
        }
    }
    Some(ElementOffset { id: element_id?, offset: offset? })
}
