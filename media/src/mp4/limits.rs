//! Bounds on what a file may claim, and how much is read at a time.
//!
//! Files come from strangers. Nothing is allocated, read or repeated because a
//! file says so, unless one of these bounds stands above it. Each is several
//! times what the largest real files need.

/// Latest time, ticks. A day at a billion ticks per second is 2^47; a sum of a
/// few times below this bound fits an `i64`.
pub(crate) const LATEST: i64 = i64::MAX / 8;
/// Samples of a track, and entries of a table: 20 hours of sound at 48 kHz in
/// packets of 256 samples are 13.5 million. They take 40 bytes each in memory.
pub(crate) const SAMPLES: u64 = 20_000_000;
/// Samples of a track that a span is selected from: an hour of packets of
/// 2 ms.
pub(crate) const SPAN_SAMPLES: u64 = 2_000_000;
/// Tracks of a file. Files of many languages have about 40.
pub(crate) const TRACKS: usize = 64;
/// Edits of a list. A list with more than one that presents something is
/// refused anyway.
pub(crate) const EDITS: u32 = 64;
/// Sample entries of a track that are looked through for the one wanted.
pub(crate) const SAMPLE_ENTRIES: usize = 64;

/// Bytes that are read of a file to find a span, its samples not counted. The
/// tables of ten hours are about 35 MB, of which little is read.
pub(crate) const SPAN_INDEX: u64 = 64 << 20;
/// Bytes that are read of a file to find all samples, those not counted.
pub(crate) const WHOLE_INDEX: u64 = 320 << 20;
/// Bytes of a `moov` that is read whole.
pub(crate) const WHOLE_MOOV: u64 = 256 << 20;
/// Bytes of `ftyp`, which holds some names of four letters.
pub(crate) const FTYP: u64 = 64 << 10;
/// Bytes of a box of `moov` that is read whole: all but the sample tables.
pub(crate) const MOOV_BOX: u64 = 1 << 20;
/// Bytes of a box beside the sample tables, which is copied to clip files.
pub(crate) const MINF_BOX: u64 = 64 << 10;
/// Number of such boxes of one track.
pub(crate) const MINF_BOXES: usize = 16;
/// Bytes of a `moof`: a fragment of a million samples.
pub(crate) const MOOF: u64 = 64 << 20;
/// Bytes of a `sidx`, which has at most 65,535 entries of 12 bytes.
pub(crate) const SIDX: u64 = 1 << 20;
/// Bytes of `mfra`, which has about 20 for each fragment.
pub(crate) const MFRA: u64 = 16 << 20;

/// Boxes before `moov`.
pub(crate) const BOXES_BEFORE_MOOV: usize = 4096;
/// Boxes within `moov`.
pub(crate) const BOXES_IN_MOOV: usize = 16_384;
/// Deepest nesting within `moov`; the tables lie five boxes deep.
pub(crate) const NESTING: usize = 16;
/// Boxes between `moov` and the first fragment.
pub(crate) const BOXES_BEFORE_FRAGMENTS: usize = 256;
/// Other boxes between two fragments.
pub(crate) const BOXES_BETWEEN_FRAGMENTS: usize = 4096;
/// Fragments that are read one after the other where no index says which ones
/// a span needs: each may be a request.
pub(crate) const FRAGMENTS: usize = 4096;
/// Samples without any bytes in one run. Every other sample takes bytes of the
/// file, which bounds their number.
pub(crate) const EMPTY_SAMPLES: u32 = 4096;
/// Deepest nesting of segment indexes.
pub(crate) const INDEX_NESTING: usize = 4;
/// Segment indexes that are read for a span.
pub(crate) const INDEXES: usize = 256;

/// Bytes that are read first: a small `moov` in front is among them.
pub(crate) const FIRST_READ: u64 = 256 << 10;
/// When no more than this is left after the samples, it is read at once: it is
/// probably `moov`.
pub(crate) const LAST_READ: u64 = 1 << 20;
/// Bytes that are read where a header is, unless they were read before.
pub(crate) const HEADER_READ: u64 = 16 << 10;
/// A `moov` of at most this size is read with one request.
pub(crate) const SMALL_MOOV: u64 = 1 << 20;
/// A sample table of at most this size is read whole.
pub(crate) const SMALL_TABLE: u64 = 128 << 10;
/// Largest request. What is larger becomes several at the same time.
pub(crate) const REQUEST: u64 = 2 << 20;
/// Smallest prefetch: less takes as long.
pub(crate) const PREFETCH: u64 = 16 << 10;
/// What is missing beside bytes that are there, and is shorter than this, is
/// not prefetched: the guess of a place may be off by a few bytes.
pub(crate) const PREFETCH_GAP: u64 = 1 << 10;
