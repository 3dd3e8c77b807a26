//! How much may be on its way to the other side. Pure: the caller tells the time.
//!
//! The window grows while what is sent is taken without delay, and shrinks once it takes longer than
//! it has to: then it waits somewhere between the two, before whatever else goes the same road.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use wire::blob::ACK_UNIT;

/// Bytes that may always be on their way.
const LEAST: u64 = 2 * ACK_UNIT;
/// Bytes at the beginning.
const FIRST: u64 = 16 * ACK_UNIT;
/// Bytes at most.
const MOST: u64 = 1024 * ACK_UNIT;
/// How long what is sent may wait on its way.
const WAIT: Duration = Duration::from_millis(10);
/// After so long, the shortest way is measured anew: the road may be another one. For that, little is
/// sent for a moment, since what always waits would count as the way.
const REMEMBERED: Duration = Duration::from_secs(10);

/// The sender's view of what is on its way.
#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    sent: u64,
    taken: u64,
    /// Where pieces end that are on their way, and when they were sent.
    pieces: VecDeque<(u64, Instant)>,
    /// The shortest times in which something was taken, of now and of a while ago.
    shortest: [Duration; 2],
    measured_since: Instant,
    /// The way is being measured until more than this was taken; then the window is of this size.
    measuring: Option<(u64, u64)>,
    /// The window does not shrink again before what was sent until then is taken.
    shrunk_until: u64,
}

/// The other side took more than it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TakenTooMuch;

impl Window {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            size: FIRST,
            sent: 0,
            taken: 0,
            pieces: VecDeque::new(),
            shortest: [Duration::MAX; 2],
            measured_since: now,
            measuring: None,
            shrunk_until: 0,
        }
    }

    /// Whether a piece may be sent.
    pub(super) fn is_open(&self) -> bool {
        self.sent - self.taken < self.size
    }

    /// Bytes that are sent at once: few where few may be on their way.
    pub(super) fn piece(&self) -> usize {
        (self.size / 16).clamp(ACK_UNIT, 8 * ACK_UNIT) as usize
    }

    /// A piece was sent.
    pub(super) fn sent(&mut self, bytes: u64, now: Instant) {
        self.sent += bytes;
        self.pieces.push_back((self.sent, now));
    }

    /// The other side took so many units more.
    pub(super) fn taken(&mut self, units: u64, now: Instant) -> Result<(), TakenTooMuch> {
        let bytes = units * ACK_UNIT;
        if bytes > self.sent - self.taken {
            return Err(TakenTooMuch);
        }
        let was_full = 2 * (self.sent - self.taken) >= self.size;
        self.taken += bytes;
        let mut took = None;
        while let Some((_, sent_at)) = self.pieces.pop_front_if(|(end, _)| *end <= self.taken) {
            took = Some(now.saturating_duration_since(sent_at));
        }
        let Some(took) = took else { return Ok(()) };
        let waited = took.saturating_sub(self.shortest(took, now));
        if let Some((until, size)) = self.measuring {
            if self.taken > until {
                self.size = size;
                self.measuring = None;
            }
        } else if waited > WAIT {
            if self.taken > self.shrunk_until {
                self.size = (self.size / 4 * 3).max(LEAST);
                self.shrunk_until = self.sent;
            }
        } else if was_full {
            let share = 1.0 - waited.as_secs_f64() / WAIT.as_secs_f64();
            self.size = (self.size + (bytes as f64 * share) as u64).min(MOST);
        }
        Ok(())
    }

    fn shortest(&mut self, took: Duration, now: Instant) -> Duration {
        if now.saturating_duration_since(self.measured_since) > REMEMBERED {
            self.shortest = [Duration::MAX, self.shortest[0]];
            self.measured_since = now;
            self.measuring = Some((self.sent, self.size));
            self.size = LEAST;
        }
        self.shortest[0] = self.shortest[0].min(took);
        self.shortest[0].min(self.shortest[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A road that carries a unit in each of so many microseconds, and whose ends are apart.
    struct Road {
        now: Instant,
        window: Window,
        unit_us: u64,
        apart: Duration,
        /// When units are told to be taken.
        told: VecDeque<Instant>,
        free_at: Instant,
        /// The longest that a unit waited for those before it.
        longest: Duration,
        taken: u64,
    }

    impl Road {
        fn new(unit_us: u64, apart_ms: u64) -> Self {
            let now = tokio::time::Instant::now().into_std();
            let window = Window::new(now);
            let (told, apart) = (VecDeque::new(), Duration::from_millis(apart_ms));
            Self {
                now,
                window,
                unit_us,
                apart,
                told,
                free_at: now,
                longest: Duration::ZERO,
                taken: 0,
            }
        }

        fn run(&mut self, time: Duration) {
            let until = self.now + time;
            (self.longest, self.taken) = (Duration::ZERO, 0);
            while self.now < until {
                while self.window.is_open() {
                    self.window.sent(ACK_UNIT, self.now);
                    self.longest =
                        self.longest.max(self.free_at.saturating_duration_since(self.now));
                    self.free_at = self.free_at.max(self.now) + Duration::from_micros(self.unit_us);
                    self.told.push_back(self.free_at + self.apart);
                }
                self.now = self.told.pop_front().unwrap();
                self.window.taken(1, self.now).unwrap();
                self.taken += 1;
            }
        }

        /// How much of what the road could carry was taken.
        fn used(&self, time: Duration) -> f64 {
            (self.taken * self.unit_us) as f64 / time.as_micros() as f64
        }
    }

    #[test]
    fn roads_are_filled_and_little_waits_on_them() {
        // 1.6, 16, 160 and 1600 MB/s at distances from a table to a continent.
        for (unit_us, apart_ms) in
            [(10_240, 5), (10_240, 100), (1024, 1), (1024, 50), (102, 0), (102, 20), (10, 0)]
        {
            let mut road = Road::new(unit_us, apart_ms);
            road.run(Duration::from_secs(5));
            let time = Duration::from_secs(20);
            road.run(time);
            let used = road.used(time);
            assert!(used > 0.8, "{unit_us} {apart_ms}: {used:.2} of the road");
            // A unit may be late before that is noticed, and some always are on their way.
            let most = 2 * WAIT + Duration::from_micros(unit_us * LEAST / ACK_UNIT);
            assert!(road.longest <= most, "{unit_us} {apart_ms}: waited {:?}", road.longest);
        }
    }

    #[test]
    fn a_road_that_becomes_slow_is_not_flooded() {
        let mut road = Road::new(102, 5);
        road.run(Duration::from_secs(5));
        road.unit_us = 5000;
        road.run(Duration::from_secs(10));
        road.run(Duration::from_secs(10));
        assert!(road.longest <= 3 * WAIT, "waited {:?}", road.longest);
    }

    #[test]
    fn nobody_takes_more_than_was_sent() {
        let now = tokio::time::Instant::now().into_std();
        let mut window = Window::new(now);
        window.sent(ACK_UNIT + 1, now);
        assert_eq!(window.taken(2, now), Err(TakenTooMuch));
        assert_eq!(window.taken(1, now), Ok(()));
        assert_eq!(window.taken(1, now), Err(TakenTooMuch));
    }
}
