//! `clipmill plugin`: what authors and operators do with sources and codecs of
//! others. Loading and running them is the `plugins` package's.

mod check;
mod cost;
mod encode;
mod facts;
mod list;
mod new;
mod pack;
pub(super) mod snapshot;
mod table;
mod test;

pub(super) use snapshot::{PluginObserver, remove_snapshot, watch};

use super::arguments::PluginCommand;
use super::error::CommandError;
use crate::config::Config;

/// Runs the command.
pub async fn run(config: Config, command: PluginCommand) -> Result<(), CommandError> {
    match command {
        PluginCommand::New(new) => new::run(&config, &new),
        PluginCommand::Check(check) => check::run(&config, &check).await,
        PluginCommand::Test(test) => test::run(config, &test).await,
        PluginCommand::List { json } => list::run(&config, json).await,
        PluginCommand::Pack(pack) => pack::run(&pack),
    }
}
