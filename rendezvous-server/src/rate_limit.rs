//! Token buckets, one per key. Pure: the caller brings the time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Buckets that one limiter keeps at most. Full buckets are forgotten first; when there are none,
/// new keys are refused.
pub const BUCKETS_MAX: usize = 65_536;

/// How often a limiter at its bound looks for full buckets.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How many tokens a bucket holds, and how fast it fills.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Tokens in a full bucket.
    pub burst: u32,
    /// Time in which one token comes back.
    pub interval: Duration,
}

impl Rate {
    /// A bucket of `burst` tokens of which `count` come back in each `period`.
    pub fn new(burst: u32, count: u32, period: Duration) -> Self {
        Self { burst, interval: period / count.max(1) }
    }
}

/// One bucket for each key.
#[derive(Debug)]
pub struct RateLimiter<K> {
    rate: Rate,
    /// When each bucket that is not full will be.
    full_at: BTreeMap<K, Instant>,
    swept_at: Option<Instant>,
}

impl<K: Ord> RateLimiter<K> {
    /// Starts with every bucket full.
    pub fn new(rate: Rate) -> Self {
        Self { rate, full_at: BTreeMap::new(), swept_at: None }
    }

    /// Takes over another rate. Tokens that are missing now come back as before.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Takes `cost` tokens, or tells how long to wait for them.
    pub fn try_take(&mut self, key: K, cost: u32, now: Instant) -> Result<(), Duration> {
        let capacity = self.rate.interval.saturating_mul(self.rate.burst);
        let known = self.full_at.get(&key).copied();
        let missing = known.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let wanted = missing + self.rate.interval.saturating_mul(cost);
        let lacking = wanted.saturating_sub(capacity);
        if !lacking.is_zero() {
            return Err(lacking);
        }
        if known.is_none() && !self.has_room(now) {
            return Err(SWEEP_INTERVAL);
        }
        self.full_at.insert(key, now + wanted);
        Ok(())
    }

    /// Puts one token back.
    pub fn give_back(&mut self, key: &K) {
        if let Some(at) = self.full_at.get_mut(key)
            && let Some(earlier) = at.checked_sub(self.rate.interval)
        {
            *at = earlier;
        }
    }

    fn has_room(&mut self, now: Instant) -> bool {
        if self.full_at.len() < BUCKETS_MAX {
            return true;
        }
        if self.swept_at.is_none_or(|at| now.saturating_duration_since(at) >= SWEEP_INTERVAL) {
            self.swept_at = Some(now);
            self.full_at.retain(|_key, at| *at > now);
        }
        self.full_at.len() < BUCKETS_MAX
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "time begins somewhere")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let mut limiter = RateLimiter::new(Rate::new(3, 2, SECOND));
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(limiter.try_take("a", 1, now), Ok(()));
        }
        assert_eq!(limiter.try_take("a", 1, now), Err(SECOND / 2));
        assert_eq!(limiter.try_take("a", 1, now + SECOND / 2), Ok(()));
        assert_eq!(limiter.try_take("a", 1, now + SECOND / 2), Err(SECOND / 2));
    }

    #[test]
    fn keys_do_not_share_a_bucket() {
        let mut limiter = RateLimiter::new(Rate::new(1, 1, SECOND));
        let now = Instant::now();
        assert_eq!(limiter.try_take("a", 1, now), Ok(()));
        assert_eq!(limiter.try_take("b", 1, now), Ok(()));
        assert!(limiter.try_take("a", 1, now).is_err());
    }

    #[test]
    fn a_token_given_back_can_be_taken_again() {
        let mut limiter = RateLimiter::new(Rate::new(1, 1, SECOND));
        let now = Instant::now();
        assert_eq!(limiter.try_take("a", 1, now), Ok(()));
        limiter.give_back(&"a");
        assert_eq!(limiter.try_take("a", 1, now), Ok(()));
        assert!(limiter.try_take("a", 1, now).is_err());
    }

    #[test]
    fn a_cost_beyond_the_bucket_is_never_met() {
        let mut limiter = RateLimiter::new(Rate::new(3, 1, SECOND));
        assert_eq!(limiter.try_take("a", 4, Instant::now()), Err(SECOND));
    }

    #[test]
    fn buckets_are_bounded_and_full_ones_make_room() {
        let mut limiter = RateLimiter::new(Rate::new(2, 1, 10 * SECOND));
        let now = Instant::now();
        for key in 0..BUCKETS_MAX {
            assert_eq!(limiter.try_take(key, 1, now), Ok(()));
        }
        assert!(limiter.try_take(BUCKETS_MAX, 1, now).is_err(), "one more key");
        assert_eq!(limiter.try_take(0, 1, now), Ok(()), "a known key");
        assert_eq!(limiter.try_take(BUCKETS_MAX, 1, now + 10 * SECOND), Ok(()));
        assert!(limiter.full_at.len() < 3, "{}", limiter.full_at.len());
    }

    proptest! {
        #[test]
        fn no_more_passes_than_burst_and_rate(steps in prop::collection::vec((0u64..3_000, 1u32..4), 1..200)) {
            let mut limiter = RateLimiter::new(Rate::new(5, 2, SECOND));
            let start = Instant::now();
            let mut now = start;
            let mut taken = 0;
            for (millis, cost) in steps {
                now += Duration::from_millis(millis);
                let allowed = 5 + 2 * (now - start).as_millis() / 1_000 + 1;
                match limiter.try_take((), cost, now) {
                    Ok(()) => taken += u128::from(cost),
                    Err(wait) => prop_assert_eq!(limiter.try_take((), cost, now + wait).is_ok(), {
                        now += wait;
                        taken += u128::from(cost);
                        true
                    }),
                }
                let allowed = allowed.max(5 + 2 * (now - start).as_millis() / 1_000 + 1);
                prop_assert!(taken <= allowed, "{} taken, {} allowed", taken, allowed);
            }
        }
    }
}
