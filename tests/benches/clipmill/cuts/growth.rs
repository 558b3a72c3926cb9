//! The same minute out of ten minutes, and out of ten hours.

use clipmill_tests::MediaServer;

use super::fetch::{Served, clip_from};
use super::{rounds, source};
use crate::measure::{Samples, megabytes};
use crate::report::{Goal, Report, Row};

/// One minute near the end of the shorter one.
const SPAN: (f64, f64) = (481.3, 541.7);

/// Clips from both in turns and adds two rows.
pub async fn measure(report: &mut Report) {
    let time = Row::new(
        "a minute out of 10 hours, to one out of 10 minutes",
        "s",
        Goal::RatioAtMost(1.25),
    );
    let bytes = Row::new("bytes for a minute out of 10 hours, to 10 minutes", "MB", Goal::None);
    let server = MediaServer::new();
    server.file("/long.mp4", source::quiet(600));
    server.file("/short.mp4", source::quiet(10));
    server.behave("/", super::paced());
    let (mut long, mut short) = (Figures::default(), Figures::default());
    for _ in 0..rounds() {
        // In the long one at the same share of its length, ten hours in.
        let late = (SPAN.0 * 60.0, SPAN.0 * 60.0 + (SPAN.1 - SPAN.0));
        long.add(&clip_from(&server, "/long.mp4", late, "mp4"));
        short.add(&clip_from(&server, "/short.mp4", SPAN, "mp4"));
    }
    let index = |minutes| megabytes(source::index(&source::quiet(minutes)));
    let note = format!("the indexes are {:.1} MB and {:.1} MB", index(600), index(10));
    report.add(time.ours(long.wall.median()).peer(Ok(short.wall.median())).note(note));
    report.add(bytes.ours(long.bytes.median()).peer(Ok(short.bytes.median())));
}

#[derive(Default)]
struct Figures {
    wall: Samples,
    bytes: Samples,
}

impl Figures {
    fn add(&mut self, served: &Served) {
        self.wall.push(served.took.wall);
        self.bytes.push(megabytes(served.bytes));
    }
}
