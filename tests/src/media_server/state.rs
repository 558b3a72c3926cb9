//! The table of what is served and how, shared between the test and the server's thread.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::behaviour::{ALWAYS, Behaviour, Fault};
use super::content::{Content, Incoming};
use super::stats::{Ledger, PathStats, Seen};

type Route = Box<dyn Fn(&Incoming) -> Option<Content> + Send + Sync>;

#[derive(Default)]
pub(super) struct State {
    routes: Mutex<Vec<(String, std::sync::Arc<Route>)>>,
    rules: Mutex<Vec<Rule>>,
    ledger: Mutex<Ledger>,
}

/// A behaviour and what it has still to do.
struct Rule {
    prefix: String,
    behaviour: Behaviour,
    requests: u64,
}

/// What one request meets: its share of the rule's faults is already taken.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) behaviour: Behaviour,
    pub(super) refuse: Option<(u16, Option<u32>)>,
    pub(super) changed: Option<PathBuf>,
}

/// How a body ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Stall,
    Drop,
}

impl State {
    /// The latest mount of the same prefix replaces the earlier one.
    pub(super) fn mount(
        &self,
        prefix: &str,
        make: impl Fn(&Incoming) -> Option<Content> + Send + Sync + 'static,
    ) {
        let mut routes = lock(&self.routes);
        routes.retain(|(known, _)| known != prefix);
        routes.push((prefix.to_owned(), std::sync::Arc::new(Box::new(make))));
        routes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    }

    /// The content of the longest prefix that has an answer.
    pub(super) fn content(&self, incoming: &Incoming) -> Option<Content> {
        let fitting: Vec<_> = lock(&self.routes)
            .iter()
            .filter(|(prefix, _)| incoming.path.starts_with(prefix.as_str()))
            .map(|(_, route)| std::sync::Arc::clone(route))
            .collect();
        fitting.iter().find_map(|route| route(incoming))
    }

    pub(super) fn behave(&self, prefix: &str, behaviour: Behaviour) {
        let mut rules = lock(&self.rules);
        rules.retain(|rule| rule.prefix != prefix);
        rules.push(Rule { prefix: prefix.to_owned(), behaviour, requests: 0 });
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.prefix.len()));
    }

    pub(super) fn behave_well(&self) {
        lock(&self.rules).clear();
    }

    /// Counts the request and tells what it meets.
    pub(super) fn orders(&self, path: &str) -> Orders {
        let mut rules = lock(&self.rules);
        let Some(rule) = rules.iter_mut().find(|rule| path.starts_with(&rule.prefix)) else {
            return Orders::default();
        };
        rule.requests += 1;
        let refuse = rule
            .behaviour
            .fail
            .as_mut()
            .and_then(|fail| take(&mut fail.times).then_some((fail.status, fail.retry_after)));
        let changed = rule
            .behaviour
            .change
            .as_ref()
            .and_then(|(after, file)| (rule.requests > *after).then(|| file.clone()));
        Orders { behaviour: rule.behaviour.clone(), refuse, changed }
    }

    /// Takes a stall or a drop from the rule for `path`, when a body of `length` bytes reaches it.
    pub(super) fn fault(&self, path: &str, length: u64) -> Option<(u64, End)> {
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| path.starts_with(&rule.prefix))?;
        let reached = |fault: &mut Option<Fault>| {
            let fault = fault.as_mut().filter(|fault| fault.after_bytes < length)?;
            take(&mut fault.times).then_some(fault.after_bytes)
        };
        reached(&mut rule.behaviour.stall)
            .map(|after| (after, End::Stall))
            .or_else(|| reached(&mut rule.behaviour.drop).map(|after| (after, End::Drop)))
    }

    pub(super) fn stats(&self, fits: impl Fn(&str) -> bool) -> PathStats {
        lock(&self.ledger).sum(fits)
    }

    pub(super) fn reset_stats(&self) {
        lock(&self.ledger).reset();
    }

    pub(super) fn saw(&self, path: &str, seen: Seen) {
        lock(&self.ledger).saw(path, seen);
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }
}

/// Bytes a second for a body of `length` bytes, if it is slowed down at all.
pub(super) fn rate(behaviour: &Behaviour, length: u64) -> Option<u64> {
    let long = behaviour.throttle_long.filter(|(over, _)| length > *over).map(|(_, rate)| rate);
    match (behaviour.throttle, long) {
        (Some(all), Some(long)) => Some(all.min(long)),
        (all, long) => all.or(long),
    }
}

/// The pause before the connection is closed, so that what came before it reaches the client.
pub(super) const LAST_BYTES: Duration = Duration::from_millis(50);

/// Uses up one of so many times.
fn take(times: &mut u32) -> bool {
    let left = *times > 0;
    if left && *times != ALWAYS {
        *times -= 1;
    }
    left
}

/// A test that panics in a route must not hide its own message behind a poisoned lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
