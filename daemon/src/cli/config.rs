//! `clipmill config check` and `clipmill config print`.

use super::arguments::ConfigCommand;
use super::error::CommandError;
use crate::config::LoadedConfig;

/// Runs the command. Problems were reported when the configuration was loaded.
pub fn run(loaded: &LoadedConfig, command: ConfigCommand) -> Result<(), CommandError> {
    match command {
        ConfigCommand::Check => {
            let from = loaded
                .file
                .as_ref()
                .map_or("no file".to_owned(), |file| file.display().to_string());
            loaded.notes.iter().for_each(|note| println!("note: {note}"));
            println!("the configuration holds ({from}, environment and flags)");
        }
        ConfigCommand::Print => {
            let text = toml::to_string(&loaded.config)
                .map_err(|error| CommandError::other(error.to_string()))?;
            print!("{text}");
        }
    }
    Ok(())
}
