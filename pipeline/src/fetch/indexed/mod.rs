//! Files whose own index tells which bytes a span needs.

pub(crate) mod early_start;
pub(crate) mod plan;
