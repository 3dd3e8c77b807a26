//! Membership of groups and its quotas, alone.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};
use rendezvous_server::{
    config::GroupConfig,
    topics::{Joined, LINGER, QuotaReached, Topics},
};

use crate::people::{device, tag};

const NEW: Joined = Joined { is_new: true, subscribe: false, unsubscribe: None };
const FIRST: Joined = Joined { is_new: true, subscribe: true, unsubscribe: None };

fn quotas() -> GroupConfig {
    GroupConfig { total: 3, per_device: 2, members: 2, memberships: 5, ..GroupConfig::default() }
}

#[test]
fn the_first_member_subscribes_and_an_empty_topic_expires() {
    let mut topics = Topics::new(quotas());
    let now = Instant::now();
    assert_eq!(topics.join(tag(1), device(1)), Ok(FIRST));
    assert_eq!(topics.join(tag(1), device(2)), Ok(NEW));
    assert_eq!(topics.join(tag(1), device(2)), Ok(Joined::default()));
    topics.leave(tag(1), device(1), now);
    assert_eq!(topics.next_deadline(), None);
    topics.leave(tag(1), device(2), now);
    assert_eq!(topics.expired(now + LINGER / 2), []);
    assert_eq!(topics.next_deadline(), Some(now + LINGER));
    assert_eq!(topics.expired(now + LINGER), [tag(1)]);
    assert_eq!(topics.next_deadline(), None);
    assert_eq!(topics.join(tag(1), device(1)), Ok(FIRST));
}

#[test]
fn a_member_that_comes_back_in_time_finds_the_topic_alive() {
    let mut topics = Topics::new(quotas());
    let now = Instant::now();
    topics.join(tag(1), device(1)).unwrap();
    topics.leave_all(device(1), now);
    assert!(!topics.is_member(&tag(1), &device(1)));
    assert_eq!(topics.join(tag(1), device(1)), Ok(NEW));
    assert_eq!(topics.expired(now + LINGER), []);
}

#[test]
fn quotas_hold_and_leaving_makes_room() {
    let mut topics = Topics::new(quotas());
    let now = Instant::now();
    topics.join(tag(1), device(1)).unwrap();
    topics.join(tag(2), device(1)).unwrap();
    assert_eq!(topics.join(tag(3), device(1)), Err(QuotaReached), "groups of a device");
    topics.join(tag(1), device(2)).unwrap();
    assert_eq!(topics.join(tag(1), device(3)), Err(QuotaReached), "members of a group");
    topics.join(tag(3), device(2)).unwrap();
    assert_eq!(topics.join(tag(4), device(3)), Err(QuotaReached), "groups");
    topics.join(tag(3), device(3)).unwrap();
    assert_eq!(topics.join(tag(2), device(4)), Err(QuotaReached), "memberships");
    topics.leave(tag(1), device(1), now);
    assert_eq!(topics.join(tag(2), device(4)), Ok(NEW));
}

#[test]
fn an_empty_topic_gives_its_place_to_a_new_one() {
    let mut topics = Topics::new(quotas());
    let now = Instant::now();
    for n in 1..4 {
        topics.join(tag(n), device(n)).unwrap();
        topics.leave(tag(n), device(n), now + Duration::from_secs(n.into()));
    }
    let joined = topics.join(tag(9), device(1));
    assert_eq!(joined, Ok(Joined { unsubscribe: Some(tag(1)), ..FIRST }));
    assert_eq!(topics.expired(now + 2 * LINGER), [tag(2), tag(3)]);
}

#[test]
fn a_sample_is_random_bounded_and_without_the_asker() {
    let mut topics = Topics::new(GroupConfig::default());
    for n in 0..50 {
        topics.join(tag(1), device(n)).unwrap();
    }
    let mut rng = StdRng::seed_from_u64(1);
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        let sample = topics.sample(&tag(1), device(7), 16, &mut rng);
        assert_eq!(sample.iter().collect::<BTreeSet<_>>().len(), 16);
        assert!(!sample.contains(&device(7)));
        seen.extend(sample);
    }
    assert_eq!(seen.len(), 49, "every other member is drawn");
    assert_eq!(topics.sample(&tag(2), device(7), 16, &mut rng), []);
}

