//! What the daemon costs while nobody asks it for anything: start and memory.

use std::time::{Duration, Instant};

use clipmill_tests::daemon::Daemon;
use serde_json::json;

use crate::flask::Flask;
use crate::measure::{Samples, megabytes, milliseconds};
use crate::process;
use crate::report::{Goal, Report, Row};

const STARTS: usize = 9;
/// Starts after which the memory is looked at.
const LOOKS: usize = 3;
/// How long nothing happens before that.
const IDLE: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Figures {
    start: Samples,
    memory: Samples,
}

impl Figures {
    fn started(&mut self, which: &str, since: Instant) {
        let taken = milliseconds(since.elapsed());
        eprintln!("  {which} started in {taken:.0} ms");
        self.start.push(taken);
    }
}

/// Starts both in turns, each daemon with a new data folder, and adds two rows.
pub async fn measure(report: &mut Report) {
    let mut ours = Figures::default();
    let mut usual = Ok(Figures::default());
    for round in 0..STARTS {
        start_daemon(&mut ours, round < LOOKS).await;
        usual = match usual {
            Ok(figures) => start_flask(figures, round < LOOKS).await,
            missing => missing,
        };
    }
    let of_flask = |figure: fn(&Figures) -> &Samples| {
        usual.as_ref().map(|figures| figure(figures).median()).map_err(String::clone)
    };
    report.add(
        Row::new("idle memory, to Flask", "MB", Goal::AtMost(40.0))
            .ours(ours.memory.median())
            .peer(of_flask(|figures| &figures.memory)),
    );
    report.add(
        Row::new("start to first answer, to Flask", "ms", Goal::AtMost(300.0))
            .ours(ours.start.median())
            .peer(of_flask(|figures| &figures.start)),
    );
}

async fn start_daemon(figures: &mut Figures, look: bool) {
    let since = Instant::now();
    let daemon = Daemon::start("");
    process::await_healthz(process::address_of(&daemon.url("")));
    figures.started("daemon", since);
    if look {
        tokio::time::sleep(IDLE).await;
        figures.memory.push(megabytes(process::resident(daemon.pid())));
    }
}

async fn start_flask(mut figures: Figures, look: bool) -> Result<Figures, String> {
    let since = Instant::now();
    let flask = Flask::spawn("never asked for a token", &json!({}))?;
    process::await_healthz(flask.address());
    figures.started("Flask", since);
    if look {
        tokio::time::sleep(IDLE).await;
        figures.memory.push(megabytes(flask.resident()));
    }
    Ok(figures)
}
