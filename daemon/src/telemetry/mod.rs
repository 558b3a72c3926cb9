//! What operators see: metrics and logs.

mod logging;
mod metrics;

pub use logging::init as init_logging;
pub use metrics::{ByteFlow, Metrics};
