//! Encoding 1080p to H.264: the command line and the daemon against the bare ffmpeg command.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clipmill_tests::api::Account;
use clipmill_tests::daemon::{self, Daemon};
use clipmill_tests::tool;

use crate::client;
use crate::measure::{Samples, megabytes, quick};
use crate::media;
use crate::process;
use crate::report::{Goal, Report, Row};

const ROUNDS: usize = 3;
const GOAL: Goal = Goal::RatioAtMost(1.02);
/// The longest that one encode may take.
const DEADLINE: Duration = Duration::from_secs(3_600);

/// What a person would type.
const BARE: &str = "-c:v libx264 -preset medium -crf 18 -c:a aac -b:a 192k -movflags +faststart";

/// Encodes the same file in three ways in turns and adds four rows.
pub async fn measure(report: &mut Report) {
    let seconds = if quick() { 10 } else { 60 };
    let named = |figure: &str, way: &str, goal: Goal| {
        Row::new(&format!("{figure} of a {seconds} s 1080p encode by {way}, to ffmpeg"), "s", goal)
    };
    let rows = |way: &str| [named("time", way, GOAL), named("processor time", way, Goal::None)];
    let (by_command, by_daemon) = (rows("clipmill encode"), rows("the daemon"));
    if tool::find("ffmpeg").is_err() {
        for row in by_command.into_iter().chain(by_daemon) {
            report.add(row.missing("ffmpeg: scripts/tools.sh bench installs it".to_owned()));
        }
        return;
    }
    let input = media::grainy(seconds).unwrap_or_else(|error| panic!("{error}"));
    let bare_file = media::folder().join("bare.mp4");
    let command_file = media::folder().join("command.mp4");
    let mut daemon_file = PathBuf::new();
    let server = Server::start().await;
    let this = std::process::id();
    let (mut bare, mut command, mut daemon) =
        (Times::default(), Times::default(), Times::default());
    for round in 1..=ROUNDS {
        let watch = Watch::start(this);
        bare_ffmpeg(&input, &bare_file);
        watch.stop(&mut bare, &format!("{round}/{ROUNDS} bare ffmpeg"));
        let watch = Watch::start(this);
        clipmill_encode(&input, &command_file);
        watch.stop(&mut command, &format!("{round}/{ROUNDS} clipmill encode"));
        let watch = Watch::start(server.daemon.pid());
        let id = server.encode(&input).await;
        watch.stop(&mut daemon, &format!("{round}/{ROUNDS} daemon"));
        daemon_file = server.file_of(&id);
    }
    add(report, by_command, &command, &bare, &likeness(&command_file, &bare_file));
    add(report, by_daemon, &daemon, &bare, &likeness(&daemon_file, &bare_file));
}

fn add(report: &mut Report, rows: [Row; 2], ours: &Times, peer: &Times, likeness: &str) {
    let [wall, processor] = rows;
    let wall = wall.ours(ours.wall.median()).peer(Ok(peer.wall.median()));
    report.add(wall.note(likeness.to_owned()));
    report.add(processor.ours(ours.processor.median()).peer(Ok(peer.processor.median())));
}

/// What one way of encoding took, in seconds.
#[derive(Default)]
struct Times {
    wall: Samples,
    processor: Samples,
}

/// Times one encode.
struct Watch {
    pid: u32,
    processor: f64,
    wall: Instant,
}

impl Watch {
    /// From now on, with the processor time of this process and of the children that it ends.
    fn start(pid: u32) -> Watch {
        Watch { pid, processor: process::processor_seconds(pid), wall: Instant::now() }
    }

    fn stop(self, times: &mut Times, way: &str) {
        let wall = self.wall.elapsed().as_secs_f64();
        let processor = process::processor_seconds(self.pid) - self.processor;
        eprintln!("  {way}: {wall:.2} s, processor {processor:.2} s");
        times.wall.push(wall);
        times.processor.push(processor);
    }
}

fn bare_ffmpeg(input: &Path, output: &Path) {
    let mut args = words("-hide_banner -nostdin -nostats -v error -y -i");
    args.push(input.display().to_string());
    args.extend(words(BARE));
    args.push(output.display().to_string());
    tool::run_fed("ffmpeg", args, |_stdin| Ok(()), DEADLINE)
        .unwrap_or_else(|error| panic!("{error}"));
}

fn clipmill_encode(input: &Path, output: &Path) {
    // Whatever config.toml is near must not decide.
    let config = media::folder().join("config.toml");
    std::fs::write(&config, "").expect("an empty config.toml");
    let program = daemon::program().display().to_string();
    let mut args = vec!["--config".to_owned(), config.display().to_string(), "encode".to_owned()];
    args.push(input.display().to_string());
    args.extend(words("--codec h264 --quality high --force -o"));
    args.push(output.display().to_string());
    tool::run_fed(&program, args, |_stdin| Ok(()), DEADLINE)
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A daemon and a user of it.
struct Server {
    daemon: Daemon,
    account: Account,
}

impl Server {
    async fn start() -> Server {
        let daemon = Daemon::start("[uploads]\nmax_mb = 4000\n");
        let account = Account::register(&daemon).await;
        Server { daemon, account }
    }

    /// Uploads, starts and waits; answers the id.
    async fn encode(&self, input: &Path) -> String {
        let id = client::upload(&self.account, input).await;
        client::encode(&self.account, &id, DEADLINE).await;
        id
    }

    /// The finished file of an encode.
    fn file_of(&self, id: &str) -> PathBuf {
        client::finished_file(&self.daemon, id)
    }
}

/// Whether both files hold the same picture, bit for bit: only then was the same work timed.
fn likeness(ours: &Path, peer: &Path) -> String {
    let outcome = if picture_hash(ours) == picture_hash(peer) {
        "the encoded picture is the peer's, bit for bit".to_owned()
    } else {
        let size = |file: &Path| megabytes(std::fs::metadata(file).map_or(0, |meta| meta.len()));
        let (ours, peer) = (size(ours), size(peer));
        format!("the encoded picture differs from the peer's ({ours:.2} MB, peer {peer:.2} MB)")
    };
    format!("{outcome}; the peer is ffmpeg -i IN {BARE} OUT")
}

/// A hash of the encoded picture, without its container.
fn picture_hash(file: &Path) -> Vec<u8> {
    let mut args = words("-hide_banner -nostdin -v error -i");
    args.push(file.display().to_string());
    args.extend(words("-map 0:v:0 -c copy -f md5 -"));
    tool::run("ffmpeg", args).unwrap_or_else(|error| panic!("{error}")).stdout
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
