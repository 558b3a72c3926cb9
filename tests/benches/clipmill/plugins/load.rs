//! Loading: compiled at the first start, taken from the disk at the next.

use std::sync::Arc;
use std::time::Instant;

use clipmill_plugins::{Order, Registry};

use super::{Host, open};
use crate::measure::{Samples, milliseconds, quick};
use crate::report::{Goal, Report, Row};

/// From a file in the folder to a plugin that is asked; ours is the start from the disk's cache,
/// the peer the start without it.
pub async fn measure(report: &mut Report) {
    let rounds = if quick() { 3 } else { 9 };
    for (name, language) in [
        ("peertube", "Rust"),
        ("podcast", "C"),
        ("archive", "JavaScript"),
        ("webm", "Rust"),
        ("gif", "Rust"),
    ] {
        let (mut cold, mut cached) = (Samples::default(), Samples::default());
        for _ in 0..rounds {
            let began = Instant::now();
            let host = Host::with(&[name]).await;
            cold.push(milliseconds(began.elapsed()));
            // Written behind the first start's back.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let registry = Arc::new(Registry::new(Vec::new(), Order::default()));
            let began = Instant::now();
            let again = open(host.folder.path(), &registry, &host.calls);
            again.scan().await;
            cached.push(milliseconds(began.elapsed()));
        }
        report.add(
            Row::new(
                &format!("plugin: load {name} ({language}) again, to the first time"),
                "ms",
                Goal::None,
            )
            .ours(cached.median())
            .peer(Ok(cold.median())),
        );
    }
}
