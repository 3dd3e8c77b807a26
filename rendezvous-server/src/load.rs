//! Whether the server has too much to do: judged each second from how late its loop is and how
//! much memory it has. Pure.
//!
//! A busy server takes no new names and nobody from new networks. What is connected goes on.

use std::time::Duration;

use crate::config::OverloadConfig;

/// Seconds in a row that make a server busy, or free again.
const IN_A_ROW: u32 = 3;

/// What was measured in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// How late the loop came to its timer.
    pub lag: Duration,
    /// Bytes of memory that the process has.
    pub resident: u64,
    /// Bytes that are free on the disk of the data folder, if that is known.
    pub disk_free: Option<u64>,
}

/// Judges samples.
#[derive(Debug)]
pub struct Load {
    lag_max: Duration,
    resident_max: u64,
    disk_free_min: u64,
    is_busy: bool,
    /// Samples in a row that speak for the other state.
    against: u32,
    /// The last sample.
    pub last: Sample,
    /// The longest lag since it was last taken by [`Load::take_worst`].
    worst: Duration,
}

impl Load {
    /// Starts free. `memory` is how much this machine has, in bytes, for where the configuration
    /// sets no bound.
    pub fn new(config: &OverloadConfig, memory: u64) -> Self {
        let mut load = Self {
            lag_max: Duration::ZERO,
            resident_max: 0,
            disk_free_min: 0,
            is_busy: false,
            against: 0,
            last: Sample::default(),
            worst: Duration::ZERO,
        };
        load.configure(config, memory);
        load
    }

    /// Takes over other bounds; whether the server is busy is found out by the next samples.
    pub fn configure(&mut self, config: &OverloadConfig, memory: u64) {
        self.lag_max = Duration::from_millis(config.lag_ms);
        self.resident_max = match config.memory_mib {
            0 => memory / 10 * 8,
            mib => mib.saturating_mul(1024 * 1024),
        };
        self.disk_free_min = config.disk_free_mib.saturating_mul(1024 * 1024);
    }

    /// Whether the server has too much to do.
    pub fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// The longest lag since the last call.
    pub fn take_worst(&mut self) -> Duration {
        std::mem::take(&mut self.worst)
    }

    /// Takes a sample. Tells the new state if it is another one.
    pub fn sample(&mut self, sample: Sample) -> Option<bool> {
        self.worst = self.worst.max(sample.lag);
        self.last = sample;
        // To get out of trouble takes a little more than not to be in it.
        let slack = if self.is_busy { 2 } else { 1 };
        let is_bad = sample.lag > self.lag_max / slack
            || sample.resident > self.resident_max / 10 * (11 - u64::from(slack))
            || sample.disk_free.is_some_and(|free| free < self.disk_free_min);
        if is_bad == self.is_busy {
            self.against = 0;
            return None;
        }
        self.against += 1;
        if self.against < IN_A_ROW {
            return None;
        }
        self.against = 0;
        self.is_busy = is_bad;
        Some(is_bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn load() -> Load {
        let config = OverloadConfig { lag_ms: 500, memory_mib: 100, disk_free_mib: 10 };
        Load::new(&config, 0)
    }

    fn fine() -> Sample {
        Sample { lag: Duration::ZERO, resident: 50 * MIB, disk_free: Some(100 * MIB) }
    }

    #[test]
    fn one_bad_second_is_none() {
        let mut load = load();
        let late = Sample { lag: Duration::from_secs(2), ..fine() };
        for _ in 0..10 {
            assert_eq!(load.sample(late), None);
            assert_eq!(load.sample(late), None);
            assert_eq!(load.sample(fine()), None);
        }
        assert!(!load.is_busy());
        assert_eq!(load.take_worst(), Duration::from_secs(2));
        assert_eq!(load.take_worst(), Duration::ZERO);
    }

    #[test]
    fn each_kind_of_trouble_makes_busy_and_its_end_free() {
        let troubles = [
            Sample { lag: Duration::from_millis(501), ..fine() },
            Sample { resident: 101 * MIB, ..fine() },
            Sample { disk_free: Some(9 * MIB), ..fine() },
        ];
        for trouble in troubles {
            let mut load = load();
            let told: Vec<_> = (0..5).filter_map(|_| load.sample(trouble)).collect();
            assert_eq!(told, [true], "{trouble:?}");
            let told: Vec<_> = (0..5).filter_map(|_| load.sample(fine())).collect();
            assert_eq!(told, [false], "{trouble:?}");
        }
    }

    #[test]
    fn at_the_edge_a_busy_server_stays_busy() {
        let mut load = load();
        let trouble = Sample { resident: 101 * MIB, ..fine() };
        assert!((0..3).any(|_| load.sample(trouble) == Some(true)));
        let edge = Sample { resident: 95 * MIB, ..fine() };
        assert!((0..9).all(|_| load.sample(edge).is_none()));
        assert!(load.is_busy());
    }

    #[test]
    fn a_busy_server_with_wider_bounds_is_free_again() {
        let mut load = load();
        let trouble = Sample { resident: 101 * MIB, ..fine() };
        assert!((0..3).any(|_| load.sample(trouble) == Some(true)));
        let wider = OverloadConfig { lag_ms: 500, memory_mib: 200, disk_free_mib: 10 };
        load.configure(&wider, 0);
        assert!(load.is_busy());
        assert!((0..3).any(|_| load.sample(trouble) == Some(false)));
    }

    #[test]
    fn without_a_bound_it_is_most_of_the_memory() {
        let config = OverloadConfig { memory_mib: 0, ..OverloadConfig::default() };
        let mut load = Load::new(&config, 1000 * MIB);
        let sample = |resident| Sample { resident, ..fine() };
        assert!((0..9).all(|_| load.sample(sample(799 * MIB)).is_none()));
        assert!((0..9).any(|_| load.sample(sample(810 * MIB)) == Some(true)));
    }
}
