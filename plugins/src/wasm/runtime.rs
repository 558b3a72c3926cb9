//! What guests run on: one engine, one set of linkers, and threads of their own,
//! so that a guest that computes without end delays no request.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use clipmill_core::{Code, Error};
use tokio::runtime::{Builder, Handle, Runtime};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};

use super::bindings::{codec, frames, source};
use super::context::Context;
use super::ticker::Ticker;

/// Stack of a guest, bytes.
const GUEST_STACK: usize = 512 * 1024;
/// Stack on which a guest and the host functions that it calls run, bytes.
const CALL_STACK: usize = 2 * 1024 * 1024;
/// Compiled components that are kept on disk: bytes.
const CACHED_BYTES: u64 = 512 * 1024 * 1024;

/// Engine, linkers and threads of all plugins.
pub(super) struct PluginRuntime {
    pub engine: Engine,
    pub sources: Linker<Context>,
    pub codecs: Linker<Context>,
    pub frames: Linker<Context>,
    pub ticker: Ticker,
    threads: Option<Runtime>,
}

impl PluginRuntime {
    /// A runtime that keeps compiled components in this folder.
    pub fn new(cache: Option<&Path>) -> Result<PluginRuntime, Error> {
        let failed = |what: &str, error: String| {
            Error::never(Code::HostFailed, format!("{what} can't be set up: {error}"))
        };
        let mut config = Config::new();
        config.epoch_interruption(true).max_wasm_stack(GUEST_STACK).async_stack_size(CALL_STACK);
        if let Some(folder) = cache {
            match compiled(folder) {
                Ok(cache) => {
                    config.cache(Some(cache));
                }
                Err(error) => tracing::warn!(error, "compiled plugins can't be kept on disk"),
            }
        }
        let engine =
            Engine::new(&config).map_err(|error| failed("the engine", error.to_string()))?;
        let linker = |add: fn(&mut Linker<Context>) -> wasmtime::Result<()>| {
            let mut linker = Linker::new(&engine);
            add(&mut linker).map_err(|error| failed("the interface", error.to_string()))?;
            Ok(linker)
        };
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2));
        let threads = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("plugin")
            .enable_time()
            // Timers count for as much as guests that wait for their turn.
            .event_interval(1)
            // So do calls that begin: most of them are over in no time.
            .global_queue_interval(1)
            .build()
            .map_err(|error| failed("threads", error.to_string()))?;
        Ok(PluginRuntime {
            sources: linker(|to| source::Source::add_to_linker::<_, HasSelf<_>>(to, |own| own))?,
            codecs: linker(|to| codec::Codec::add_to_linker::<_, HasSelf<_>>(to, |own| own))?,
            frames: linker(|to| frames::FrameCodec::add_to_linker::<_, HasSelf<_>>(to, |own| own))?,
            ticker: Ticker::start(engine.clone())?,
            threads: Some(threads),
            engine,
        })
    }

    /// Where guests run; none while the daemon stops.
    pub fn threads(&self) -> Option<&Handle> {
        self.threads.as_ref().map(Runtime::handle)
    }
}

impl Drop for PluginRuntime {
    fn drop(&mut self) {
        // Waiting for the threads would block the dropping thread.
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

fn compiled(folder: &Path) -> Result<Cache, String> {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    // It holds machine code that is run as it is found.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| error.to_string())?;
    let mut config = CacheConfig::new();
    config.with_directory(folder).with_files_total_size_soft_limit(CACHED_BYTES);
    Cache::new(config).map_err(|error| error.to_string())
}
