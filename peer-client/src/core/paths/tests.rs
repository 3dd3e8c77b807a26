use super::{device::RELAY_DELAY, *};
use crate::core::tests::beginning;

fn device(n: u8) -> DeviceId {
    DeviceId::new([n; 32])
}

fn address() -> Multiaddr {
    "/ip4/192.0.2.1/tcp/1".parse().unwrap()
}

fn opened(relayed: bool) -> Opened {
    Opened { relayed, transport: Transport::Quic, dialled: true, punched: false, address: None }
}

#[test]
fn direct_is_tried_at_once_and_the_circuit_after_it() {
    let now = beginning();
    let mut paths = Paths::new(device(1), false);
    paths.want(device(2), &[address()], false, now);
    assert_eq!(paths.tick(now), [PathAction::Dial(device(2), vec![address()])]);
    assert_eq!(paths.next_deadline(), Some(now + RELAY_DELAY));
    assert_eq!(paths.tick(now + RELAY_DELAY), [PathAction::Dial(device(2), vec![])]);
    assert_eq!(paths.next_deadline(), None);
}

#[test]
fn a_direct_connection_spares_the_circuit() {
    let now = beginning();
    let mut paths = Paths::new(device(1), false);
    paths.want(device(2), &[address()], false, now);
    paths.tick(now);
    paths.opened(device(2), LinkId(1), opened(false), beginning());
    assert_eq!(paths.tick(now + RELAY_DELAY), []);
}

#[test]
fn relay_only_never_dials_an_address() {
    let now = beginning();
    let mut paths = Paths::new(device(1), true);
    paths.want(device(2), &[address()], true, now);
    assert_eq!(paths.tick(now), [PathAction::Dial(device(2), vec![])]);
}

#[test]
fn the_relayed_connection_is_closed_once_the_direct_one_answers() {
    let mut paths = Paths::new(device(1), false);
    paths.opened(device(2), LinkId(1), opened(true), beginning());
    let actions = paths.opened(device(2), LinkId(2), opened(false), beginning());
    assert!(!actions.contains(&PathAction::Close(LinkId(1))), "{actions:?}");
    let actions = paths.round_trip(LinkId(2), 3);
    assert!(actions.contains(&PathAction::Close(LinkId(1))), "{actions:?}");
    assert!(paths.road(&device(2)).is_some_and(|road| !road.relayed && road.rtt_ms == Some(3)));
}

#[test]
fn only_the_smaller_device_closes_a_second_connection_of_one_kind() {
    let cases =
        [(1, 2, false, true), (2, 1, false, false), (1, 2, true, true), (2, 1, true, false)];
    for (own, other, relayed, closes) in cases {
        let mut paths = Paths::new(device(own), false);
        paths.opened(device(other), LinkId(1), opened(relayed), beginning());
        let actions = paths.opened(device(other), LinkId(2), opened(relayed), beginning());
        assert_eq!(actions.contains(&PathAction::Close(LinkId(2))), closes);
        assert!(!actions.contains(&PathAction::Close(LinkId(1))));
    }
}

#[test]
fn who_knows_of_the_newer_connection_alone_has_lost_the_older() {
    let now = beginning();
    let soon = now + SAME_TIME / 2;
    // The device that decides has moved: it does not know of the first one any more.
    let mut paths = Paths::new(device(2), false);
    paths.opened(device(1), LinkId(1), opened(false), now);
    assert!(!closes_any(&paths.opened(device(1), LinkId(2), opened(false), soon)));
    let due = paths.next_deadline().unwrap();
    assert_eq!(due, soon + DECIDED_WITHIN);
    assert_eq!(paths.tick(due), [PathAction::Close(LinkId(1))]);
    assert_eq!(paths.next_deadline(), None);

    // It decides in time, and nothing else is closed.
    let mut paths = Paths::new(device(2), false);
    paths.opened(device(1), LinkId(1), opened(false), now);
    paths.opened(device(1), LinkId(2), opened(false), soon);
    paths.closed(LinkId(2), soon);
    assert!(!closes_any(&paths.tick(soon + DECIDED_WITHIN)));
}

fn closes_any(actions: &[PathAction]) -> bool {
    actions.iter().any(|action| matches!(action, PathAction::Close(_)))
}

