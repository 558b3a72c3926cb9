//! The command line. Each command is a file of its own; `serve` starts the
//! daemon, `clip` and `encode` run the same pipeline without one.

mod arguments;
mod clip;
mod config;
mod doctor;
mod encode;
mod error;
mod local_job;
mod marks;
mod migrate;
mod plugin;
mod reporter;
mod serve;
mod setup;
mod times;
mod user;

pub use arguments::Arguments;
pub use doctor::{Finding, examine};
pub use serve::serve;
pub use times::parse_time;

use std::process::ExitCode;

use arguments::Command;
use error::CommandError;

/// Runs a command to its end.
pub fn main(arguments: Arguments) -> ExitCode {
    let loaded = match setup::configuration(&arguments) {
        Ok(loaded) => loaded,
        Err(error) => return error::report(&CommandError::from(error)),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return error::report(&CommandError::from(error)),
    };
    let ended = runtime.block_on(async {
        match arguments.command {
            Command::Serve(serve) => serve::run(loaded, serve.adopt_stores).await,
            Command::Clip(clip) => clip::run(loaded.config, clip).await,
            Command::Encode(encode) => encode::run(loaded.config, encode).await,
            Command::Plugin(command) => plugin::run(loaded.config, command).await,
            Command::User(user) => user::run(&loaded.config, user).await,
            Command::Migrate(migrate) => migrate::run(&loaded.config, migrate).await,
            Command::Config(command) => config::run(&loaded, command),
            Command::Doctor => doctor::run(&loaded.config).await,
        }
    });
    // Blocking tasks that outlast the command (a read from a terminal) must
    // not keep the program alive.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error::report(&error),
    }
}
