//! Who is where, who is told, and groups, with injected time.

use std::time::Duration;

use libp2p::Multiaddr;
use rendezvous_server::{
    config::Config,
    requests::MEMBERS_TOLD,
    service::{ClientId, Effect, Input},
    topics::LINGER,
};
use wire::{
    account::AccountRecord,
    bounded::Bounded,
    frame,
    id::AccountId,
    limits::{
        ADDRESSES_MAX, DEVICES_MAX, MEMBERS_PER_ANSWER, RENDEZVOUS_FRAME_MAX, WATCH_MAX,
        WATCH_PER_REQUEST,
    },
    rendezvous::{
        Address, Member, Push, Reachable, Refusal, Request, Response, ServerFrame, Whereabouts,
    },
    signed::Signed,
};

use crate::{
    people::{account, account_key, device, first_record, name, record, tag},
    scenario::{Scenario, presence},
};

fn addresses(texts: &[&str]) -> Bounded<Address, ADDRESSES_MAX> {
    let parsed = texts.iter().map(|text| Address::new(text.parse::<Multiaddr>().unwrap()).unwrap());
    Bounded::truncated(parsed)
}

fn told(to: ClientId, n: u8, texts: &[&str]) -> Effect {
    let reachable = Reachable { device: device(n), addresses: addresses(texts) };
    let push = Push::Presence { account: account(n), devices: Bounded::truncated([reachable]) };
    Effect::Push { clients: vec![to], push }
}

#[test]
fn a_watcher_learns_the_present_state_and_every_change() {
    let mut scenario = Scenario::new(&Config::default());
    let watcher = scenario.person(1, "watcher");
    assert_eq!(scenario.watch(watcher, &[2]), [presence(watcher, account(2), &[])]);
    let bob = scenario.open(2, "127.0.0.1");
    scenario.hello(bob);
    let (_, effects) = scenario.register(bob, &first_record(2, "bob"));
    assert_eq!(effects, [Effect::Admit(device(2)), presence(watcher, account(2), &[device(2)])]);
    let announce = |text| Request::Announce { addresses: addresses(&[text]) };
    let (result, effects) = scenario.ask_fully(bob, announce("/ip4/192.0.2.1/tcp/9"));
    assert_eq!(result, Ok(Response::Done));
    assert_eq!(effects, [told(watcher, 2, &["/ip4/192.0.2.1/tcp/9"])]);
    assert_eq!(scenario.ask(bob, announce("/ip4/192.0.2.1/tcp/9")), Ok(Response::Done), "the same");
    assert_eq!(scenario.watch(watcher, &[2]), [], "watched already");
    assert_eq!(
        scenario.handle(Input::Closed(bob)),
        [Effect::Dismiss(device(2)), presence(watcher, account(2), &[])]
    );
}

#[test]
fn the_remaining_devices_are_told_when_one_goes() {
    let mut scenario = Scenario::new(&Config::default());
    let watcher = scenario.person(1, "watcher");
    let both = record(2, "bob", &[device(2), device(3)], None);
    let mut clients = Vec::new();
    for n in [2, 3] {
        let client = scenario.open(n, "127.0.0.1");
        scenario.hello(client);
        scenario.register(client, &both).0.unwrap();
        clients.push(client);
    }
    let mut sorted = [device(2), device(3)];
    sorted.sort();
    assert_eq!(scenario.watch(watcher, &[2]), [presence(watcher, account(2), &sorted)]);
    assert_eq!(
        scenario.handle(Input::Closed(clients[0])),
        [Effect::Dismiss(device(2)), presence(watcher, account(2), &[device(3)])]
    );
}

#[test]
fn a_lookup_tells_the_record_and_where_its_devices_are() {
    let mut scenario = Scenario::new(&Config::default());
    let alice = scenario.person(1, "alice");
    let bob = scenario.person(2, "bob");
    let announce = Request::Announce { addresses: addresses(&["/ip4/192.0.2.1/tcp/9"]) };
    scenario.ask(bob, announce).unwrap();
    let lookup = || Request::Lookup { username: name("bob") };
    let reachable =
        Reachable { device: device(2), addresses: addresses(&["/ip4/192.0.2.1/tcp/9"]) };
    let record = first_record(2, "bob");
    let found = Whereabouts { record: record.clone(), devices: Bounded::truncated([reachable]) };
    assert_eq!(scenario.ask(alice, lookup()), Ok(Response::Found(found)));
    scenario.handle(Input::Closed(bob));
    let absent = Whereabouts { record, devices: Bounded::default() };
    assert_eq!(scenario.ask(alice, lookup()), Ok(Response::Found(absent)));
    let nobody = Request::Lookup { username: name("nobody") };
    assert_eq!(scenario.ask(alice, nobody), Err(Refusal::NotFound));
}

