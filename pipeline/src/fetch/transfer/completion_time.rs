//! When several connections are ready together. Pure.

/// What a connection still has to get, and how fast it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Bytes; 0 when it has nothing to do.
    pub bytes: f64,
    /// Bytes a second, above 0.
    pub rate: f64,
}

impl Load {
    /// How long it takes alone, seconds.
    pub fn seconds(self) -> f64 {
        self.bytes / self.rate
    }
}

/// How often the interval is halved: from years to microseconds.
const HALVES: usize = 48;

/// Seconds until all is there, when whoever is ready takes over from those that
/// are not, which costs it `latency` seconds once.
pub(crate) fn together(loads: &[Load], latency: f64) -> f64 {
    let alone = loads.iter().map(|load| load.seconds()).fold(0.0, f64::max);
    let is_enough = |time: f64| {
        let over = |load: &Load| (load.bytes - load.rate * time).max(0.0);
        let help = |load: &Load| load.rate * (time - load.seconds() - latency).max(0.0);
        loads.iter().map(help).sum::<f64>() >= loads.iter().map(over).sum()
    };
    let (mut least, mut most) = (0.0, alone);
    for _ in 0..HALVES {
        let time = (least + most) / 2.0;
        if is_enough(time) { most = time } else { least = time }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_pays_after_the_latency() {
        let of = |loads: &[(f64, f64)]| {
            let loads: Vec<_> = loads.iter().map(|&(bytes, rate)| Load { bytes, rate }).collect();
            (together(&loads, 0.1) * 1000.0).round()
        };
        // Ten bytes at one a second each: alone, two, three with one slow.
        assert_eq!(of(&[(10.0, 1.0)]), 10_000.0);
        assert_eq!(of(&[(10.0, 1.0), (0.0, 1.0)]), 5050.0);
        assert_eq!(of(&[(10.0, 1.0), (0.0, 1.0), (4.0, 2.0)]), 3575.0);
        // Nobody helps for less than asking costs.
        assert_eq!(of(&[(0.1, 1.0), (0.0, 100.0)]), 100.0);
        // One that is silent.
        assert_eq!(of(&[(1e6, 1.0), (0.0, 1e6)]), 1100.0);
        assert_eq!(of(&[]), 0.0);
    }
}
