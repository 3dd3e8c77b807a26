//! Files give way to talk: while messages come and go, transfers keep to a rate that leaves the processor
//! and the road mostly free, so that a message waits for nothing. Without talk they go as fast as they can.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use wire::blob::ACK_UNIT;

/// Bytes a second of all transfers together while people talk: two thirds of a gigabit of network are left
/// alone, as is all of a slower one, since a transfer does not fill the buffers of its road.
const RATE: u64 = 32 * 1024 * 1024;
/// Within how long two messages are talk. One alone is not, which may be the one that brings the file.
const TALK: Duration = Duration::from_secs(2);
/// Waits shorter than this are put off, since timers are no finer.
const TICK: Duration = Duration::from_millis(1);

/// The pace of a node's transfers. Clones are the same pace.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// When the last message came or went, and the one before.
    talked: [Option<Instant>; 2],
    /// When what was moved so far would have been moved at [`RATE`].
    even_at: Option<Instant>,
}

impl Pace {
    /// A message came or went.
    pub fn talk(&self) {
        self.with(|state| state.talked = [Some(now()), state.talked[0]]);
    }

    /// Waits as long as it takes until so many bytes more may be moved.
    pub(super) async fn give_way(&self, bytes: usize) {
        let until = self.with(|state| state.wait_until(bytes as u64, now()));
        if let Some(until) = until {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    /// Bytes that are best moved at once, of as many as may be.
    pub(super) fn piece(&self, most: usize) -> usize {
        let talking = self.with(|state| state.is_talking(now()));
        if talking { most.min(ACK_UNIT as usize) } else { most }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn is_talking(&self, now: Instant) -> bool {
        self.talked[1].is_some_and(|talked| now.saturating_duration_since(talked) < TALK)
    }

    fn wait_until(&mut self, bytes: u64, now: Instant) -> Option<Instant> {
        if !self.is_talking(now) {
            self.even_at = None;
            return None;
        }
        let began = self.even_at.filter(|at| *at > now).unwrap_or(now);
        let even_at = began + Duration::from_nanos(bytes * 1_000_000_000 / RATE);
        self.even_at = Some(even_at);
        (began > now + TICK).then_some(began)
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Bytes that are moved within some time, in units.
    fn moved(state: &mut State, mut now: Instant, time: Duration) -> u64 {
        let until = now + time;
        let mut moved = 0;
        while now < until && moved < 100 * RATE {
            now = state.wait_until(ACK_UNIT, now).unwrap_or(now).max(now);
            moved += ACK_UNIT;
        }
        moved
    }

    #[test]
    fn without_talk_nothing_waits() {
        let now = now();
        let mut state = State::default();
        assert!(moved(&mut state, now, SECOND) >= 100 * RATE);
        state.talked = [Some(now), None];
        assert!(moved(&mut state, now, SECOND) >= 100 * RATE, "one message is no talk");
        state.talked = [Some(now); 2];
        assert!(moved(&mut state, now + TALK, SECOND) >= 100 * RATE);
    }

    #[test]
    fn beside_talk_the_rate_is_kept() {
        let now = now();
        let mut state = State { talked: [Some(now); 2], even_at: None };
        let rate = moved(&mut state, now, SECOND);
        assert!(rate.abs_diff(RATE) <= RATE / 50, "{rate}");
        // What was not moved in a pause is not made up for.
        let rate = moved(&mut state, now + SECOND + SECOND / 2, SECOND / 4);
        assert!(rate.abs_diff(RATE / 4) <= RATE / 50, "{rate}");
    }
}
