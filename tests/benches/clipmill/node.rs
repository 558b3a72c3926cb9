//! What one more daemon costs the servers of a cluster while nobody asks it for anything.

use std::time::Duration;

use clipmill_tests::cluster::Shared;

use crate::measure::quick;
use crate::report::{Goal, Report, Row};
use crate::servers::{Commands, Servers, names};

/// After a start, until what belongs to the start is over.
const SETTLED: Duration = Duration::from_secs(3);

/// Commands that both servers got.
struct Counted {
    mongodb: Commands,
    redis: Commands,
}

/// Counts with one daemon and with two, and adds two rows.
pub async fn measure(report: &mut Report) {
    // A multiple of the daemon's longest pauses between two looks at a server, 5 to 15 s.
    let window = Duration::from_secs(if quick() { 15 } else { 30 });
    let mut servers = Servers::connect().await;
    let shared = Shared::with_folder("");
    let first = shared.daemon();
    let one = count(&mut servers, window).await;
    let second = shared.daemon();
    let two = count(&mut servers, window).await;
    let seconds = window.as_secs_f64();
    let mut add = |name, goal, one: &Commands, two: &Commands| {
        let more = difference(one, two, seconds);
        report.add(Row::new(name, "commands/s", goal).ours(Some(more.values().sum())).note(
            format!("{}; two daemons less one, {seconds} s each; {}", breakdown(&more), names()),
        ));
    };
    add("idle node, to MongoDB", Goal::AtMost(2.0), &one.mongodb, &two.mongodb);
    add("idle node, to Redis", Goal::AtMost(0.5), &one.redis, &two.redis);
    drop((first, second));
    servers.remove(shared).await;
}

/// What comes within a window, some time after whatever happened last.
async fn count(servers: &mut Servers, window: Duration) -> Counted {
    tokio::time::sleep(SETTLED).await;
    let mongodb = servers.served_by_mongodb().await;
    let redis = servers.served_by_redis().await;
    tokio::time::sleep(window).await;
    let counted = Counted {
        mongodb: difference(&mongodb, &servers.served_by_mongodb().await, 1.0),
        redis: difference(&redis, &servers.served_by_redis().await, 1.0),
    };
    eprintln!(
        "  {:.0} commands to MongoDB, {:.0} to Redis",
        counted.mongodb.values().sum::<f64>(),
        counted.redis.values().sum::<f64>()
    );
    counted
}

/// How much more of each command there is in `later`, divided.
fn difference(earlier: &Commands, later: &Commands, by: f64) -> Commands {
    let names = earlier.keys().chain(later.keys());
    names
        .map(|name| {
            let of = |commands: &Commands| commands.get(name).copied().unwrap_or_default();
            (name.clone(), (of(later) - of(earlier)) / by)
        })
        .filter(|(_, more)| *more != 0.0)
        .collect()
}

/// Each command, the most frequent first.
fn breakdown(commands: &Commands) -> String {
    let mut all: Vec<_> = commands.iter().collect();
    all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    if all.is_empty() {
        return "no command more".to_owned();
    }
    let each: Vec<_> = all.iter().map(|(name, rate)| format!("{name} {rate:.2}")).collect();
    each.join(", ")
}
