//! Rules that types don't express.

use super::Config;

/// Adds what is wrong to `problems`.
pub fn check(config: &Config, problems: &mut Vec<String>) {
    let mut rule = |holds: bool, text: &str| {
        if !holds {
            problems.push(text.to_owned());
        }
    };
    rule(config.clips.max_seconds > 0, "clips.max_seconds: must be at least 1");
    rule(config.uploads.max_mb > 0, "uploads.max_mb: must be at least 1");
    rule(
        positive(config.retention.minutes),
        "retention.minutes: must be more than 0 and at most 525600",
    );
    rule(
        positive(config.retention.sweep_minutes),
        "retention.sweep_minutes: must be more than 0 and at most 525600",
    );
    rule((4..=31).contains(&config.auth.bcrypt_cost), "auth.bcrypt_cost: must be 4 to 31");
    rule(config.auth.public_token_hours > 0, "auth.public_token_hours: must be at least 1");
    rule(config.auth.private_token_days > 0, "auth.private_token_days: must be at least 1");
    rule(config.workers.lease_seconds >= 3, "workers.lease_seconds: must be at least 3");
    rule(config.workers.max_attempts > 0, "workers.max_attempts: must be at least 1");
    rule(config.workers.stage_minutes > 0, "workers.stage_minutes: must be at least 1");
    let public = &config.auth.jwt_public_secret;
    let private = &config.auth.jwt_private_secret;
    rule(
        public.is_none() || public != private,
        "auth: jwt_public_secret and jwt_private_secret must differ",
    );
    for (secret, name) in [(public, "jwt_public_secret"), (private, "jwt_private_secret")] {
        rule(
            secret.as_ref().is_none_or(|secret| secret.reveal().len() >= 16),
            &format!("auth.{name}: must have at least 16 characters"),
        );
    }
    storage(config, &mut rule);
    config.artifacts.check(&mut rule);
    config.fetch.check(&mut rule);
    config.encode.check(&mut rule);
    config.plugins.check(&mut rule);
}

fn positive(minutes: f64) -> bool {
    minutes > 0.0 && minutes <= 525_600.0
}

fn storage(config: &Config, rule: &mut impl FnMut(bool, &str)) {
    let storage = &config.storage;
    rule(
        storage.is_shared()
            || storage.url.as_ref().is_none_or(|url| url.reveal().starts_with("sqlite:")),
        "storage.url (MONGODB_URI): must be sqlite:PATH, mongodb://HOST/DATABASE or \
         mongodb+srv://HOST/DATABASE",
    );
    rule(
        ["redis://", "rediss://"].iter().any(|scheme| storage.redis().starts_with(scheme)),
        "storage.redis (REDIS_URI): must be redis://HOST:PORT/NUMBER, or rediss:// for TLS",
    );
    if !storage.is_shared() {
        return;
    }
    // One that each daemon makes for itself is refused by all the others.
    let auth = &config.auth;
    for (secret, setting, variable) in [
        (&auth.jwt_public_secret, "jwt_public_secret", "JWT_PUBLIC_SECRET"),
        (&auth.jwt_private_secret, "jwt_private_secret", "JWT_PRIVATE_SECRET"),
    ] {
        rule(
            secret.is_some(),
            &format!(
                "auth.{setting} ({variable}): is missing; daemons that share a database need the \
                 same, so make one with `openssl rand -hex 32` and give it to all of them"
            ),
        );
    }
}
