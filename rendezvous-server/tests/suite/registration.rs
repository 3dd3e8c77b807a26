//! Coming, registering, being replaced and going, with injected time.

use std::time::Duration;

use rendezvous_server::{
    config::Config,
    service::{Effect, Input},
};
use wire::{
    bounded::Bounded,
    limits::VERSION,
    rendezvous::{ClientFrame, NoticeKind, Push, Refusal, Request, Response},
};

use crate::{
    people::{account, device, first_record, name, record, tag},
    scenario::{Scenario, presence},
};

#[test]
fn nothing_is_answered_before_hello_and_registration() {
    let mut scenario = Scenario::new(&Config::default());
    let client = scenario.open(1, "127.0.0.1");
    let requests = || {
        [
            Request::Announce { addresses: Bounded::default() },
            Request::Lookup { username: name("bob") },
            Request::Watch { accounts: Bounded::truncated([account(1)]) },
            Request::Join { tag: tag(1) },
            Request::Leave { tag: tag(1) },
            Request::Members { tag: tag(1) },
        ]
    };
    let register = Request::Register { record: first_record(1, "bob") };
    for request in requests().into_iter().chain([register]) {
        assert_eq!(scenario.ask(client, request), Err(Refusal::NotRegistered));
    }
    scenario.hello(client);
    for request in requests() {
        let answer = match request {
            // Whoever comes back needs the newest record to register with.
            Request::Lookup { .. } => Refusal::NotFound,
            _ => Refusal::NotRegistered,
        };
        assert_eq!(scenario.ask(client, request), Err(answer));
    }
}

#[test]
fn another_version_is_refused() {
    let mut scenario = Scenario::new(&Config::default());
    let client = scenario.open(1, "127.0.0.1");
    let hello = Request::Hello { version: VERSION + 1, token: None };
    assert_eq!(scenario.ask(client, hello), Err(Refusal::Version));
    let register = Request::Register { record: first_record(1, "bob") };
    assert_eq!(scenario.ask(client, register), Err(Refusal::NotRegistered));
}

#[test]
fn a_registration_admits_the_device_to_the_relay() {
    let mut scenario = Scenario::new(&Config::default());
    let client = scenario.open(1, "127.0.0.1");
    scenario.hello(client);
    let (result, effects) = scenario.register(client, &first_record(1, "bob"));
    assert_eq!(result, Ok(Response::Done));
    assert_eq!(effects, [Effect::Admit(device(1))]);
    assert_eq!(scenario.handle(Input::Closed(client)), [Effect::Dismiss(device(1))]);
}

#[test]
fn a_refused_registration_changes_nothing() {
    let mut scenario = Scenario::new(&Config::default());
    scenario.person(1, "bob");
    let client = scenario.open(2, "127.0.0.1");
    scenario.hello(client);
    let (result, effects) = scenario.register(client, &first_record(2, "b0b"));
    assert_eq!((result, effects), (Err(Refusal::NameTaken), vec![]));
    assert_eq!(scenario.ask(client, Request::Join { tag: tag(1) }), Err(Refusal::NotRegistered));
    let (result, _) = scenario.register(client, &first_record(2, "rob"));
    assert_eq!(result, Ok(Response::Done), "another try on the same stream");
}

#[test]
fn a_second_stream_of_a_device_replaces_the_first() {
    let mut scenario = Scenario::new(&Config::default());
    let watcher = scenario.person(2, "watcher");
    let first = scenario.person(1, "bob");
    scenario.watch(watcher, &[1]);
    scenario.ask_fully(first, Request::Join { tag: tag(1) }).0.unwrap();
    let second = scenario.open(1, "127.0.0.1");
    scenario.hello(second);
    assert_eq!(
        scenario.ask(first, Request::Members { tag: tag(1) }),
        Ok(Response::Members(Bounded::default())),
        "the first serves until the second has registered"
    );
    let (result, effects) = scenario.register(second, &first_record(1, "bob"));
    assert_eq!(result, Ok(Response::Done));
    let text = "this device registered from another connection".to_owned();
    let push = Push::Notice { kind: NoticeKind::Replaced, text };
    assert_eq!(effects, [Effect::Push { clients: vec![first], push }, Effect::Close(first)]);
    assert_eq!(scenario.handle(Input::Closed(first)), [], "the device is still there");
    let closed = scenario.handle(Input::Closed(second));
    assert_eq!(closed, [Effect::Dismiss(device(1)), presence(watcher, account(1), &[])]);
}