#[test]
fn failed_dials_are_repeated_ever_less_often() {
    let mut now = beginning();
    let mut paths = Paths::new(device(1), false);
    paths.want(device(2), &[], true, now);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        paths.tick(now);
        paths.dial_failed(&device(2), now);
        let next = paths.next_deadline().unwrap();
        pauses.push((next - now).as_secs());
        now = next;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn a_lost_connection_to_a_wanted_device_is_made_again() {
    let now = beginning();
    let mut paths = Paths::new(device(1), false);
    paths.want(device(2), &[address()], false, now);
    paths.tick(now);
    paths.opened(device(2), LinkId(1), opened(false), now);
    let later = now + 2 * SAME_TIME;
    let actions = paths.closed(LinkId(1), later);
    assert_eq!(actions, [PathAction::Changed(device(2), None)]);
    assert_eq!(paths.tick(later), [PathAction::Dial(device(2), vec![address()])]);
    paths.unwant(&device(2));
    assert_eq!(paths.next_deadline(), None);
}

#[test]
fn one_that_was_lost_at_once_is_made_again_after_a_pause() {
    let now = beginning();
    let mut paths = Paths::new(device(1), false);
    paths.want(device(2), &[address()], false, now);
    paths.tick(now);
    paths.opened(device(2), LinkId(1), opened(false), now);
    paths.closed(LinkId(1), now);
    assert_eq!(paths.tick(now), []);
    assert_eq!(paths.tick(now + SHORT_PAUSE), [PathAction::Dial(device(2), vec![address()])]);
}

fn families() -> Families {
    Families::of(&["/ip4/10.0.0.2/tcp/1".parse().unwrap()])
}

#[test]
fn what_has_no_usable_address_is_dialled_through_the_circuit_at_once() {
    let now = beginning();
    let mut paths = Paths::new(device(1), false);
    paths.network_changed(families(), now);
    let only_v6 = "/ip6/2001:db8::1/tcp/1".parse().unwrap();
    paths.want(device(2), &[only_v6], true, now);
    assert_eq!(paths.tick(now), [PathAction::Dial(device(2), vec![])]);
}

/// A device that is wanted and only relayed, after its direct address was tried in vain.
fn relayed(now: Instant) -> Paths {
    let mut paths = Paths::new(device(1), false);
    paths.want(device(2), &[address()], true, now);
    paths.tick(now);
    paths.opened(device(2), LinkId(1), opened(true), beginning());
    paths.dial_failed(&device(2), now);
    paths
}

fn direct() -> [PathAction; 1] {
    [PathAction::Dial(device(2), vec![address()])]
}

#[test]
fn a_relayed_device_is_tried_directly_ever_less_often() {
    let mut now = beginning();
    let mut paths = relayed(now);
    let mut minutes = Vec::new();
    for _ in 0..6 {
        let next = paths.next_deadline().unwrap();
        minutes.push((next - now).as_secs() / 60);
        now = next;
        assert_eq!(paths.tick(now), direct());
        paths.dial_failed(&device(2), now);
    }
    assert_eq!(minutes, [1, 2, 4, 8, 16, 16]);
}

#[test]
fn a_relayed_device_is_tried_directly_when_it_or_this_one_moved() {
    let now = beginning();
    let mut paths = relayed(now);
    assert_eq!(paths.tick(now), []);
    paths.network_changed(families(), now);
    assert_eq!(paths.tick(now), direct());
    paths.learn(device(2), &[address()], now);
    assert_eq!(paths.tick(now), [], "that was known");
    let other: Multiaddr = "/ip4/192.0.2.9/tcp/1".parse().unwrap();
    paths.learn(device(2), std::slice::from_ref(&other), now);
    assert_eq!(paths.tick(now), [PathAction::Dial(device(2), vec![other, address()])]);
}

#[test]
fn a_direct_connection_ends_the_attempts() {
    let now = beginning();
    let mut paths = relayed(now);
    paths.opened(device(2), LinkId(2), opened(false), beginning());
    assert_eq!(paths.next_deadline(), None);
    paths.network_changed(families(), now);
    assert_eq!(paths.next_deadline(), None);
}

#[test]
fn of_two_connections_made_apart_the_older_is_dead() {
    let now = beginning();
    for own in [1, 3] {
        let mut paths = Paths::new(device(own), false);
        paths.opened(device(2), LinkId(1), opened(false), now);
        let actions = paths.opened(device(2), LinkId(2), opened(false), now + 2 * SAME_TIME);
        assert!(actions.contains(&PathAction::Close(LinkId(1))), "{own}: {actions:?}");
        assert!(!actions.contains(&PathAction::Close(LinkId(2))), "{own}: {actions:?}");
    }
}

#[test]
fn what_needed_an_address_that_is_gone_is_given_up_and_tried_anew() {
    let now = beginning();
    let mut paths = Paths::new(device(1), false);
    paths.want(device(2), &[address()], false, now);
    paths.tick(now);
    let at = "/ip6/2001:db8::7/tcp/1".parse().unwrap();
    let v6 = Opened { address: Some(at), ..opened(false) };
    paths.opened(device(2), LinkId(1), v6, now);
    let v4 = Families::of(&[address()]);
    assert_eq!(paths.addresses_lost(v4, now).1, [], "it goes over IPv6");
    let (devices, actions) = paths.addresses_lost(Families::all(), now);
    assert_eq!(devices, [device(2)]);
    assert!(actions.contains(&PathAction::Close(LinkId(1))), "{actions:?}");
    assert!(!paths.is_linked(&device(2)));
    assert!(matches!(paths.tick(now)[..], [PathAction::Dial(..)]));
}

#[test]
fn from_whom_the_address_is_kept_is_dialled_through_circuits_alone() {
    let now = beginning();
    let mut paths = Paths::new(device(1), false);
    paths.hide_from([device(2)].into());
    paths.want(device(2), &[address()], true, now);
    assert_eq!(paths.tick(now), [PathAction::Dial(device(2), vec![])]);
    paths.opened(device(2), LinkId(1), opened(true), now);
    paths.learn(device(2), &["/ip4/192.0.2.9/tcp/1".parse().unwrap()], now);
    assert_eq!(paths.tick(now + RETRY_MAX), []);
}
