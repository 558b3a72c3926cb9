//! A call into a fresh instance, spelled once for all worlds.

/// Work for [`Plugin::call`](super::plugin::Plugin::call): makes an instance of
/// `$pre`, notes what that took, and calls it.
macro_rules! fresh {
    ($pre:expr, |$store:ident, $guest:ident| $call:expr) => {
        move |mut $store: wasmtime::Store<$crate::wasm::context::Context>| async move {
            // It may have waited for its turn; that was none of its time.
            $store.set_epoch_deadline(1);
            let began = std::time::Instant::now();
            let made = $pre.instantiate_async(&mut $store).await;
            $store.data_mut().spent.instantiate = began.elapsed();
            let answer = match made {
                Ok($guest) => $call.await,
                Err(error) => Err(error),
            };
            ($store, answer)
        }
    };
}

pub(super) use fresh;
