//! One loaded plugin, and calls into fresh instances of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use wasmtime::{Store, UpdateDeadline};

use super::circuit_breaker::CircuitBreaker;
use super::context::{CallLimits, Context, Spent};
use super::fault::Fault;
use super::identity::Identity;
use super::manifest::Wants;
use super::observer::{CallReport, Observer};
use super::runtime::PluginRuntime;
use super::ticker::TICK;

/// Instances of one plugin that answer calls at a time, and as many encode.
const INSTANCES: usize = 8;
/// How much of a call's time may be spent on the network.
const NETWORK_SHARE: f64 = 0.9;
/// Bytes that an answer hands over, where nothing larger is expected.
const HANDED: usize = 8 * 1024 * 1024;
/// Bytes that a codec hands over for one frame: more than a raw one has.
const ENCODED: usize = 256 * 1024 * 1024;

/// Most live handles of resources; the interface has none.
const HANDLES: usize = 64;

/// A loaded plugin.
pub(super) struct Plugin {
    pub identity: Arc<Identity>,
    pub breaker: CircuitBreaker,
    pub runtime: Arc<PluginRuntime>,
    pub observer: Option<Arc<dyn Observer>>,
    /// Called after every fault; the flag says whether it opened the circuit breaker.
    pub on_fault: Arc<dyn Fn(bool) + Send + Sync>,
    turns: Semaphore,
    /// Turns of encodes, which take as long as their files; calls for a plan have
    /// turns of their own.
    pub encodes: Arc<Semaphore>,
}

/// How far one call may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Time of the whole call.
    pub wall: Duration,
    /// Time of computing within it.
    pub computing: Duration,
    /// Bytes that are handed over at a time.
    pub handed_bytes: usize,
    /// Whether it may use the network.
    pub network: bool,
}

impl Budget {
    /// A call that looks at what it is given and answers.
    pub fn brief(computing: Duration) -> Budget {
        // The wall is far, because a busy machine is not the guest's fault.
        let wall = (computing * 5).max(Duration::from_secs(1));
        Budget { wall, computing, handed_bytes: HANDED, network: false }
    }

    /// A call that takes what the manifest says.
    pub fn full(wants: &Wants) -> Budget {
        let wall = wants.call();
        Budget { wall, computing: wall, handed_bytes: HANDED, network: true }
    }

    /// One call of several in an instance that stays.
    pub fn session(wants: &Wants) -> Budget {
        Budget { handed_bytes: ENCODED, network: false, ..Budget::full(wants) }
    }
}

/// The instance after a call, and the guest's response.
pub(super) type GuestResponse<R> = (Store<Context>, wasmtime::Result<R>);

impl Plugin {
    /// A plugin that runs on this machine.
    pub fn new(
        identity: Identity,
        runtime: Arc<PluginRuntime>,
        observer: Option<Arc<dyn Observer>>,
        on_fault: Arc<dyn Fn(bool) + Send + Sync>,
    ) -> Plugin {
        Plugin {
            identity: Arc::new(identity),
            breaker: CircuitBreaker::default(),
            runtime,
            observer,
            on_fault,
            turns: Semaphore::new(INSTANCES),
            encodes: Arc::new(Semaphore::new(INSTANCES)),
        }
    }

    /// A store for a new instance.
    pub fn store(&self, budget: Budget) -> Store<Context> {
        // A guest whose site hangs gets an error from the host function before its own
        // time is over, so that it can say what is wrong.
        let network = budget.network.then(|| Instant::now() + budget.wall.mul_f64(NETWORK_SHARE));
        let limits = CallLimits {
            memory_bytes: self.identity.wants.memory_bytes(),
            computing: budget.computing,
            handed_bytes: budget.handed_bytes,
            network,
        };
        store(&self.runtime, &self.identity, limits)
    }

    /// Runs one call in a fresh instance that ends with it, and judges its
    /// answer; an answer that `judge` does not like is a fault as well.
    pub async fn call<R, T, F, W>(
        &self,
        name: &'static str,
        budget: Budget,
        work: W,
        judge: impl FnOnce(R) -> Result<T, Fault>,
    ) -> Result<T, Fault>
    where
        R: Send + 'static,
        F: Future<Output = GuestResponse<R>> + Send + 'static,
        W: FnOnce(Store<Context>) -> F,
    {
        let turn = tokio::time::timeout(budget.wall, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return self.done(name, Duration::ZERO, Spent::default(), Err(Fault::Busy(INSTANCES)));
        };
        let work = work(self.store(budget));
        self.run(name, budget, work, |_, answer| judge(answer)).await
    }

