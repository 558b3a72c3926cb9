//! Damaged bytes for everything that reads what comes from strangers: each
//! reader returns in time, with bounded memory, and never panics.
//!
//! The faults are the same in each run: a round that fails is repeated by its
//! number. `CLIPMILL_FUZZ_SECONDS` lets each reader be fed for longer.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod corpus;
mod mutate;
mod readers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;

use self::mutate::Chance;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Most rounds of one reader.
const ROUNDS: u64 = 4_000;
/// How long one reader is fed.
const BUDGET: Duration = Duration::from_secs(4);
/// How long one round may take in a build without optimisation, on a machine
/// that has other things to do.
const ROUND: Duration = Duration::from_secs(20);
/// How much more memory one round may take, MB. Other tests of this program
/// run at the same time.
const GROWTH: f32 = 512.0;

/// How a round ended.
struct Round {
    number: u64,
    took: Duration,
    /// What is wrong, and the bytes.
    wrong: Option<(String, Vec<u8>)>,
}

/// Feeds a reader with damaged forms of good bytes.
///
/// # Panics
/// When a round panics, takes too long or too much memory; names the round,
/// and leaves its bytes in the build's folder for such things.
fn feed(name: &'static str, good: Vec<Vec<u8>>, read: impl Fn(&[u8]) + Send + 'static) {
    let (told, rounds) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let longer = std::env::var("CLIPMILL_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
        let (budget, most) = match longer {
            Some(seconds) => (Duration::from_secs(seconds), u64::MAX),
            None => (BUDGET, ROUNDS),
        };
        let began = Instant::now();
        for number in 0..most {
            let mut chance = Chance::new(number);
            let (one, other) = (chance.below(good.len()), chance.below(good.len()));
            let bytes = chance.damage(&good[one], &good[other]);
            let (since, before) = (Instant::now(), MEMORY.current_usage_as_mb());
            MEMORY.reset_peak_usage();
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&bytes)));
            let grown = MEMORY.peak_usage_as_mb() - before;
            let wrong = match outcome {
                Err(_) => Some(("it panicked".to_owned(), bytes)),
                Ok(()) if grown > GROWTH => Some((format!("it took {grown:.0} MB"), bytes)),
                Ok(()) => None,
            };
            let round = Round { number, took: since.elapsed(), wrong };
            if told.send(round).is_err() || began.elapsed() > budget {
                return;
            }
        }
    });
    let (mut last, mut slowest) = (0, Duration::ZERO);
    loop {
        match rounds.recv_timeout(ROUND) {
            Ok(Round { number, wrong: Some((wrong, bytes)), .. }) => {
                let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}"));
                std::fs::write(&file, bytes).unwrap();
                panic!("{name}, round {number}: {wrong}; see {}", file.display());
            }
            Ok(round) => (last, slowest) = (round.number, slowest.max(round.took)),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name} hangs in round {}", last + 1),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    worker.join().expect("nothing panics but readers");
    println!("{name}: {} rounds, the slowest {} ms", last + 1, slowest.as_millis());
    assert!(last > 20, "{name} is too slow: {last} rounds");
}