#[test]
fn a_device_has_one_stream_that_waits_to_register() {
    let mut scenario = Scenario::new(&Config::default());
    let first = scenario.open(1, "127.0.0.1");
    let origin = Some("127.0.0.1".parse().unwrap());
    let second = rendezvous_server::service::ClientId(99);
    let opened = scenario.handle(Input::Opened { client: second, device: device(1), origin });
    assert_eq!(opened, [Effect::Close(first)]);
    scenario.hello(second);
}

#[test]
fn a_registration_that_outlives_its_stream_is_kept_but_makes_nobody_present() {
    let mut scenario = Scenario::new(&Config::default());
    let watcher = scenario.person(2, "watcher");
    scenario.watch(watcher, &[1]);
    let client = scenario.open(1, "127.0.0.1");
    scenario.hello(client);
    let request = Request::Register { record: first_record(1, "bob") };
    let frame = ClientFrame { id: 5, request };
    let effects = scenario.service.handle(scenario.now, Input::Request { client, frame });
    let [Effect::Ask(question)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(scenario.handle(Input::Closed(client)), []);
    let answer = scenario.answer(question.clone());
    assert_eq!(scenario.handle(Input::Answer(answer)), []);
    assert_eq!(scenario.names.0.len(), 2, "the name is stored");
}

#[test]
fn a_new_record_is_told_and_ends_the_devices_it_leaves_out() {
    let mut scenario = Scenario::new(&Config::default());
    let watcher = scenario.person(9, "watcher");
    let old = scenario.person(1, "bob");
    scenario.watch(watcher, &[1]);
    let renewed = record(1, "bob", &[device(2)], Some(&first_record(1, "bob")));
    let new = scenario.open(2, "127.0.0.1");
    scenario.hello(new);
    let (result, effects) = scenario.register(new, &renewed);
    assert_eq!(result, Ok(Response::Done));
    let changed = Push::RecordChanged { record: renewed.clone() };
    assert_eq!(
        effects,
        [
            Effect::Push { clients: vec![watcher], push: changed },
            Effect::Close(old),
            Effect::Dismiss(device(1)),
            presence(watcher, account(1), &[]),
            Effect::Admit(device(2)),
            presence(watcher, account(1), &[device(2)]),
        ]
    );
    let again = scenario.open(1, "127.0.0.1");
    scenario.hello(again);
    let (result, _) = scenario.register(again, &first_record(1, "bob"));
    assert_eq!(result, Err(Refusal::RecordOutdated));
    let (result, _) = scenario.register(again, &renewed);
    assert_eq!(result, Err(Refusal::RecordInvalid));
}

#[test]
fn a_device_that_changes_its_account_leaves_the_old_one() {
    let mut scenario = Scenario::new(&Config::default());
    let watcher = scenario.person(9, "watcher");
    let client = scenario.person(1, "bob");
    scenario.watch(watcher, &[1, 2]);
    let (result, effects) =
        scenario.register(client, &record(2, "rob", &[device(1), device(2)], None));
    assert_eq!(result, Ok(Response::Done));
    assert_eq!(
        effects,
        [
            Effect::Dismiss(device(1)),
            presence(watcher, account(1), &[]),
            Effect::Admit(device(1)),
            presence(watcher, account(2), &[device(1)]),
        ]
    );
}

#[test]
fn strangers_are_disconnected_after_their_time() {
    let config = Config::default();
    let patience = Duration::from_secs(config.connections.registration_seconds);
    let mut scenario = Scenario::new(&config);
    scenario.handle(Input::Connected(device(1)));
    let guest = scenario.person(2, "bob");
    assert_eq!(scenario.service.next_deadline(), Some(scenario.now + patience));
    scenario.wait(patience);
    assert_eq!(scenario.handle(Input::Tick), [Effect::Disconnect(device(1))]);
    scenario.handle(Input::Disconnected(device(1)));
    scenario.handle(Input::Closed(guest));
    assert_eq!(scenario.service.next_deadline(), Some(scenario.now + patience));
    scenario.wait(patience);
    assert_eq!(scenario.handle(Input::Tick), [Effect::Disconnect(device(2))]);
    scenario.handle(Input::Disconnected(device(2)));
    assert_eq!(scenario.service.next_deadline(), None);
}

#[test]
fn requests_beyond_the_rate_are_refused_with_a_time() {
    let mut config = Config::default();
    config.requests.burst = 100;
    config.requests.per_second = 10;
    let mut scenario = Scenario::new(&config);
    let client = scenario.person(1, "bob");
    let lookup = || Request::Lookup { username: name("nobody") };
    let answers: Vec<_> = (0..100).map(|_| scenario.ask(client, lookup())).collect();
    let refused = Err(Refusal::RateLimited { retry_after: 1 });
    let allowed = answers.iter().take_while(|it| **it == Err(Refusal::NotFound)).count();
    assert!((70..90).contains(&allowed), "{allowed}: the burst without opening and registering");
    assert!(answers[allowed..].iter().all(|it| *it == refused));
    scenario.wait(Duration::from_secs(1));
    let answers: Vec<_> = (0..11).map(|_| scenario.ask(client, lookup())).collect();
    assert_eq!(answers[9..], [Err(Refusal::NotFound), refused]);
}

#[test]
fn a_flood_of_streams_is_closed() {
    let mut config = Config::default();
    config.requests.burst = 100;
    let mut scenario = Scenario::new(&config);
    for _ in 0..100 {
        let client = scenario.open(1, "192.0.2.1");
        scenario.handle(Input::Closed(client));
    }
    let client = rendezvous_server::service::ClientId(1_000);
    let opened = scenario.handle(Input::Opened { client, device: device(1), origin: None });
    assert_eq!(opened, [Effect::Close(client)]);
}

#[test]
fn a_network_takes_a_bounded_number_of_new_names() {
    let mut config = Config::default();
    config.requests.new_names_burst = 2;
    config.requests.new_names_per_hour = 1;
    let mut scenario = Scenario::new(&config);
    let register = |scenario: &mut Scenario, n: u8, origin: &str| {
        let client = scenario.open(n, origin);
        scenario.hello(client);
        let result = scenario.register(client, &first_record(n, &format!("person{n}"))).0;
        scenario.handle(Input::Closed(client));
        result
    };
    let limited = |result| matches!(result, Err(Refusal::RateLimited { .. }));
    assert_eq!(register(&mut scenario, 1, "192.0.2.1"), Ok(Response::Done));
    for _ in 0..5 {
        assert_eq!(register(&mut scenario, 1, "192.0.2.1"), Ok(Response::Done), "coming back");
    }
    assert_eq!(register(&mut scenario, 2, "192.0.2.1"), Ok(Response::Done));
    assert!(limited(register(&mut scenario, 3, "192.0.2.1")));
    assert_eq!(register(&mut scenario, 1, "192.0.2.1"), Ok(Response::Done), "coming back");
    assert_eq!(register(&mut scenario, 3, "192.0.2.2"), Ok(Response::Done), "elsewhere");
    scenario.wait(Duration::from_hours(1));
    assert_eq!(register(&mut scenario, 4, "192.0.2.1"), Ok(Response::Done), "later");
    for n in 10..40 {
        assert_eq!(register(&mut scenario, n, "127.0.0.1"), Ok(Response::Done), "loopback");
    }
}

#[test]
fn all_clients_learn_of_the_shutdown() {
    let mut scenario = Scenario::new(&Config::default());
    let registered = scenario.person(1, "bob");
    let waiting = scenario.open(2, "127.0.0.1");
    let effects = scenario.handle(Input::ShutDown);
    let [Effect::Push { clients, push: Push::Notice { kind, .. } }, rest @ ..] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((&clients[..], *kind), (&[registered, waiting][..], NoticeKind::ShuttingDown));
    assert_eq!(rest, [Effect::Close(registered), Effect::Close(waiting)]);
}
