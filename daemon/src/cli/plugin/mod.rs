//! `clipmill plugin`: what authors and operators do with sources and codecs of
//! others. Loading and running them is the `plugins` package's.

mod board;
mod check;
mod cost;
mod encode;
mod list;
mod media;
mod new;
mod pack;
mod plan;
pub(super) mod states;
mod table;
mod templates;
mod test;
pub(super) mod words;

pub(super) use board::{Bell, follow, forget};

use super::arguments::Plugin;
use super::exit::Failure;
use crate::config::Config;

/// Runs the command.
pub async fn run(config: Config, command: Plugin) -> Result<(), Failure> {
    match command {
        Plugin::New(new) => new::run(&config, &new),
        Plugin::Check(check) => check::run(&config, &check).await,
        Plugin::Test(test) => test::run(config, &test).await,
        Plugin::List { json } => list::run(&config, json).await,
        Plugin::Pack(pack) => pack::run(&pack),
    }
}
