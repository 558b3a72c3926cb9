//! `GET /api/video/status/{id}` with a valid token, against a bare warp route and against Flask.

use clipmill_tests::MediaServer;
use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;

use crate::bare_warp::BareWarp;
use crate::flask::Flask;
use crate::measure::{Samples, wrk_seconds};
use crate::report::{Goal, Report, Row};
use crate::wrk::{self, Load};

const ROUNDS: usize = 5;
const SECRET: &str = "signs the tokens of the daemon and of Flask";
/// Unit of the rows about requests.
pub const PER_SECOND: &str = "requests/s";

/// The figures of one server.
#[derive(Default)]
pub struct Loads {
    /// Answers per second.
    pub per_second: Samples,
    /// The 99th of 100 requests, milliseconds.
    pub p99: Samples,
}

impl Loads {
    /// Loads a URL for one round. The first one, number 0, fills caches and is not counted.
    pub fn add(&mut self, url: &str, token: &str, round: usize) {
        let seconds = if round == 0 { 1 } else { wrk_seconds() };
        let Load { per_second, p99 } = wrk::run(url, token, seconds);
        if round > 0 {
            eprintln!("  {round} {url}: {per_second:.0}/s, p99 {p99:.2} ms");
            self.per_second.push(per_second);
            self.p99.push(p99);
        }
    }
}

/// Measures all three in turns and adds four rows.
pub async fn measure(report: &mut Report) {
    let against_warp = Row::new("GET status, to bare warp", PER_SECOND, Goal::RatioAtLeast(0.5));
    let against_flask = Row::new("GET status, to Flask", PER_SECOND, Goal::RatioAtLeast(5.0));
    let p99_warp = Row::new("GET status p99, to bare warp", "ms", Goal::None);
    let p99_flask = Row::new("GET status p99, to Flask", "ms", Goal::None);
    if let Err(missing) = wrk::installed() {
        for row in [against_warp, against_flask, p99_warp, p99_flask] {
            report.add(row.missing(missing.clone()));
        }
        return;
    }
    let daemon = Daemon::start(&format!("[auth]\njwt_private_secret = \"{SECRET}\"\n"));
    let account = Account::register(&daemon).await;
    let (_media, path) = saved_clip(&account).await;
    let answer = account.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let warp = BareWarp::start(&answer.body);
    let flask = Flask::start(SECRET, &answer.body);
    let (mut ours, mut bare, mut usual) = (Loads::default(), Loads::default(), Loads::default());
    for round in 0..=ROUNDS {
        ours.add(&daemon.url(&path), &account.token, round);
        bare.add(&warp.url(&path), &account.token, round);
        if let Ok(flask) = &flask {
            usual.add(&flask.url(&path), &account.token, round);
        }
    }

    let of_flask = |median: Option<f64>| flask.as_ref().map(|_| median).map_err(String::clone);
    let (rate, p99) = (ours.per_second.median(), ours.p99.median());
    report.add(against_warp.ours(rate).peer(Ok(bare.per_second.median())));
    report.add(against_flask.ours(rate).peer(of_flask(usual.per_second.median())));
    report.add(p99_warp.ours(p99).peer(Ok(bare.p99.median())));
    report.add(p99_flask.ours(p99).peer(of_flask(usual.p99.median())));
}

/// Saves a clip of a local file, and waits until its formats are known: looking for them would
/// run beside the first round. Answers the path of its status.
pub async fn saved_clip(account: &Account) -> (MediaServer, String) {
    let media = MediaServer::new();
    media.file("/clip.mp4", Clip::new(320, 180, 5).file());
    let id = account.save(&media.url("/clip.mp4"), 1.0, 3.0).await;
    let path = format!("/api/video/status/{id}");
    account.wait_for(&path, |status| !status["available_formats"].is_null()).await;
    (media, path)
}
