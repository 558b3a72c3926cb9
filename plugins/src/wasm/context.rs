//! What one instance has while it lives: its limits, what it spent of them,
//! and the plugin that it is of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

use super::bindings::types;
use super::fault::Fault;
use super::identity::Identity;

/// Most calls of host functions in one call.
const HOST_CALLS: u32 = 100_000;
/// Most elements of all tables: a large program's function pointers.
const TABLE_ELEMENTS: usize = 100_000;
/// Most instances, tables and memories of one component.
const PARTS: usize = 64;

/// What a call may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallLimits {
    /// Bytes of memory.
    pub memory_bytes: usize,
    /// Time of computing.
    pub computing: Duration,
    /// Bytes that one answer, or one call of a host function, hands over.
    pub handed_bytes: usize,
    /// Until when it may use the network, if it may.
    pub network: Option<Instant>,
}

/// What a call used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    pub instantiate: Duration,
    pub ticks: u32,
    pub memory_bytes: usize,
    pub table_elements: usize,
    pub memory_refused: bool,
    pub host_calls: u32,
    pub log_lines: u32,
    pub requests: u32,
    pub received_bytes: u64,
}

/// The state of one instance.
pub(super) struct Context {
    pub plugin: Arc<Identity>,
    pub limits: CallLimits,
    pub spent: Spent,
    /// Whether it comes back from waiting: the epochs that passed meanwhile are
    /// none in which it computed.
    pub waited: bool,
}

impl Context {
    /// Begins a further call of an instance that stays: what one call may spend
    /// is there again.
    pub fn renew(&mut self) {
        let Spent { memory_bytes, table_elements, .. } = self.spent;
        self.spent = Spent { memory_bytes, table_elements, ..Spent::default() };
    }

    /// Counts a call of a host function.
    pub fn count(&mut self) -> wasmtime::Result<()> {
        self.spent.host_calls += 1;
        match self.spent.host_calls > HOST_CALLS {
            true => Err(Fault::Flood(HOST_CALLS).into()),
            false => Ok(()),
        }
    }
}

impl ResourceLimiter for Context {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = self.spent.memory_bytes + desired.saturating_sub(current);
        if all > self.limits.memory_bytes {
            self.spent.memory_refused = true;
            return Ok(false);
        }
        self.spent.memory_bytes = all;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let all = self.spent.table_elements + desired.saturating_sub(current);
        if all > TABLE_ELEMENTS {
            return Ok(false);
        }
        self.spent.table_elements = all;
        Ok(true)
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}

impl types::Host for Context {}
