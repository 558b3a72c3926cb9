//! The configuration: defaults < config.toml < environment < flags.
//!
//! Each section is a small struct of its own. Unknown keys are refused, and
//! every problem is reported at once.

mod artifacts;
mod environment;
mod folders;
mod load;
mod plugins;
mod secrets;
mod sections;
mod validate;

pub use artifacts::{ArtifactsConfig, BucketUrl};
pub use environment::{IGNORED as IGNORED_VARIABLES, REFERENCE as REFERENCE_VARIABLES};
pub use folders::Folders;
pub use load::{ConfigError, Loaded, load};
pub use plugins::{BUILT_IN, Granted, PluginConfig, PluginsConfig, Setting};
pub use secrets::{JwtSecrets, Secret, jwt_secrets};
pub use sections::{
    Auth, Clips, Config, Limits, Log, Network, Registration, Retention, Server, Start,
    StorageConfig, Tools, Uploads, Workers,
};
