//! `GET /api/video/status/{id}` of a daemon on MongoDB with Redis, against one on SQLite.

use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::daemon::Daemon;

use crate::measure::quick;
use crate::report::{Goal, Report, Row};
use crate::servers::{self, Servers};
use crate::status::{Loads, PER_SECOND, saved_clip};
use crate::wrk;

const ROUNDS: usize = 3;

/// Measures both in turns and adds two rows.
pub async fn measure(report: &mut Report) {
    let rate = Row::new("GET status on MongoDB, to SQLite", PER_SECOND, Goal::None);
    let p99 = Row::new("GET status p99 on MongoDB, to SQLite", "ms", Goal::None);
    if let Err(missing) = wrk::installed() {
        report.add(rate.missing(missing.clone()));
        report.add(p99.missing(missing));
        return;
    }
    let shared = Shared::with_folder("");
    let node = shared.daemon();
    let alone = Daemon::start("");
    let (on_node, on_alone) = (Account::register(&node).await, Account::register(&alone).await);
    let (_of_node, node_path) = saved_clip(&on_node).await;
    let (_of_alone, alone_path) = saved_clip(&on_alone).await;

    let (mut ours, mut peer) = (Loads::default(), Loads::default());
    for round in 0..=if quick() { 1 } else { ROUNDS } {
        ours.add(&node.url(&node_path), &on_node.token, round);
        peer.add(&alone.url(&alone_path), &on_alone.token, round);
    }
    let note = format!(
        "each read asks Redis for the session and MongoDB for the record, that on SQLite is \
         answered from memory; {}",
        servers::names()
    );
    let median = |loads: &Loads| loads.per_second.median();
    report.add(rate.ours(median(&ours)).peer(Ok(median(&peer))).note(note));
    report.add(p99.ours(ours.p99.median()).peer(Ok(peer.p99.median())));
    drop(node);
    Servers::connect().await.remove(shared).await;
}
