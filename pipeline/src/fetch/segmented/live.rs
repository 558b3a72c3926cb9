//! Waits until the list of a rendition holds the span: lists of live streams grow
//! at their end, and lose segments at their start.

use std::path::Path;
use std::time::Duration;

use clipmill_core::{Code, Error, Retry};
use tokio::time::Instant;

use super::dash::{self, RepresentationKey, RepresentationSource};
use super::download::{SegmentDownload, missing_files};
use super::hls;
use super::list_reader::ListReader;
use super::rendition::{LiveTimeline, RenditionSegments, SegmentListing};
use super::segment::SegmentFolder;
use crate::fetch::context::FetchContext;
use crate::fetch::span::still_live;
use crate::fetch::tracks::WantedTracks;
use crate::fetch::transfer::RemoteAddress;
use crate::workspace;

/// By how much a list may start after the span, seconds: its times are rounded.
const ROUNDING: f64 = 0.001;
/// How far ahead of a live stream a span may start for the fetch to wait for it,
/// seconds.
const MAX_AHEAD: f64 = 30.0;
/// How long a server may lack a segment that its list names: its clock is not
/// ours.
const MAX_LATE: Duration = Duration::from_secs(15);
/// The longest time after which a job whose span is farther ahead is tried again.
const NEXT_LOOK: Duration = Duration::from_secs(60);

/// Where a rendition is described.
#[derive(Debug, Clone, PartialEq)]
pub enum RenditionAddress {
    /// By an HLS media playlist.
    Hls(RemoteAddress),
    /// By a DASH manifest, as this representation.
    Dash(RemoteAddress, RepresentationKey),
}

/// Where the bytes of a rendition are.
pub enum RenditionSource {
    Segments(RenditionSegments),
    /// In one file with an index of its own.
    File(RemoteAddress),
}

/// What a list holds of the span.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Coverage {
    /// All of it, or all that there will be.
    Complete,
    /// Not all of it yet, but it is worth to wait for the rest.
    Growing,
    /// It starts so much later that the job had better be tried again after this
    /// time.
    FarAhead(Duration),
    /// Only the recording of the stream will hold it.
    InRecording,
}

/// Reads the lists of one fetch.
pub struct ListWatch<'a> {
    pub context: &'a FetchContext<'a>,
    pub reader: &'a ListReader<'a>,
    /// None for a stream that is not live.
    pub timeline: Option<LiveTimeline>,
    /// Whether video and audio are in two renditions.
    pub has_separate_audio: bool,
}

impl ListWatch<'_> {
    /// A rendition that holds the span. What there is already of a live stream is
    /// downloaded meanwhile, because it may leave the list.
    ///
    /// # Errors
    /// Those of sources; `still_live` when the span will be in the recording.
    pub async fn wait_for_span(
        &self,
        address: &RenditionAddress,
        tracks: WantedTracks,
        stem: &Path,
    ) -> Result<RenditionSource, Error> {
        let mut known: Option<RenditionSegments> = None;
        let mut missing = MissingSegments::default();
        loop {
            let listing = match self.list(address).await? {
                RepresentationSource::Listing(listing) => listing,
                RepresentationSource::File(file) => return Ok(RenditionSource::File(file)),
            };
            let (has_ended, pause) = (listing.has_ended, listing.pause);
            let rendition = self.merge(known, listing)?;
            let coverage = self.coverage(&rendition, has_ended);
            match coverage {
                Coverage::InRecording => return Err(still_live()),
                Coverage::FarAhead(wait) => {
                    return Err(still_live().with_retry(Retry::After(wait)));
                }
                Coverage::Complete | Coverage::Growing => {}
            }
            let is_downloaded = self.timeline.is_none()
                || missing.check(self.download_listed(&rendition, tracks, stem).await)?;
            if coverage == Coverage::Complete && is_downloaded {
                return Ok(RenditionSource::Segments(rendition));
            }
            known = Some(rendition);
            tokio::time::sleep(pause).await;
        }
    }

    /// What the list says now.
    async fn list(&self, address: &RenditionAddress) -> Result<RepresentationSource, Error> {
        let clock = &self.context.pipeline.clock;
        match address {
            RenditionAddress::Hls(address) => {
                let listing =
                    hls::list_segments(self.reader, address, self.timeline, clock).await?;
                Ok(RepresentationSource::Listing(listing))
            }
            RenditionAddress::Dash(address, key) => {
                dash::list_segments(self.reader, address, key, self.timeline, clock).await
            }
        }
    }

    /// What was known with what a listing adds.
    fn merge(
        &self,
        known: Option<RenditionSegments>,
        listing: SegmentListing,
    ) -> Result<RenditionSegments, Error> {
        if listing.has_guessed_times {
            if self.has_separate_audio {
                // The guessed times of two lists don't fit each other.
                return Err(still_live());
            }
            self.context.note_guessed_times();
        }
        let Some(mut known) = known else { return Ok(listing.rendition) };
        known.append(listing.rendition);
        Ok(known)
    }

    fn coverage(&self, rendition: &RenditionSegments, has_ended: bool) -> Coverage {
        let listed = rendition.span();
        let (start, end) = listed.map_or((0.0, 0.0), |listed| (listed.start, listed.end));
        let is_live = self.timeline.is_some();
        let Some(span) = self.context.span else {
            return if has_ended { Coverage::Complete } else { Coverage::InRecording };
        };
        if is_live && start > span.start.max(0.0) + ROUNDING {
            // What has left the list is in the recording.
            Coverage::InRecording
        } else if has_ended || end >= span.end {
            Coverage::Complete
        } else if !is_live {
            Coverage::InRecording
        } else if span.start > end + MAX_AHEAD {
            let wait = Duration::try_from_secs_f64(span.start - end).unwrap_or(NEXT_LOOK);
            Coverage::FarAhead(wait.min(NEXT_LOOK))
        } else {
            Coverage::Growing
        }
    }

    /// Downloads what a list holds of the span.
    async fn download_listed(
        &self,
        rendition: &RenditionSegments,
        tracks: WantedTracks,
        stem: &Path,
    ) -> Result<(), Error> {
        let end = rendition.span().map_or(0.0, |listed| listed.end);
        let Some(span) = self.context.span.filter(|span| span.start < end) else { return Ok(()) };
        let folder = SegmentFolder::new(stem);
        workspace::prepare(folder.path()).await?;
        let selected = rendition.select(span, tracks.video);
        let files = missing_files(rendition, &selected, &folder)?;
        let (transfer, headers) = (&self.context.transfer, &rendition.headers);
        SegmentDownload { transfer, headers }.fetch(&files).await
    }
}

/// Since when a server has lacked segments that its list names.
#[derive(Default)]
struct MissingSegments(Option<Instant>);

impl MissingSegments {
    /// Whether the listed segments were downloaded; if not, the server may still get
    /// them.
    ///
    /// # Errors
    /// That of the download, unless the server may still get the segment.
    fn check(&mut self, download: Result<(), Error>) -> Result<bool, Error> {
        match download {
            Ok(()) => {
                self.0 = None;
                Ok(true)
            }
            Err(error) if error.code == Code::RemovedVideo => {
                let since = *self.0.get_or_insert_with(Instant::now);
                if since.elapsed() > MAX_LATE { Err(error) } else { Ok(false) }
            }
            Err(error) => Err(error),
        }
    }
}