#[test]
fn members_get_copies_until_they_say_otherwise() {
    let mut topics = Topics::new(GroupConfig::default());
    let now = Instant::now();
    let copied = |topics: &Topics| topics.copied(&tag(1)).copied().collect::<BTreeSet<_>>();
    for n in 1..4 {
        topics.join(tag(1), device(n)).unwrap();
    }
    assert!(topics.set_copied(tag(1), device(1), false));
    topics.join(tag(1), device(1)).unwrap();
    assert_eq!(copied(&topics), BTreeSet::from([device(2), device(3)]), "joined once");
    topics.leave(tag(1), device(2), now);
    topics.leave_all(device(1), now);
    assert!(!topics.set_copied(tag(1), device(2), true), "who left gets none");
    assert_eq!(copied(&topics), BTreeSet::from([device(3)]));
    topics.join(tag(1), device(1)).unwrap();
    assert_eq!(copied(&topics), BTreeSet::from([device(1), device(3)]), "who came back does");
    assert_eq!(topics.copied(&tag(2)).count(), 0);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(u8, u8),
    Copies(u8, u8, bool),
    Leave(u8, u8),
    LeaveAll(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..5, 0u8..4).prop_map(|(tag, device)| Step::Join(tag, device)),
        3 => (0u8..5, 0u8..4).prop_map(|(tag, device)| Step::Leave(tag, device)),
        2 => (0u8..5, 0u8..4, any::<bool>())
            .prop_map(|(tag, device, wanted)| Step::Copies(tag, device, wanted)),
        1 => (0u8..4).prop_map(Step::LeaveAll),
        1 => (0u64..12).prop_map(Step::Wait),
    ]
}

proptest! {
    /// The reference is a set of pairs; what the server is subscribed to follows the effects.
    #[test]
    fn membership_agrees_with_a_set_of_pairs(steps in prop::collection::vec(step(), 1..150)) {
        let quotas = quotas();
        let mut topics = Topics::new(quotas.clone());
        let mut pairs: BTreeSet<(u8, u8)> = BTreeSet::new();
        let mut subscribed = BTreeSet::new();
        let mut without: BTreeSet<(u8, u8)> = BTreeSet::new();
        let mut now = Instant::now();
        for step in steps {
            match step {
                Step::Join(t, d) => {
                    let count = |f: &dyn Fn(&(u8, u8)) -> bool| pairs.iter().filter(|it| f(it)).count();
                    let groups: BTreeSet<u8> = pairs.iter().map(|it| it.0).collect();
                    let room = count(&|it| it.1 == d) < quotas.per_device
                        && count(&|it| it.0 == t) < quotas.members
                        && pairs.len() < quotas.memberships
                        && (groups.contains(&t) || groups.len() < quotas.total);
                    let known = pairs.contains(&(t, d));
                    let joined = topics.join(tag(t), device(d));
                    prop_assert_eq!(joined.is_ok(), known || room);
                    if let Ok(joined) = joined {
                        prop_assert_eq!(joined.is_new, pairs.insert((t, d)));
                        if let Some(gone) = joined.unsubscribe {
                            prop_assert!(subscribed.remove(&gone));
                        }
                        prop_assert_eq!(joined.subscribe, subscribed.insert(tag(t)));
                    }
                }
                Step::Copies(t, d, wanted) => {
                    let is_member = pairs.contains(&(t, d));
                    prop_assert_eq!(topics.set_copied(tag(t), device(d), wanted), is_member);
                    if wanted {
                        without.remove(&(t, d));
                    } else if is_member {
                        without.insert((t, d));
                    }
                }
                Step::Leave(t, d) => {
                    topics.leave(tag(t), device(d), now);
                    pairs.remove(&(t, d));
                }
                Step::LeaveAll(d) => {
                    topics.leave_all(device(d), now);
                    pairs.retain(|it| it.1 != d);
                }
                Step::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    for gone in topics.expired(now) {
                        prop_assert!(subscribed.remove(&gone));
                    }
                    prop_assert!(topics.next_deadline().is_none_or(|at| at > now));
                }
            }
            without.retain(|pair| pairs.contains(pair));
            for t in 0..5 {
                let copied: BTreeSet<_> = topics.copied(&tag(t)).copied().collect();
                let wanting = pairs.difference(&without).filter(|it| it.0 == t);
                prop_assert_eq!(copied, wanting.map(|it| device(it.1)).collect());
                for d in 0..4 {
                    prop_assert_eq!(topics.is_member(&tag(t), &device(d)), pairs.contains(&(t, d)));
                }
                if pairs.iter().any(|it| it.0 == t) {
                    prop_assert!(subscribed.contains(&tag(t)), "members but no subscription");
                }
            }
            prop_assert!(subscribed.len() <= quotas.total);
        }
    }
}
