-- Times are milliseconds since 1970, UTC. Ids are 12 bytes.

CREATE TABLE users (
    id            BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 12),
    email         TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- The token itself is not kept: who reads this file can't log in with it.
CREATE TABLE sessions (
    token_hash BLOB    PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 12),
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
