//! Replacing a plugin that is being asked all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clipmill_tests::guests;
use url::Url;

use super::Host;
use crate::measure::{Samples, milliseconds, quick};
use crate::report::{Goal, Report, Row};

const CALLS: u64 = 10_000;
const ASKING: usize = 4;

/// Asks from several tasks until enough calls were made, while the files change under them.
pub async fn measure(report: &mut Report) {
    let calls = if quick() { CALLS / 10 } else { CALLS };
    let host = Host::with(&["peertube"]).await;
    let folder = host.folder.path().join("plugins");
    let watching = host.plugins.clone();
    let watch = tokio::spawn(async move { watching.watch().await });
    let (made, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let page: Url = "https://a.example/w/9c9de5e8-0a1e-484a-b099-e80766180a6d".parse().unwrap();
    let asking: Vec<_> = (0..ASKING)
        .map(|_| {
            let (registry, page) = (Arc::clone(&host.registry), page.clone());
            let (made, failed) = (Arc::clone(&made), Arc::clone(&failed));
            tokio::spawn(async move {
                while made.fetch_add(1, Ordering::Relaxed) < calls {
                    if registry.source_for(&page).await.is_none() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    // So that the calls last as long as some replacements.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            })
        })
        .collect();
    let mut taken = Samples::default();
    let mut version = 0;
    while asking.iter().any(|task| !task.is_finished()) {
        version += 1;
        let wanted = format!("1.0.{version}");
        let built = std::fs::read_to_string(guests::folder().join("peertube.toml")).unwrap();
        let draft = folder.join(".draft");
        std::fs::write(&draft, built.replace("\"0.1.0\"", &format!("\"{wanted}\""))).unwrap();
        let began = Instant::now();
        std::fs::rename(&draft, folder.join("peertube.toml")).unwrap();
        let is_there = || {
            let list = host.plugins.list();
            list.iter().any(|it| it.loaded.as_ref().is_some_and(|it| it.version == wanted))
        };
        while !is_there() {
            assert!(began.elapsed() < Duration::from_secs(20), "it is not replaced");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        taken.push(milliseconds(began.elapsed()));
    }
    for task in asking {
        task.await.unwrap();
    }
    watch.abort();
    let failed = failed.load(Ordering::Relaxed);
    report.add(
        Row::new("plugin: file changed to new version asked", "ms", Goal::AtMost(1000.0))
            .ours(taken.median())
            .note(format!("{version} replacements")),
    );
    let name = format!("plugin: failed calls of {calls} while it is replaced");
    report.add(Row::new(&name, "calls", Goal::AtMost(0.0)).ours(Some(failed as f64)));
}
