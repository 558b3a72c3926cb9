//! `make bench`: clipmill beside what people would run instead, in one run.
//!
//! Owns the order of the groups, what happens when one of them fails, and the exit code: 0 unless
//! clipmill itself failed. A missed goal is a result; the table says so. What is measured is in one
//! file a group; the figures become rows in [`report`].
//!
//! `cargo bench --bench clipmill -- status idle` runs only these groups. `BENCH_SECONDS` sets the
//! length of one wrk run (5), `BENCH_QUICK=1` encodes 10 s instead of 60 s and asks less of the
//! storage. The groups `storage`, `reads`, `node` and `scale` want a MongoDB and a Redis:
//! `scripts/servers.sh cargo bench --bench clipmill -- scale`.

// A benchmark ends like a test: it panics with a readable message, and the report holds it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bare_warp;
mod chat;
mod client;
mod cuts;
mod encode;
mod flask;
mod idle;
mod measure;
mod media;
mod node;
mod plugins;
mod process;
mod reads;
mod report;
mod scale;
mod servers;
mod status;
mod storage;
mod transfer;
mod wrk;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use report::Report;

/// A group of rows: its name, and what measures it.
type Group = (&'static str, for<'a> fn(&'a mut Report) -> BoxFuture<'a, ()>);

const GROUPS: [Group; 13] = [
    ("status", |report| Box::pin(status::measure(report))),
    ("chat", |report| Box::pin(chat::measure(report))),
    ("idle", |report| Box::pin(idle::measure(report))),
    ("transfer", |report| Box::pin(transfer::measure(report))),
    ("fetch", |report| Box::pin(cuts::fetch(report))),
    ("cut", |report| Box::pin(cuts::local(report))),
    ("growth", |report| Box::pin(cuts::growth(report))),
    ("encode", |report| Box::pin(encode::measure(report))),
    ("plugins", |report| Box::pin(plugins::measure(report))),
    ("storage", |report| Box::pin(storage::measure(report))),
    ("reads", |report| Box::pin(reads::measure(report))),
    ("node", |report| Box::pin(node::measure(report))),
    ("scale", |report| Box::pin(scale::measure(report))),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime for this program");
    if arguments.iter().any(|argument| argument == bare_warp::ARGUMENT) {
        runtime.block_on(bare_warp::serve());
        return ExitCode::SUCCESS;
    }
    // `cargo test --all-targets` starts this program too, without the flag that cargo bench gives.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing to test here; run `make bench`");
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| !is_group(name)) {
        eprintln!(
            "no group is named {unknown}; there are {}",
            GROUPS.map(|(name, _)| name).join(", ")
        );
        return ExitCode::from(2);
    }
    warn_when_busy();
    let mut report = Report::default();
    for (name, measure) in GROUPS {
        if wanted.is_empty() || wanted.contains(&name) {
            eprintln!("bench: {name}");
            let measured = AssertUnwindSafe(measure(&mut report)).catch_unwind();
            if let Err(panic) = runtime.block_on(measured) {
                report.failed(name, message(&*panic));
            }
            // A run that is ended from outside leaves what it has measured.
            report.write();
        }
    }
    report.print();
    eprintln!("bench: {}", report.write().display());
    if report.all_measured() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Others on the machine make every wall time a matter of luck.
fn warn_when_busy() {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = text.split_whitespace().next().and_then(|load| load.parse::<f64>().ok());
    if let Some(load) = load.filter(|load| *load > 0.5) {
        eprintln!("bench: the load average is {load} already; trust the ratios only as far");
    }
}

fn is_group(name: &str) -> bool {
    GROUPS.iter().any(|(known, _)| *known == name)
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it panicked without words".to_owned())
}
