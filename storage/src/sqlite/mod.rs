//! SQLite and moka.
