//! The clock of guests: a thread that advances the engine's epoch while, and
//! only while, a guest runs.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clipmill_core::{Code, Error};
use wasmtime::Engine;

/// Length of an epoch: how long a guest computes before others get their turn.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The ticking thread; ends when it is dropped.
pub(super) struct Ticker {
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    count: Mutex<Count>,
    changed: Condvar,
}

#[derive(Default)]
struct Count {
    running: usize,
    over: bool,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticker {
    /// A ticker of this engine.
    pub fn start(engine: Engine) -> Result<Ticker, Error> {
        let state = Arc::new(State::default());
        let ours = Arc::clone(&state);
        std::thread::Builder::new()
            .name("plugin-ticks".to_owned())
            .spawn(move || tick(&engine, &ours))
            .map_err(|error| Error::never(Code::HostFailed, format!("no thread: {error}")))?;
        Ok(Ticker { state })
    }

    /// Ticks until the guard is dropped.
    pub fn run(&self) -> Running {
        let mut count = self.state.lock();
        count.running += 1;
        if count.running == 1 {
            self.state.changed.notify_one();
        }
        Running(Arc::clone(&self.state))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.lock().over = true;
        self.state.changed.notify_one();
    }
}

/// Keeps the ticker ticking.
pub(super) struct Running(Arc<State>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
    }
}

fn tick(engine: &Engine, state: &State) {
    loop {
        let mut count = state.lock();
        while count.running == 0 && !count.over {
            count = state.changed.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        if count.over {
            return;
        }
        drop(count);
        std::thread::sleep(TICK);
        engine.increment_epoch();
    }
}
