//! What a guest does wrong. A fault ends its call and nothing else.

use std::time::Duration;

use wasmtime::Trap;

/// Why a call into a guest gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// It stopped itself, or did what WebAssembly forbids.
    #[error("it broke off: {0}")]
    Trap(String),
    /// It asked for more memory than it may have, and broke off.
    #[error("it wanted more than its {} MiB of memory", .0 / (1024 * 1024))]
    Memory(usize),
    /// It computed for too long.
    #[error("it computed for more than {:.1} s", .0.as_secs_f64())]
    Computing(Duration),
    /// It, or who it asked, took too long.
    #[error("it took more than {:.1} s", .0.as_secs_f64())]
    Slow(Duration),
    /// It called the host without end.
    #[error("it called the host more than {0} times")]
    Flood(u32),
    /// Its answer was over a limit.
    #[error("its answer is too large")]
    Large,
    /// Its answer makes no sense.
    #[error("its answer makes no sense: {0}")]
    Malformed(String),
    /// All its instances were taken until the time was over.
    #[error("it is busy with {0} other calls")]
    Busy(usize),
}

impl Fault {
    /// Whether it speaks against the plugin. Who waits behind others is no
    /// proof of anything.
    pub fn counts(&self) -> bool {
        !matches!(self, Fault::Busy(_))
    }

    /// From the engine's error.
    pub fn from_engine(error: &wasmtime::Error, computing: Duration) -> Fault {
        if let Some(fault) = error.downcast_ref::<Fault>() {
            return fault.clone();
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Fault::Computing(computing),
            Some(trap) => Fault::Trap(trap.to_string()),
            None => {
                let text = error.root_cause().to_string();
                // What the component model's limit on lifted values says.
                if text.contains("fuel") {
                    return Fault::Large;
                }
                let line = text.lines().next().unwrap_or_default();
                Fault::Trap(line.chars().take(200).collect())
            }
        }
    }
}
