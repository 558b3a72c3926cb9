//! A 500 MB file in and out of the daemon, and what its memory does meanwhile.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use clipmill_tests::tool;

use crate::client::{download, encode, finished_file, upload};
use crate::measure::{Samples, megabytes};
use crate::media;
use crate::process;
use crate::report::{Goal, Report, Row};

const ROUNDS: usize = 3;
const SIZE: u64 = 500 << 20;
const GOAL: Goal = Goal::AtMost(32.0);
const DEADLINE: Duration = Duration::from_secs(300);

/// Sends and fetches in turns, each time with a new daemon, and adds two rows.
pub async fn measure(report: &mut Report) {
    let in_row = Row::new("memory growth while 500 MB are uploaded", "MB", GOAL);
    let out_row = Row::new("memory growth while 500 MB are downloaded", "MB", GOAL);
    if tool::find("ffmpeg").is_err() {
        let missing = "ffmpeg: scripts/tools.sh bench installs it";
        report.add(in_row.missing(missing.to_owned()));
        report.add(out_row.missing(missing.to_owned()));
        return;
    }
    let small = Clip::new(320, 180, 5).file();
    let large = media::folder().join("large.mp4");
    fs::copy(&small, &large).expect("a file can be copied");
    media::pad(&large, SIZE);
    let (mut uploads, mut downloads) = (Samples::default(), Samples::default());
    for round in 1..=ROUNDS {
        let uploaded = growth_of_upload(&large).await;
        let downloaded = growth_of_download(&small).await;
        eprintln!("  {round}/{ROUNDS} upload {uploaded:.2} MB, download {downloaded:.2} MB");
        uploads.push(uploaded);
        downloads.push(downloaded);
    }
    report.add(in_row.ours(uploads.median()));
    report.add(out_row.ours(downloads.median()));
}

async fn growth_of_upload(large: &Path) -> f64 {
    let (daemon, account) = begin().await;
    let grown = Growth::begin(&daemon);
    upload(&account, large).await;
    let growth = grown.end();
    assert_eq!(largest_in(&daemon.data().join("uploads")), SIZE, "not all of it was kept");
    growth
}

/// The length of the largest file in a folder.
fn largest_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("the folder of uploads");
    entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).max().unwrap_or_default()
}

async fn growth_of_download(small: &Path) -> f64 {
    let (daemon, account) = begin().await;
    let id = upload(&account, small).await;
    encode(&account, &id, DEADLINE).await;
    media::pad(&finished_file(&daemon, &id), SIZE);
    let grown = Growth::begin(&daemon);
    let got = download(&account, &id).await;
    let growth = grown.end();
    assert_eq!(got, SIZE, "the download ended early");
    growth
}

/// A daemon that has answered a few requests, as one in use has.
async fn begin() -> (Daemon, Account) {
    let daemon = Daemon::start("[uploads]\nmax_mb = 600\n");
    let account = Account::register(&daemon).await;
    (daemon, account)
}

/// How far above its beginning the memory of the daemon reaches.
struct Growth {
    pid: u32,
    before: u64,
}

impl Growth {
    fn begin(daemon: &Daemon) -> Growth {
        let pid = daemon.pid();
        process::reset_peak(pid);
        Growth { pid, before: process::resident(pid) }
    }

    /// In megabytes.
    fn end(self) -> f64 {
        megabytes(process::peak(self.pid).saturating_sub(self.before))
    }
}
