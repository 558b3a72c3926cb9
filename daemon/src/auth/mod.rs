//! Who asks: tokens, passwords, sessions.

/// Makes and checks tokens.
#[derive(Debug)]
pub struct Tokens {}
