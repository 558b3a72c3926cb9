-- What daemons agree on. With one daemon there is nobody to disagree, but a
-- backend is a backend.

CREATE TABLE roles (
    role  TEXT    PRIMARY KEY NOT NULL,
    node  TEXT    NOT NULL,
    until INTEGER NOT NULL
) STRICT;

CREATE TABLE words (
    name TEXT PRIMARY KEY NOT NULL,
    word TEXT NOT NULL
) STRICT;
