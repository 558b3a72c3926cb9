//! Counts the faults of a plugin, and opens when there are too many: an open
//! plugin is not called. It closes again after half an hour.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fault::Fault;

/// Faults of one function in a row that open the breaker. Rows are counted per
/// function: a good `claims`, which precedes every `resolve`, says nothing of
/// `resolve`.
const IN_A_ROW: u32 = 5;
/// Faults within [`A_WHILE`] that open it, whatever is between them.
const IN_A_WHILE: usize = 20;
const A_WHILE: Duration = Duration::from_secs(600);
/// How long it stays open. Not for ever, because a hostile address may have
/// caused the faults.
pub(super) const OPEN_FOR: Duration = Duration::from_secs(30 * 60);

/// Counts of one plugin.
#[derive(Default)]
pub(super) struct CircuitBreaker(Mutex<Counts>);

/// The counts at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub calls: u64,
    pub faults: u64,
    pub last_fault: Option<String>,
    /// Why it is open, and since when.
    pub open: Option<(String, Instant)>,
    in_a_row: BTreeMap<&'static str, u32>,
    recent: VecDeque<Instant>,
}

impl CircuitBreaker {
    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the plugin must not be called.
    pub fn is_open(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open.is_some()
    }

    /// Closes it when it has been open for long enough; returns whether it did.
    pub fn close_if_due(&self, now: Instant) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |at: Instant| now.duration_since(at) >= OPEN_FOR;
        if !counts.open.as_ref().is_some_and(|(_, at)| over(*at)) {
            return false;
        }
        counts.open = None;
        counts.in_a_row.clear();
        counts.recent.clear();
        true
    }

    /// Counts a call that returned, an error included.
    pub fn succeeded(&self, call: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.calls += 1;
        counts.in_a_row.remove(call);
    }

    /// Counts a fault; returns whether that opened it.
    pub fn failed(&self, call: &'static str, fault: &Fault, now: Instant) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.calls += 1;
        if !fault.counts() {
            return false;
        }
        counts.faults += 1;
        let in_a_row = counts.in_a_row.entry(call).or_default();
        *in_a_row += 1;
        let in_a_row = *in_a_row;
        counts.last_fault = Some(format!("{call}: {fault}"));
        counts.recent.push_back(now);
        while counts.recent.len() > IN_A_WHILE
            || counts.recent.front().is_some_and(|at| now.duration_since(*at) > A_WHILE)
        {
            counts.recent.pop_front();
        }
        let enough = match in_a_row >= IN_A_ROW {
            true => Some(format!("{IN_A_ROW} faults in a row; the last: {call}: {fault}")),
            false => (counts.recent.len() >= IN_A_WHILE).then(|| {
                let minutes = A_WHILE.as_secs() / 60;
                format!("{IN_A_WHILE} faults in {minutes} minutes; the last: {call}: {fault}")
            }),
        };
        if counts.open.is_some() || enough.is_none() {
            return false;
        }
        counts.open = enough.map(|reason| (reason, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_a_row_or_twenty_in_a_while_are_enough() {
        let (now, bad) = (Instant::now(), Fault::Large);
        let row = CircuitBreaker::default();
        assert_eq!(
            (0..6).map(|_| row.failed("claims", &bad, now)).filter(|aside| *aside).count(),
            1
        );
        assert!(row.is_open() && row.counts().faults == 6);
        assert!(!row.close_if_due(now + OPEN_FOR / 2) && row.is_open());
        assert!(row.close_if_due(now + OPEN_FOR) && !row.is_open());
        assert!(!row.failed("claims", &bad, now + OPEN_FOR), "it has all its chances again");

        let other = CircuitBreaker::default();
        for n in 1..=5 {
            other.succeeded("claims");
            assert_eq!(other.failed("resolve", &bad, now), n == 5);
        }

        let mixed = CircuitBreaker::default();
        let mut aside = 0;
        for _ in 0..20 {
            mixed.succeeded("claims");
            aside += usize::from(mixed.failed("claims", &bad, now));
        }
        assert_eq!(aside, 1);

        let rare = CircuitBreaker::default();
        for n in 0..40 {
            rare.succeeded("claims");
            assert!(!rare.failed("claims", &bad, now + n * Duration::from_secs(60)));
        }
        let busy = CircuitBreaker::default();
        assert!((0..40).all(|_| !busy.failed("claims", &Fault::Busy(8), now)));
    }
}
