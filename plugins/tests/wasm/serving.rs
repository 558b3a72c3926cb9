//! Others are served while guests do their worst.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clipmill_plugins::Source;
use tokio::task::JoinSet;

use crate::guest::{Guest, SPIN};
use crate::host::{Host, resolve};
use crate::server::{Answer, Server};

/// How late the latest timer was, milliseconds.
static LATE: AtomicU64 = AtomicU64::new(0);

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
        Guest::source("bad_wait").sends(1, 0, &[], "").wants("hosts = ['127.0.0.1']\nseconds = 3"),
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
        loop {
            let began = Instant::now();
            tokio::time::sleep(Duration::from_millis(10)).await;
            LATE.fetch_max(began.elapsed().as_millis() as u64 - 10, Ordering::Relaxed);
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
    let late = LATE.load(Ordering::Relaxed);
    println!(
        "claims and resolve: p50 {half:?}, p99 {:?}, worst {most:?}; timers {late} ms late",
        took[took.len() * 99 / 100]
    );
    timer.abort();
    assert!(late < 500, "a timer was {late} ms late");
    assert_eq!(host.faults("good").0, 0, "{:?}", host.faults("good"));
    assert!(most < Duration::from_secs(2), "a request took {most:?}");
    for guest in hostile() {
        let (faults, told) = host.faults(&guest.name);
        println!("{}: {faults} faults, the last {told:?}", guest.name);
        // Who waits for a site that hangs does nothing that is wrong.
        assert!(faults > 0 || guest.name == "bad_wait", "{} did no harm", guest.name);
    }
    bad.shutdown().await;
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_stops_computing() {
    // For a long address it writes down the time for ever; for a short one it
    // answers what was written last.
    let mut guest = Guest::source("site").wants("seconds = 60");
    let (key, time) = (guest.image.text("k").0, guest.image.place(&[0; 8]));
    let came = guest.image.place(&[0; 16]);
    let answer = guest.answer;
    let body = format!(
        "(local $n i32)
         (if (i32.gt_u (local.get $length) (i32.const 30)) (then
           (loop $on
             (local.set $n (i32.const 100000))
             (loop $wait
               (local.set $n (i32.sub (local.get $n) (i32.const 1)))
               (br_if $wait (local.get $n)))
             (i64.store (i32.const {time}) (call $now))
             (call $remember (i32.const {key}) (i32.const 1) (i32.const {time}) (i32.const 8)
               (i32.const 60))
             (br $on))))
         (call $recall (i32.const {key}) (i32.const 1) (i32.const {came}))
         (f64.store offset=40 (i32.const {answer}) (f64.convert_i64_u (i64.load
           (i32.load offset=4 (i32.const {came})))))
         (i32.const {answer})"
    );
    let host = Host::of(&[guest.with("resolve", &body)]).await;
    let source = host.source("site");
    for n in 0..20 {
        let path = format!("loop-without-end-{n}");
        let asked = resolve(source.as_ref(), &path);
        assert!(tokio::time::timeout(Duration::from_millis(40), asked).await.is_err());
    }
    // A busy machine needs a moment to end twenty of them.
    let mut last = resolve(source.as_ref(), "1").await.unwrap().duration;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let written = resolve(source.as_ref(), "2").await.unwrap().duration;
        if written == last {
            return;
        }
        last = written;
    }
    panic!("something goes on computing");
}
