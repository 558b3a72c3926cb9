//! What a plugin has done, and when it has done enough.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fault::Fault;

/// Faults of one function without a good call of it between them, after which a
/// plugin is set aside: `claims` that goes well, as before every `resolve`, says
/// nothing of `resolve`.
const IN_A_ROW: u32 = 5;
/// Faults within [`A_WHILE`] after which it is, whatever is between them.
const IN_A_WHILE: usize = 20;
const A_WHILE: Duration = Duration::from_secs(600);
/// How long it is set aside. It is not for ever: the fault may be that of who
/// made up the address.
pub(super) const ASIDE: Duration = Duration::from_secs(30 * 60);

/// Counts of one plugin.
#[derive(Default)]
pub(super) struct Record(Mutex<Counts>);

/// The counts at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub calls: u64,
    pub faults: u64,
    pub last_fault: Option<String>,
    /// Why it is not asked, and since when.
    pub aside: Option<(String, Instant)>,
    in_a_row: BTreeMap<&'static str, u32>,
    recent: VecDeque<Instant>,
}

impl Record {
    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is set aside.
    pub fn is_aside(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).aside.is_some()
    }

    /// Ends its time aside when that is over; whether it did.
    pub fn comes_back(&self, now: Instant) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |at: Instant| now.duration_since(at) >= ASIDE;
        if !counts.aside.as_ref().is_some_and(|(_, at)| over(*at)) {
            return false;
        }
        counts.aside = None;
        counts.in_a_row.clear();
        counts.recent.clear();
        true
    }

    /// Counts a call that gave an answer, an error included.
    pub fn good(&self, call: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.calls += 1;
        counts.in_a_row.remove(call);
    }

    /// Counts a fault; whether the plugin is set aside for it.
    pub fn bad(&self, call: &'static str, fault: &Fault, now: Instant) -> bool {
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
        if counts.aside.is_some() || enough.is_none() {
            return false;
        }
        counts.aside = enough.map(|reason| (reason, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_in_a_row_or_twenty_in_a_while_are_enough() {
        let (now, bad) = (Instant::now(), Fault::Large);
        let row = Record::default();
        assert_eq!((0..6).map(|_| row.bad("claims", &bad, now)).filter(|aside| *aside).count(), 1);
        assert!(row.is_aside() && row.counts().faults == 6);
        assert!(!row.comes_back(now + ASIDE / 2) && row.is_aside());
        assert!(row.comes_back(now + ASIDE) && !row.is_aside());
        assert!(!row.bad("claims", &bad, now + ASIDE), "it has all its chances again");

        let other = Record::default();
        for n in 1..=5 {
            other.good("claims");
            assert_eq!(other.bad("resolve", &bad, now), n == 5);
        }

        let mixed = Record::default();
        let mut aside = 0;
        for _ in 0..20 {
            mixed.good("claims");
            aside += usize::from(mixed.bad("claims", &bad, now));
        }
        assert_eq!(aside, 1);

        let rare = Record::default();
        for n in 0..40 {
            rare.good("claims");
            assert!(!rare.bad("claims", &bad, now + n * Duration::from_secs(60)));
        }
        let busy = Record::default();
        assert!((0..40).all(|_| !busy.bad("claims", &Fault::Busy(8), now)));
    }
}
