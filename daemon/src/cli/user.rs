//! `clipmill user`: accounts, without the HTTP server.

use std::io::{self, BufRead as _, IsTerminal as _};

use clipmill_storage::{NewUser, Registered};

use super::arguments::{Account, UserCommand};
use super::error::CommandError;
use super::setup;
use crate::auth::{PasswordRule, Passwords, new_password_rule, normalized_email};
use crate::config::Config;

/// Accounts that one query returns.
const PAGE: u32 = 200;

/// Runs the command.
pub async fn run(config: &Config, command: UserCommand) -> Result<(), CommandError> {
    let storage = setup::storage(config).await?;
    let now = chrono::Utc::now();
    match command {
        UserCommand::Add(account) => {
            let email = address(&account)?;
            let password_hash = hash(config, &account).await?;
            let new = NewUser { email: email.clone(), password_hash, now };
            match storage.create_user(new).await? {
                Registered::New(user) => println!("{} {email}", user.id),
                Registered::EmailTaken => {
                    return Err(CommandError::usage(format!("{email} has an account already")));
                }
            }
        }
        UserCommand::Passwd(account) => {
            let email = address(&account)?;
            let Some(user) = storage.user_by_email(&email).await? else {
                return Err(CommandError::usage(format!("{email} has no account")));
            };
            let password_hash = hash(config, &account).await?;
            storage.set_password(user.id, &password_hash, now).await?;
            println!("password changed; all logins of {email} have ended");
        }
        UserCommand::List { json } => {
            let mut after = None;
            loop {
                let page = storage.list_users(after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                for user in page {
                    let id = user.id;
                    let email = user.email;
                    let created_at = user.created_at.to_rfc3339();
                    if json {
                        let line = serde_json::json!({
                            "id": id, "email": email, "created_at": created_at,
                        });
                        println!("{line}");
                    } else {
                        println!("{id}  {created_at}  {email}");
                    }
                }
            }
        }
    }
    storage.close().await;
    Ok(())
}

fn address(account: &Account) -> Result<String, CommandError> {
    let refused = || CommandError::usage(format!("`{}` is no e-mail address", account.email));
    normalized_email(&account.email).ok_or_else(refused)
}

async fn hash(config: &Config, account: &Account) -> Result<String, CommandError> {
    let password = read_password(account.password_stdin)?;
    match new_password_rule(&password) {
        Some(PasswordRule::TooShort) => {
            return Err(CommandError::usage("a password has at least 8 characters"));
        }
        Some(PasswordRule::TooLong) => {
            return Err(CommandError::usage("a password has at most 72 bytes"));
        }
        None => {}
    }
    let passwords = Passwords::new(config.auth.bcrypt_cost);
    passwords.hash(password).await.map_err(|error| CommandError::other(error.to_string()))
}

fn read_password(from_stdin: bool) -> Result<String, CommandError> {
    if from_stdin {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\n', '\r']).to_owned());
    }
    if !io::stdin().is_terminal() {
        return Err(CommandError::usage("no terminal to ask at; use --password-stdin"));
    }
    let first = rpassword::prompt_password("Password: ")?;
    if first != rpassword::prompt_password("Again: ")? {
        return Err(CommandError::usage("the two passwords differ"));
    }
    Ok(first)
}
