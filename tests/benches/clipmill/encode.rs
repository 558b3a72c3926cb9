//! Encoding 1080p to H.264: the command line and the daemon against the bare ffmpeg command.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clipmill_tests::api::Account;
use clipmill_tests::daemon::{self, Daemon};
use clipmill_tests::tool;

use crate::client;
use crate::measure::{Samples, megabytes, quick};
use crate::media;
use crate::report::{Goal, Report, Row};

const ROUNDS: usize = 3;
const GOAL: Goal = Goal::RatioAtMost(1.03);
/// The longest that one encode may take.
const DEADLINE: Duration = Duration::from_secs(3_600);

/// What a person would type.
const BARE: &str = "-c:v libx264 -preset medium -crf 18 -c:a aac -b:a 192k -movflags +faststart";

/// Encodes the same file in three ways in turns and adds two rows.
pub async fn measure(report: &mut Report) {
    let seconds = if quick() { 10 } else { 60 };
    let named = |way: &str| {
        Row::new(&format!("encode {seconds} s of 1080p {way}, to bare ffmpeg"), "s", GOAL)
    };
    let (by_command, by_daemon) = (named("by clipmill encode"), named("by the daemon"));
    if tool::find("ffmpeg").is_err() {
        let missing = "ffmpeg: scripts/tools.sh bench installs it";
        report.add(by_command.missing(missing.to_owned()));
        report.add(by_daemon.missing(missing.to_owned()));
        return;
    }
    let input = media::grainy(seconds).unwrap_or_else(|error| panic!("{error}"));
    let bare_file = media::folder().join("bare.mp4");
    let command_file = media::folder().join("command.mp4");
    let server = Server::start().await;
    let (mut bare, mut command, mut daemon) =
        (Samples::default(), Samples::default(), Samples::default());
    let mut daemon_file = PathBuf::new();
    for round in 1..=ROUNDS {
        let told = |samples: &mut Samples, way: &str, since: Instant| {
            let seconds = since.elapsed().as_secs_f64();
            eprintln!("  {round}/{ROUNDS} {way}: {seconds:.2} s");
            samples.push(seconds);
        };
        let since = Instant::now();
        bare_ffmpeg(&input, &bare_file);
        told(&mut bare, "bare ffmpeg", since);
        let since = Instant::now();
        clipmill_encode(&input, &command_file);
        told(&mut command, "clipmill encode", since);
        let since = Instant::now();
        let id = server.encode(&input).await;
        told(&mut daemon, "daemon", since);
        daemon_file = server.file_of(&id);
    }
    let peer = bare.median();
    report.add(
        by_command.ours(command.median()).peer(Ok(peer)).note(likeness(&command_file, &bare_file)),
    );
    report.add(
        by_daemon.ours(daemon.median()).peer(Ok(peer)).note(likeness(&daemon_file, &bare_file)),
    );
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
