//! `clipmill config check` and `clipmill config print`.

use super::arguments;
use super::exit::Failure;
use crate::config::Loaded;

/// Runs the command; whatever is wrong was told when the configuration was loaded.
pub fn run(loaded: &Loaded, command: arguments::Config) -> Result<(), Failure> {
    match command {
        arguments::Config::Check => {
            let from = loaded
                .file
                .as_ref()
                .map_or("no file".to_owned(), |file| file.display().to_string());
            loaded.notes.iter().for_each(|note| println!("note: {note}"));
            println!("the configuration holds ({from}, environment and flags)");
        }
        arguments::Config::Print => {
            let text = toml::to_string(&loaded.config)
                .map_err(|error| Failure::other(error.to_string()))?;
            print!("{text}");
        }
    }
    Ok(())
}
