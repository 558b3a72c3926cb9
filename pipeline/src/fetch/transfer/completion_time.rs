//! When several connections that help each other have all bytes. Pure.

/// What one connection still has to download, and how fast it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLoad {
    /// Bytes; 0 when it has nothing to do.
    pub bytes: f64,
    /// Bytes a second, above 0.
    pub rate: f64,
}

impl ConnectionLoad {
    /// How long it takes alone, seconds.
    pub fn seconds(self) -> f64 {
        self.bytes / self.rate
    }
}

/// How often the interval is halved: from years to microseconds.
const HALVINGS: usize = 48;

/// Seconds until all bytes have arrived, when each connection that is done takes
/// over bytes of the others, which costs it `latency` seconds once.
///
/// Searches the least time in which those that are done early can download what
/// the others can't.
pub(super) fn completion_time(loads: &[ConnectionLoad], latency: f64) -> f64 {
    let slowest_alone = loads.iter().map(|load| load.seconds()).fold(0.0, f64::max);
    let is_enough = |time: f64| {
        let excess = |load: &ConnectionLoad| (load.bytes - load.rate * time).max(0.0);
        let help = |load: &ConnectionLoad| load.rate * (time - load.seconds() - latency).max(0.0);
        loads.iter().map(help).sum::<f64>() >= loads.iter().map(excess).sum()
    };
    let mut least = 0.0;
    let mut most = slowest_alone;
    for _ in 0..HALVINGS {
        let time = (least + most) / 2.0;
        if is_enough(time) {
            most = time;
        } else {
            least = time;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_pays_after_the_latency() {
        let millis = |loads: &[(f64, f64)]| {
            let loads: Vec<_> =
                loads.iter().map(|&(bytes, rate)| ConnectionLoad { bytes, rate }).collect();
            (completion_time(&loads, 0.1) * 1000.0).round()
        };
        // Ten bytes at one a second each: alone, two, three with one slow.
        assert_eq!(millis(&[(10.0, 1.0)]), 10_000.0);
        assert_eq!(millis(&[(10.0, 1.0), (0.0, 1.0)]), 5050.0);
        assert_eq!(millis(&[(10.0, 1.0), (0.0, 1.0), (4.0, 2.0)]), 3575.0);
        // Help that costs more than it saves.
        assert_eq!(millis(&[(0.1, 1.0), (0.0, 100.0)]), 100.0);
        // One that is silent.
        assert_eq!(millis(&[(1e6, 1.0), (0.0, 1e6)]), 1100.0);
        assert_eq!(millis(&[]), 0.0);
    }
}