    /// Runs one call in an instance, which `judge` may keep for the next.
    pub async fn run<R, T>(
        &self,
        name: &'static str,
        budget: Budget,
        work: impl Future<Output = GuestResponse<R>> + Send + 'static,
        judge: impl FnOnce(Store<Context>, R) -> Result<T, Fault>,
    ) -> Result<T, Fault>
    where
        R: Send + 'static,
    {
        let began = Instant::now();
        let mut spent = Spent::default();
        let came = self.on_own_threads(budget.wall, work).await;
        let judged = came.and_then(|(store, answer)| {
            spent = store.data().spent;
            match answer {
                Ok(answer) => judge(store, answer),
                Err(_) if spent.memory_refused => {
                    Err(Fault::Memory(self.identity.wants.memory_bytes()))
                }
                Err(error) => Err(Fault::from_engine(&error, budget.computing)),
            }
        });
        self.done(name, began.elapsed(), spent, judged)
    }

    /// Runs work on the guests' threads, and aborts it when the time is over or the
    /// caller stops waiting.
    async fn on_own_threads<R: Send + 'static>(
        &self,
        wall: Duration,
        work: impl Future<Output = GuestResponse<R>> + Send + 'static,
    ) -> Result<GuestResponse<R>, Fault> {
        let Some(threads) = self.runtime.threads() else {
            return Err(Fault::Trap("the daemon stops".to_owned()));
        };
        // Ticks until the work is gone, which is later than here for one that is
        // given up: without ticks it would compute on and never notice.
        let ticking = self.runtime.ticker.run();
        let work = async move {
            let _ticking = ticking;
            work.await
        };
        let mut task = JoinSet::new();
        task.spawn_on(work, threads);
        match tokio::time::timeout(wall, task.join_next()).await {
            Ok(Some(Ok(came))) => Ok(came),
            Ok(Some(Err(_)) | None) => Err(Fault::Trap("the call was ended".to_owned())),
            Err(_) => Err(Fault::Slow(wall)),
        }
    }

    /// Counts a call.
    fn done<T>(
        &self,
        call: &'static str,
        duration: Duration,
        spent: Spent,
        judged: Result<T, Fault>,
    ) -> Result<T, Fault> {
        if let Some(observer) = &self.observer {
            observer.called(&CallReport {
                plugin: self.identity.name.to_string(),
                call,
                fault: judged.as_ref().err().map(Fault::to_string),
                duration,
                instantiate: spent.instantiate,
                computing: TICK * spent.ticks,
                memory_bytes: spent.memory_bytes,
                requests: spent.requests,
                received_bytes: spent.received_bytes,
                log_lines: spent.log_lines,
            });
        }
        match &judged {
            Ok(_) => self.breaker.succeeded(call),
            Err(fault) => {
                let plugin = &*self.identity.name;
                tracing::warn!(plugin, call, %fault, "a call of a plugin failed");
                let aside = self.breaker.failed(call, fault, Instant::now());
                if aside {
                    tracing::error!(
                        plugin,
                        "the plugin is set aside for half an hour, or until its file changes"
                    );
                }
                if fault.counts() {
                    (self.on_fault)(aside);
                }
            }
        }
        judged
    }
}

/// A store for one instance of a plugin.
fn store(runtime: &PluginRuntime, plugin: &Arc<Identity>, limits: CallLimits) -> Store<Context> {
    let context =
        Context { plugin: Arc::clone(plugin), limits, spent: Spent::default(), waited: false };
    let mut store = Store::new(&runtime.engine, context);
    store.limiter(|context| context);
    store.set_hostcall_fuel(limits.handed_bytes);
    store.set_max_component_handles(HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        let context = store.data_mut();
        if std::mem::take(&mut context.waited) {
            return Ok(UpdateDeadline::Continue(1));
        }
        context.spent.ticks += 1;
        // The callback runs once for each epoch in which the guest computes.
        match TICK * context.spent.ticks > context.limits.computing {
            true => Ok(UpdateDeadline::Interrupt),
            false => Ok(UpdateDeadline::Yield(1)),
        }
    });
    store
}
