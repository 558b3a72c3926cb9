//! How long a chat command waits for its answer while YouTube does not answer at all.

use std::time::{Duration, Instant};

use clipmill_tests::api::{Account, answer, http};
use clipmill_tests::daemon::Daemon;
use clipmill_tests::youtube::{Video, YouTube};
use clipmill_tests::{Behaviour, MediaServer};

use crate::measure::{Samples, milliseconds};
use crate::report::{Goal, Report, Row};

const COMMANDS: usize = 50;
/// Longer than the whole measurement.
const SILENCE: Duration = Duration::from_secs(300);

/// Sends commands one after the other and adds two rows.
pub async fn measure(report: &mut Report) {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    youtube.video("livelivelil", Video::new("A stream", 60.0));
    server.behave("/", Behaviour::new().latency(SILENCE));
    let plugins = youtube.plugin_dir().to_str().expect("a path of this test is text");
    let daemon = Daemon::start_with("", &[("CLIPMILL_TOOLS_YT_DLP_PLUGIN_DIRS", plugins)]);
    let account = Account::register(&daemon).await;
    let url = daemon.url(&format!(
        "/api/video/save/stream/{}/livelivelil?user_id={}&message=nice",
        account.public, account.user_id
    ));
    let client = http();
    let (mut all, mut slowest) = (Samples::default(), 0.0_f64);
    for _ in 0..COMMANDS {
        let since = Instant::now();
        let saved = answer(client.get(&url)).await;
        let took = milliseconds(since.elapsed());
        assert_eq!(saved.status, 201, "{saved:?}");
        all.push(took);
        slowest = slowest.max(took);
    }
    let row = |name: &str, figure| {
        Row::new(name, "ms", Goal::AtMost(300.0))
            .ours(figure)
            .note(format!("{COMMANDS} commands while YouTube hangs"))
    };
    report.add(row("chat command, median", all.median()));
    report.add(row("chat command, slowest", Some(slowest)));
}
