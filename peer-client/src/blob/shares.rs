//! Who brings which part of an attachment. Pure: the caller tells the time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::groups::GROUP;

/// A share is only divided if each half has so many bytes.
const HALF_MIN: u64 = 1024 * 1024;
/// A share to which nothing came for so long is given to somebody else.
const STALE: Duration = Duration::from_secs(5);

/// The parts that somebody brings.
#[derive(Debug, Default)]
pub(super) struct Shares {
    spans: BTreeMap<u64, Span>,
    last: u64,
}

/// What somebody brings: the missing bytes from `begin` to `end`. Those before `next` have come, but may
/// not be written yet.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin: u64,
    next: u64,
    end: u64,
    moved_at: Instant,
}

impl Shares {
    /// Nobody brings anything.
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Gives out a share of what is missing, as its number and bounds: the first part that nobody
    /// brings, the second half of the largest share, or a share that stands still.
    pub(super) fn give(&mut self, missing: &[(u64, u64)], now: Instant) -> Option<(u64, u64, u64)> {
        let (begin, end) = self
            .unclaimed(missing)
            .or_else(|| self.half_of_largest(missing))
            .or_else(|| self.stale(now))?;
        self.last += 1;
        self.spans.insert(self.last, Span { begin, next: begin, end, moved_at: now });
        Some((self.last, begin, end))
    }

    /// Whether the bytes from `start` on are not the share's any more. All before have come.
    pub(super) fn is_over_at(&mut self, number: u64, start: u64, now: Instant) -> bool {
        let Some(span) = self.spans.get_mut(&number) else { return true };
        span.next = span.next.max(start.min(span.end));
        span.moved_at = now;
        start >= span.end
    }

    /// Somebody stops. What is still missing of the share is nobody's.
    pub(super) fn give_back(&mut self, number: u64) {
        self.spans.remove(&number);
    }

    /// Everything from the first byte that nobody brings up to the next share, gaps or not.
    fn unclaimed(&self, missing: &[(u64, u64)]) -> Option<(u64, u64)> {
        let mut unclaimed = missing.to_vec();
        for span in self.spans.values() {
            unclaimed = without(&unclaimed, span.begin, span.end);
        }
        let (start, _) = *unclaimed.first()?;
        let begins = self.spans.values().map(|span| span.begin);
        let next = begins.filter(|begin| *begin > start).min().unwrap_or(u64::MAX);
        let (_, end) = unclaimed.iter().take_while(|range| range.1 <= next).last()?;
        Some((start, *end))
    }

    fn half_of_largest(&mut self, missing: &[(u64, u64)]) -> Option<(u64, u64)> {
        let left = |span: &Span| {
            let within = ranges_between(missing, span.next, span.end);
            within.iter().map(|(start, end)| end - start).sum::<u64>()
        };
        let span = self.spans.values_mut().max_by_key(|span| left(span))?;
        let bytes = left(span);
        if bytes < 2 * HALF_MIN {
            return None;
        }
        let middle = middle(&ranges_between(missing, span.next, span.end), bytes / 2);
        let half = (middle, span.end);
        span.end = middle;
        Some(half)
    }

    fn stale(&mut self, now: Instant) -> Option<(u64, u64)> {
        let is_stale = |span: &&mut Span| {
            now.saturating_duration_since(span.moved_at) >= STALE && span.next < span.end
        };
        let span = self.spans.values_mut().find(is_stale)?;
        let rest = (span.next, span.end);
        span.end = span.next;
        Some(rest)
    }
}

/// The begin of the chunk group before which ranges have so many bytes, or a little more.
fn middle(ranges: &[(u64, u64)], mut bytes: u64) -> u64 {
    for (start, end) in ranges {
        if bytes < end - start {
            return (start + bytes).next_multiple_of(GROUP);
        }
        bytes -= end - start;
    }
    ranges.last().map_or(0, |range| range.1)
}

/// What is left of ranges without the bytes from `start` to `end`.
fn without(ranges: &[(u64, u64)], start: u64, end: u64) -> Vec<(u64, u64)> {
    let parts = |&(first, last): &(u64, u64)| [(first, last.min(start)), (first.max(end), last)];
    let parts = ranges.iter().flat_map(parts).filter(|(first, last)| first < last);
    if start < end { parts.collect() } else { ranges.to_vec() }
}

/// The parts of ranges between `start` and `end`.
pub(super) fn ranges_between(ranges: &[(u64, u64)], start: u64, end: u64) -> Vec<(u64, u64)> {
    let cut = |&(first, last): &(u64, u64)| (first.max(start), last.min(end));
    ranges.iter().map(cut).filter(|(first, last)| first < last).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_share_that_stands_still_goes_to_somebody_else() {
        let now = tokio::time::Instant::now().into_std();
        let (mut shares, missing) = (Shares::default(), [(0, MIB)]);
        assert_eq!(shares.give(&missing, now), Some((1, 0, MIB)));
        assert!(!shares.is_over_at(1, 2 * GROUP, now));
        assert_eq!(shares.give(&missing, now + STALE / 2), None);
        assert_eq!(shares.give(&missing, now + STALE), Some((2, 2 * GROUP, MIB)));
        assert!(shares.is_over_at(1, 2 * GROUP, now + STALE));
    }

    #[test]
    fn halves_have_equally_much_to_bring() {
        let now = tokio::time::Instant::now().into_std();
        let missing = [(0, 3 * MIB), (50 * MIB, 51 * MIB)];
        let mut shares = Shares::default();
        assert_eq!(shares.give(&missing, now), Some((1, 0, 51 * MIB)));
        assert_eq!(shares.give(&missing, now), Some((2, 2 * MIB, 51 * MIB)));
    }

    proptest! {
        /// Several bring an attachment; some stop now and then, and what they had is given out again.
        #[test]
        fn all_is_brought_and_no_two_bring_the_same(
            size in 1..64 * MIB,
            steps in prop::collection::vec((0..5_usize, any::<bool>(), 1..400_u64), 1..120),
        ) {
            let now = tokio::time::Instant::now().into_std();
            let (mut shares, mut missing) = (Shares::default(), vec![(0, size)]);
            let mut workers: [Option<(u64, u64)>; 5] = [None; 5];
            let mut turn = |worker: usize, stops: bool, groups: u64, missing: &mut Vec<_>| {
                let Some((number, mut next)) = workers[worker].take() else {
                    let given = shares.give(missing, now);
                    workers[worker] = given.map(|(number, begin, _)| (number, begin));
                    let mut spans: Vec<_> =
                        shares.spans.values().map(|span| (span.next, span.end)).collect();
                    spans.sort_unstable();
                    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{spans:?}");
                    return;
                };
                for _ in 0..groups {
                    if shares.is_over_at(number, next, now) {
                        shares.give_back(number);
                        return;
                    }
                    let end = (next + GROUP).min(size);
                    *missing = without(missing, next, end);
                    next = end;
                }
                if stops {
                    shares.give_back(number);
                } else {
                    workers[worker] = Some((number, next));
                }
            };
            for (worker, stops, groups) in steps {
                turn(worker, stops, groups, &mut missing);
            }
            for round in 0..100_000 {
                turn(round % 5, false, 400, &mut missing);
                if missing.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(missing, vec![]);
        }
    }
}
