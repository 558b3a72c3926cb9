//! Runs every kind of command that clipmill uses once, before the connection
//! serves requests. That finds a replica, a full memory or a missing permission
//! early. It leaves no key behind.

use ::redis::RedisResult;
use ::redis::aio::MultiplexedConnection;

use super::commands;
use super::names::Names;

/// Lifetime of the keys, should the connection be lost in the middle.
const LASTS_MS: u64 = 1_000;

/// # Errors
/// The first thing that Redis does not do.
pub(super) async fn preflight(
    names: &Names,
    connection: &mut MultiplexedConnection,
) -> RedisResult<()> {
    let [session, progress, count] = names.preflight();
    let mut all = ::redis::pipe();
    for key in [&session, &progress] {
        all.cmd("SET").arg(key).arg("{}").arg("PX").arg(LASTS_MS).ignore();
    }
    all.add_command(commands::replace(&session, b"{}", b"{}", LASTS_MS)).ignore();
    all.cmd("GET").arg(&progress).ignore();
    all.add_command(commands::increment(&count, LASTS_MS)).ignore();
    all.cmd("DEL").arg(&[&session, &progress, &count]).ignore();
    all.add_command(commands::publish(&names.wake(), "")).ignore();
    all.exec_async(connection).await
}
