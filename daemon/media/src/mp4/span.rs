//! What a span needs of a file that may be far away.

use super::layout::find;
use super::moov::Moov;
use super::select::Span;
use super::source::Source;
use super::{progressive, work};
use crate::{Error, Located, Movie, ReadAt, Want};

/// Most bytes that are read of the file, those of the span not counted.
const INDEX: u64 = 64 << 20;

/// Finds what a span needs of a file, reading as little as possible: for large
/// tables only the stretches that the span needs.
///
/// # Errors
/// As [`read`](super::read), but at most 64 MiB are read, and
/// [`Kind::Nothing`](crate::Kind::Nothing) when nothing is presented in the
/// span.
pub async fn locate(file: &dyn ReadAt, want: &Want) -> Result<Located, Error> {
    let source = Source::new(file, INDEX);
    let beginning = find(&source).await?;
    let moov = Moov::read(&source, beginning.moov.at, beginning.moov.header.size).await?;
    if want.start.is_nan() || want.end.is_nan() || want.start >= want.end {
        return Err(Error::nothing("the span is empty"));
    }
    let zero = progressive::zero(&source, &moov).await?;
    let mut picks = progressive::picks(&source, &moov, want, span(want, zero)).await?;
    picks.retain(|pick| !pick.samples.is_empty());
    if !picks.iter().any(|pick| pick.wanted) {
        return Err(Error::nothing("the file has nothing within the span"));
    }
    Ok(Located {
        parts: work::parts(&beginning.ftyp, &moov, &picks)?,
        zero_micros: zero,
        duration: progressive::duration(&moov, zero),
        extension: "mp4",
        movie: Movie { tracks: picks.into_iter().map(|pick| pick.track).collect() },
    })
}

/// A span in the file's own clock.
fn span(want: &Want, zero: i64) -> Span {
    // As a cast does: what is beyond every time becomes the greatest one.
    let micros = |seconds: f64| zero.saturating_add((seconds * 1e6).round() as i64);
    Span { start: micros(want.start), end: micros(want.end) }
}
