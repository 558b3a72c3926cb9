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

/// So many that a slow minute of the machine, worth more than the goal allows, decides nothing.
const ROUNDS: usize = 5;
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
    let bench = Bench::start(seconds).await;
    let mut all = Way::ALL.map(|_| Encodes::default());
    for round in 0..ROUNDS {
        // Each way takes each place in turns: what one leaves behind hits all alike.
        for turn in 0..Way::ALL.len() {
            let which = (round + turn) % Way::ALL.len();
            eprint!("  {}/{ROUNDS} ", round + 1);
            bench.encode(Way::ALL[which], &mut all[which]).await;
        }
    }
    let [bare, command, daemon] = all;
    add(report, by_command, &command, &bare);
    add(report, by_daemon, &daemon, &bare);
}

fn add(report: &mut Report, rows: [Row; 2], ours: &Encodes, peer: &Encodes) {
    let [wall, processor] = rows;
    let wall = wall.ours(ours.wall.median()).peer(Ok(peer.wall.median()));
    report.add(wall.note(likeness(&ours.file, &peer.file)));
    report.add(processor.ours(ours.processor.median()).peer(Ok(peer.processor.median())));
}

/// Who encodes.
#[derive(Debug, Clone, Copy)]
enum Way {
    Bare,
    Command,
    Daemon,
}

impl Way {
    const ALL: [Way; 3] = [Way::Bare, Way::Command, Way::Daemon];
}

/// What one way of encoding took, in seconds, and its last file.
#[derive(Default)]
struct Encodes {
    wall: Samples,
    processor: Samples,
    file: PathBuf,
}

/// The file that is encoded, and a daemon with a user that encodes it.
struct Bench {
    input: PathBuf,
    daemon: Daemon,
    account: Account,
}

impl Bench {
    async fn start(seconds: u32) -> Bench {
        let input = media::grainy(seconds).unwrap_or_else(|error| panic!("{error}"));
        let daemon = Daemon::start("[uploads]\nmax_mb = 4000\n");
        let account = Account::register(&daemon).await;
        Bench { input, daemon, account }
    }

    async fn encode(&self, way: Way, times: &mut Encodes) {
        let watch;
        match way {
            Way::Bare => {
                watch = Watch::start(std::process::id());
                times.file = media::folder().join("bare.mp4");
                bare_ffmpeg(&self.input, &times.file);
            }
            Way::Command => {
                watch = Watch::start(std::process::id());
                times.file = media::folder().join("command.mp4");
                clipmill_encode(&self.input, &times.file);
            }
            Way::Daemon => {
                // Bare ffmpeg finds its file on disk: so does the daemon, once it is uploaded.
                let id = client::upload(&self.account, &self.input).await;
                watch = Watch::start(self.daemon.pid());
                client::encode(&self.account, &id, DEADLINE).await;
                times.file = client::finished_file(&self.daemon, &id);
            }
        }
        let (wall, processor) = watch.stop();
        eprintln!("{way:?}: {wall:.2} s, processor {processor:.2} s");
        times.wall.push(wall);
        times.processor.push(processor);
    }
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

    /// The wall and the processor time since then, in seconds.
    fn stop(self) -> (f64, f64) {
        let wall = self.wall.elapsed().as_secs_f64();
        (wall, process::processor_seconds(self.pid) - self.processor)
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