#[test]
fn a_watcher_that_is_gone_is_told_nothing() {
    let mut scenario = Scenario::new(&Config::default());
    let watcher = scenario.person(1, "watcher");
    scenario.watch(watcher, &[2]);
    scenario.handle(Input::Closed(watcher));
    let bob = scenario.person(2, "bob");
    assert_eq!(scenario.handle(Input::Closed(bob)), [Effect::Dismiss(device(2))]);
}

#[test]
fn the_watched_accounts_are_bounded_for_each_client_and_for_all() {
    let mut config = Config::default();
    config.requests.watched_accounts = WATCH_MAX + 10;
    let mut scenario = Scenario::new(&config);
    let alice = scenario.person(1, "alice");
    let bob = scenario.person(2, "bob");
    let watch = |from: usize, count: usize| {
        let id = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
            AccountId::new(bytes)
        };
        Request::Watch { accounts: Bounded::truncated((from..from + count).map(id)) }
    };
    for request in 0..WATCH_MAX / WATCH_PER_REQUEST {
        let (result, pushes) =
            scenario.ask_fully(alice, watch(request * WATCH_PER_REQUEST, WATCH_PER_REQUEST));
        assert_eq!((result, pushes.len()), (Ok(Response::Done), WATCH_PER_REQUEST));
    }
    assert_eq!(scenario.ask(alice, watch(WATCH_MAX, 1)), Err(Refusal::TooMany));
    assert_eq!(scenario.ask(alice, watch(0, 1)), Ok(Response::Done), "watched already");
    assert_eq!(scenario.ask(bob, watch(0, 11)), Err(Refusal::TooMany), "all or none");
    assert_eq!(scenario.ask_fully(bob, watch(0, 10)).0, Ok(Response::Done));
    scenario.handle(Input::Closed(alice));
    assert_eq!(scenario.ask_fully(bob, watch(0, 11)).0, Ok(Response::Done), "room again");
}

fn join(scenario: &mut Scenario, client: ClientId) -> Vec<Effect> {
    let (result, effects) = scenario.ask_fully(client, Request::Join { tag: tag(1) });
    assert_eq!(result, Ok(Response::Done));
    effects
}

fn member(n: u8, username: &str) -> Member {
    let reachable = Reachable { device: device(n), addresses: Bounded::default() };
    Member { record: first_record(n, username), reachable }
}

#[test]
fn members_learn_of_new_members_and_find_each_other() {
    let mut scenario = Scenario::new(&Config::default());
    let alice = scenario.person(1, "alice");
    let bob = scenario.person(2, "bob");
    assert_eq!(join(&mut scenario, alice), [Effect::Subscribe(tag(1))]);
    let push = Push::MemberJoined { tag: tag(1), member: Box::new(member(2, "bob")) };
    assert_eq!(join(&mut scenario, bob), [Effect::Push { clients: vec![alice], push }]);
    assert_eq!(join(&mut scenario, bob), [], "a member already");
    let members = scenario.ask(bob, Request::Members { tag: tag(1) });
    assert_eq!(members, Ok(Response::Members(Bounded::truncated([member(1, "alice")]))));
    assert_eq!(scenario.ask(alice, Request::Leave { tag: tag(1) }), Ok(Response::Done));
    let members = scenario.ask(bob, Request::Members { tag: tag(1) });
    assert_eq!(members, Ok(Response::Members(Bounded::default())));
    assert_eq!(scenario.handle(Input::Closed(bob)), [Effect::Dismiss(device(2))]);
    scenario.wait(LINGER);
    assert_eq!(scenario.handle(Input::Tick), [Effect::Unsubscribe(tag(1))]);
}

