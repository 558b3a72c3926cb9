//! What calls into a plugin cost.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clipmill_plugins::wasm::{CallReport, Observer, PluginState};
use serde_json::{Value, json};

use super::table::{TextTable, bytes, time};

/// Adds up calls, by function.
#[derive(Debug, Default)]
pub struct Cost(Mutex<Vec<Sum>>);

/// All calls of one function.
#[derive(Debug)]
struct Sum {
    call: &'static str,
    times: u64,
    time: Duration,
    slowest: Duration,
    instantiate: Duration,
    computing: Duration,
    memory_bytes: usize,
    requests: u64,
    received_bytes: u64,
    log_lines: u64,
    faults: u64,
}

impl Observer for Cost {
    fn called(&self, report: &CallReport) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = sums.iter().position(|sum| sum.call == report.call);
        let place = place.unwrap_or_else(|| {
            sums.push(Sum::new(report.call));
            sums.len() - 1
        });
        if let Some(sum) = sums.get_mut(place) {
            sum.add(report);
        }
    }

    fn changed(&self, _plugins: &[PluginState]) {}
}

impl Sum {
    fn new(call: &'static str) -> Sum {
        Sum {
            call,
            times: 0,
            time: Duration::ZERO,
            slowest: Duration::ZERO,
            instantiate: Duration::ZERO,
            computing: Duration::ZERO,
            memory_bytes: 0,
            requests: 0,
            received_bytes: 0,
            log_lines: 0,
            faults: 0,
        }
    }

    fn add(&mut self, report: &CallReport) {
        self.times += 1;
        self.time += report.duration;
        self.slowest = self.slowest.max(report.duration);
        self.instantiate += report.instantiate;
        self.computing += report.computing;
        self.memory_bytes = self.memory_bytes.max(report.memory_bytes);
        self.requests += u64::from(report.requests);
        self.received_bytes += report.received_bytes;
        self.log_lines += u64::from(report.log_lines);
        self.faults += u64::from(report.fault.is_some());
    }
}

impl Cost {
    /// For people.
    pub fn table(&self) -> TextTable {
        let mut table = TextTable::new(&[
            "CALL",
            "TIMES",
            "TIME",
            "SLOWEST",
            "INSTANTIATE",
            "COMPUTING",
            "MEMORY",
            "REQUESTS",
            "RECEIVED",
            "LOG LINES",
        ]);
        for sum in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // The host measures it in steps of 10 ms.
            let computing =
                if sum.computing.is_zero() { "< 10 ms".to_owned() } else { time(sum.computing) };
            table.row([
                sum.call.to_owned(),
                sum.times.to_string(),
                time(sum.time),
                time(sum.slowest),
                time(sum.instantiate),
                computing,
                bytes(sum.memory_bytes as u64),
                sum.requests.to_string(),
                bytes(sum.received_bytes),
                sum.log_lines.to_string(),
            ]);
        }
        table
    }

    /// For scripts.
    pub fn objects(&self) -> Vec<Value> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        let object = |sum: &Sum| {
            json!({
                "call": sum.call,
                "times": sum.times,
                "faults": sum.faults,
                "duration_ms": millis(sum.time),
                "slowest_ms": millis(sum.slowest),
                "instantiate_ms": millis(sum.instantiate),
                "computing_ms": millis(sum.computing),
                "memory_bytes": sum.memory_bytes,
                "requests": sum.requests,
                "received_bytes": sum.received_bytes,
                "log_lines": sum.log_lines,
            })
        };
        sums.iter().map(object).collect()
    }
}
