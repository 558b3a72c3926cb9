//! How the plugins of this machine are: as the daemon tells that runs, or as
//! they load here.

use std::fs::File;

use clipmill_plugins::wasm::PluginState;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::board::Board;
use crate::cli::exit::Failure;
use crate::cli::setup;
use crate::config::{BUILT_IN, Config};

/// The plugins, and whether they are those of a running daemon.
pub async fn look(config: &Config) -> Result<(Board, bool), Failure> {
    if daemon_runs(config)
        && let Ok(board) = Board::read(config)
    {
        return Ok((board, true));
    }
    let client = setup::client(config)?;
    let registry = setup::registry(config, &client);
    let plugins = setup::plugins(config, client, registry.clone(), None);
    plugins.scan().await;
    Ok((Board::now(&plugins, &registry), false))
}

/// Whether a daemon has the lock of the data folder. The lock is held for a
/// moment where none has.
fn daemon_runs(config: &Config) -> bool {
    let Ok(file) = File::open(config.folders.data.join("clipmill.lock")) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// Names in the configuration that nobody has: perhaps a slip of the pen.
pub fn nobody(config: &Config, plugins: &[PluginState]) -> Vec<String> {
    let known =
        |name: &str| BUILT_IN.contains(&name) || plugins.iter().any(|plugin| plugin.name == name);
    let told = config.plugins.order.iter().map(|name| ("plugins.order", name));
    let told = told.chain(config.plugins.disable.iter().map(|name| ("plugins.disable", name)));
    let told = told.chain(config.plugins.each.keys().map(|name| ("the configuration", name)));
    told.filter(|(_, name)| !known(name))
        .map(|(place, name)| format!("{place} names `{name}`, and there is nobody of that name"))
        .collect()
}