#[test]
fn only_some_members_are_told_of_a_new_one() {
    let mut scenario = Scenario::new(&Config::default());
    for n in 1..=100 {
        let client = scenario.person(n, &format!("person{n}"));
        join(&mut scenario, client);
    }
    let last = scenario.person(101, "last");
    let effects = join(&mut scenario, last);
    let [Effect::Push { clients, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(clients.len(), MEMBERS_TOLD);
    assert!(!clients.contains(&last));
}

#[test]
fn a_full_quota_of_groups_is_told() {
    let mut config = Config::default();
    config.groups.per_device = 1;
    let mut scenario = Scenario::new(&config);
    let alice = scenario.person(1, "alice");
    join(&mut scenario, alice);
    assert_eq!(scenario.ask(alice, Request::Join { tag: tag(2) }), Err(Refusal::TooMany));
}

#[test]
fn only_members_speak_and_not_without_end() {
    let mut config = Config::default();
    config.groups.burst_bytes = 300_000;
    config.groups.bytes_per_second = 100_000;
    let mut scenario = Scenario::new(&config);
    let alice = scenario.person(1, "alice");
    let speak = |scenario: &mut Scenario, length: usize| {
        let message = vec![7];
        let sealed = vec![0; length];
        let input =
            Input::GroupMessage { from: device(1), tag: tag(1), sealed, message: message.clone() };
        match &scenario.handle(input)[..] {
            [Effect::Relay { from, message: about, accept }, copies @ ..] => {
                assert_eq!((*from, about), (device(1), &message));
                assert!(*accept || copies.is_empty());
                *accept
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(!speak(&mut scenario, 100), "no member");
    join(&mut scenario, alice);
    assert!(speak(&mut scenario, 150_000));
    assert!(!speak(&mut scenario, 150_000), "the burst is used up");
    assert!(speak(&mut scenario, 100));
    scenario.wait(Duration::from_secs(2));
    assert!(speak(&mut scenario, 150_000));
    scenario.ask(alice, Request::Leave { tag: tag(1) }).unwrap();
    assert!(!speak(&mut scenario, 100), "not any more");
}

/// The largest answers that the rules allow fit a frame.
#[test]
fn the_largest_answers_fit_a_frame() {
    let devices: Vec<_> = (0..DEVICES_MAX as u8).map(device).collect();
    let username = "a".repeat(32);
    let first = record(1, &username, &devices, None);
    let newest = AccountRecord {
        sequence: u64::MAX,
        issued_at: u64::MAX,
        previous: Some(first.hash()),
        ..first.open().unwrap()
    };
    let newest = Signed::by_account(&newest, &account_key(1));
    let full = |n: u8| {
        // More than is handed on: sixteen addresses of the greatest length of an own one.
        let server = device(200).peer_id();
        let text = |port: u32| {
            let own = device(n).peer_id();
            format!(
                "/ip6/2a00:1234:5678:9abc:def0:1234:5678:9abc/udp/{port}/quic-v1/p2p/{server}/p2p-circuit/p2p/{own}"
            )
        };
        let texts: Vec<_> = (10_000..10_016).map(text).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        rendezvous_server::addresses::introduce(device(n), addresses(&texts), None, server)
    };
    let reachable: Vec<_> = (0..DEVICES_MAX as u8).map(full).collect();
    assert!(reachable[0].addresses.len() > 10, "{}", reachable[0].addresses.len());
    let members = (0..MEMBERS_PER_ANSWER as u8)
        .map(|n| Member { record: newest.clone(), reachable: full(n) });
    let found = Whereabouts {
        record: newest.clone(),
        devices: Bounded::truncated(reachable.iter().cloned()),
    };
    let push = Push::Presence { account: account(1), devices: Bounded::truncated(reachable) };
    for frame in [
        ServerFrame::Response { id: u32::MAX, result: Ok(Response::Found(found)) },
        ServerFrame::Response {
            id: u32::MAX,
            result: Ok(Response::Members(Bounded::truncated(members))),
        },
        ServerFrame::Push(push),
    ] {
        let length = frame::encode(&frame).len() - frame::PREFIX;
        assert!(length <= RENDEZVOUS_FRAME_MAX, "{length}");
    }
}
