//! Others are served while guests do their worst.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_plugins::{Handler, Source};
use tokio::task::JoinSet;

use crate::guest::{Guest, SPIN};
use crate::host::{Host, resolve};
use crate::server::{Answer, Server};

/// Requests to the good guest, and how far apart they begin.
const REQUESTS: u32 = 250;
const EVERY: Duration = Duration::from_millis(20);

fn hostile() -> Vec<Guest> {
    let grow = "(loop $on (drop (memory.grow (i32.const 16)))
        (memory.fill (i32.const 65536) (i32.const 7)
          (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))
        (br $on)) unreachable";
    let flood = "(loop $on (drop (call $now)) (br $on)) unreachable";
    let deep = "(func $deep (param i32) (result i32)
        (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))";
    vec![
        Guest::source("bad_loop").with("resolve", SPIN),
        Guest::source("bad_claim").with("claims", SPIN).with("resolve", SPIN),
        Guest::source("bad_memory").with("resolve", grow).wants("memory_mb = 32\nseconds = 2"),
        Guest::source("bad_flood").with("resolve", flood),
        Guest::source("bad_depth").more(deep).with("resolve", "(call $deep (i32.const 0))"),
        Guest::source("bad_wait").sends(1, 0, &[], "").wants("hosts = ['127.0.0.1']\nseconds = 1"),
    ]
}

/// Asks a guest again and again, whatever comes of it.
async fn torment(source: Arc<dyn Source>, path: String) {
    let url = format!("https://{}.example/", source.describe().name).parse().unwrap();
    loop {
        source.claims(&url).await;
        let _ = resolve(source.as_ref(), &path).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_a_second_are_served_meanwhile() {
    let server = Server::start(|_| Answer::Hang).await;
    let mut guests = hostile();
    guests.push(Guest::source("good").wants("seconds = 10"));
    let host = Host::of(&guests).await;
    let good = host.source("good");

    let mut bad = JoinSet::new();
    for source in host.registry.sources() {
        let name = source.describe().name;
        if name != "good" {
            for n in 0..2 {
                let path = format!("?{}", server.url(&format!("{name}{n}")));
                bad.spawn(torment(Arc::clone(&source), path));
            }
        }
    }
    let timer = tokio::spawn(async {
        let mut worst = Duration::ZERO;
        loop {
            let began = Instant::now();
            tokio::time::sleep(Duration::from_millis(10)).await;
            worst = worst.max(began.elapsed() - Duration::from_millis(10));
            if worst > Duration::from_secs(1) {
                panic!("a timer is {worst:?} late");
            }
            TIMER.store(worst.as_millis() as u64, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let mut served = JoinSet::new();
    let mut clock = tokio::time::interval(EVERY);
    for n in 0..REQUESTS {
        clock.tick().await;
        let good = Arc::clone(&good);
        served.spawn(async move {
            let began = Instant::now();
            let url = format!("https://good.example/{n}").parse().unwrap();
            assert!(good.claims(&url).await, "request {n} is not claimed");
            resolve(good.as_ref(), &n.to_string()).await.unwrap();
            began.elapsed()
        });
    }
    let mut took = served.join_all().await;
    took.sort();
    let (half, most) = (took[took.len() / 2], took[took.len() - 1]);
    let late = TIMER.load(std::sync::atomic::Ordering::Relaxed);
    println!(
        "claims and resolve: p50 {half:?}, p99 {:?}, worst {most:?}; timers {late} ms late",
        took[took.len() * 99 / 100]
    );
    assert!(!timer.is_finished(), "timers came late");
    assert_eq!(host.faults("good").0, 0, "{:?}", host.faults("good"));
    assert!(most < Duration::from_secs(2), "a request took {most:?}");
    for guest in hostile() {
        let (faults, told) = host.faults(&guest.name);
        println!("{}: {faults} faults, the last {told:?}", guest.name);
        assert!(faults > 0, "{} did no harm", guest.name);
    }
    bad.shutdown().await;
}

static TIMER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

#[tokio::test]
async fn a_call_that_nobody_waits_for_stops_computing() {
    let host = Host::of(&[Guest::source("site").with("resolve", SPIN).wants("seconds = 60")]).await;
    let source = host.source("site");
    for n in 0..40 {
        let path = n.to_string();
        let asked = resolve(source.as_ref(), &path);
        assert!(tokio::time::timeout(Duration::from_millis(15), asked).await.is_err());
    }
    // Nothing of them is left on the guests' threads.
    let began = Instant::now();
    assert!(source.claims(&"https://site.example/".parse().unwrap()).await);
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    let before = cpu_time();
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("computing time of half a second of silence: {:?}", cpu_time() - before);
    let _ = Handler::Source(source);
}

/// Time that this process has computed.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}
