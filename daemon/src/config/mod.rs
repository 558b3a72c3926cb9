//! The configuration: defaults < config.toml < environment < flags.
//!
//! Each section is a small struct of its own. Unknown keys are refused, and
//! every problem is reported at once.

mod artifacts;
mod environment;
mod folders;
mod load;
mod plugins;
mod secret;
mod sections;
mod token_secrets;
mod validate;

pub use artifacts::{ArtifactsConfig, BucketUrl};
pub use environment::{IGNORED as IGNORED_VARIABLES, REFERENCE as REFERENCE_VARIABLES};
pub use folders::Folders;
pub use load::{ConfigError, LoadedConfig, load};
pub use plugins::{BUILT_IN, Granted, PluginConfig, PluginsConfig, Setting};
pub use secret::Secret;
pub use sections::{
    Auth, ClipStart, Clips, Config, Log, Network, Registration, RequestLimits, Retention, Server,
    StorageConfig, ToolsConfig, Uploads, Workers,
};
pub use token_secrets::{JwtSecrets, jwt_secrets};
