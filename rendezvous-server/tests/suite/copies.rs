//! How many copies of a group's message leave the server, and to whom.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use rendezvous_server::{
    config::Config,
    service::{ClientId, Effect, Input},
};
use tokio::time::Instant;
use wire::{
    id::DeviceId,
    limits::GOSSIP_MAX,
    rendezvous::{Refusal, Request, Response},
};

use crate::{
    client::Client,
    client_swarm::ClientEvent,
    people::{device, tag},
    scenario::Scenario,
    test_server::{PATIENCE, TestServer},
};

/// Members of a group of real clients.
const CLIENTS: u8 = 20;
/// Copies that gossip makes of a message at most.
const MESH: usize = 8;

fn copies(scenario: &mut Scenario, from: u8, sealed: Vec<u8>) -> Vec<(DeviceId, ClientId)> {
    let message = Input::GroupMessage { from: device(from), tag: tag(1), sealed, message: vec![7] };
    let effects = scenario.handle(message);
    let copies = effects.into_iter().filter_map(|effect| match effect {
        Effect::Copy { members, .. } => Some(members),
        _ => None,
    });
    copies.flatten().collect()
}

fn set_copies(scenario: &mut Scenario, client: ClientId, wanted: bool) {
    let request = Request::Copies { tag: tag(1), wanted };
    assert_eq!(scenario.ask(client, request), Ok(Response::Done));
}

#[test]
fn members_get_a_copy_each_while_they_want_it() {
    let mut scenario = Scenario::new(&Config::default());
    let clients: Vec<_> = (1..=4).map(|n| scenario.person(n, &format!("person{n}"))).collect();
    for client in &clients {
        let joined = scenario.ask_fully(*client, Request::Join { tag: tag(1) });
        assert_eq!(joined.0, Ok(Response::Done));
    }
    let mut all = [(device(2), clients[1]), (device(3), clients[2]), (device(4), clients[3])];
    all.sort_unstable();
    assert_eq!(copies(&mut scenario, 1, b"sealed".to_vec()), all, "all but the sender");
    set_copies(&mut scenario, clients[1], false);
    set_copies(&mut scenario, clients[2], false);
    assert_eq!(copies(&mut scenario, 1, b"sealed".to_vec()), [(device(4), clients[3])]);
    set_copies(&mut scenario, clients[2], true);
    assert_eq!(copies(&mut scenario, 4, b"sealed".to_vec()).len(), 2, "the first and the third");
    assert_eq!(copies(&mut scenario, 1, vec![0; GOSSIP_MAX + 1]), [], "too long for a frame");
    let outsider = scenario.person(9, "outsider");
    let request = Request::Copies { tag: tag(1), wanted: true };
    assert_eq!(scenario.ask(outsider, request), Err(Refusal::NotFound));
    assert_eq!(copies(&mut scenario, 9, b"sealed".to_vec()), [], "not from a member");
}

/// How many of the clients get a message, and how many of them are among `wanting`.
async fn receivers(
    clients: &mut [Client],
    wanting: &BTreeSet<DeviceId>,
    data: &[u8],
) -> (usize, usize) {
    clients[0].publish(tag(1), data.to_vec()).await.unwrap();
    let receiving = clients.iter_mut().skip(1).map(|client| {
        let patience = if wanting.contains(&client.device) { PATIENCE } else { 2 * SECOND };
        async move {
            let until = Instant::now() + patience;
            let mut count = 0;
            while count == 0
                && let Some(event) = client.next_event(until - Instant::now()).await
            {
                let is_it = matches!(&event, ClientEvent::Message { data: it, .. } if it == data);
                count += usize::from(is_it);
            }
            (client.device, count)
        }
    });
    let received: Vec<_> = join_all(receiving).await;
    let got = received.iter().filter(|(_, count)| *count > 0);
    let wanted = received.iter().filter(|(who, count)| *count > 0 && wanting.contains(who));
    (got.count(), wanted.count())
}

const SECOND: Duration = Duration::from_secs(1);

/// The clients have no connection but that to the server, so what they get are its copies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_members_a_few_get_a_copy_and_all_who_want_one() {
    let server = TestServer::start().await;
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        let mut client = Client::register(n, &server.tcp, &format!("member-{n}")).await;
        client.join(tag(1)).await;
        client.relayed(tag(1)).await;
        clients.push(client);
    }
    let nobody = BTreeSet::new();
    let everybody: BTreeSet<_> = clients.iter().skip(1).map(|client| client.device).collect();
    let (got, wanted) = receivers(&mut clients, &everybody, b"to all").await;
    assert_eq!((got, wanted), (19, 19), "all of whom nothing else is known");
    for client in &mut clients {
        let request = Request::Copies { tag: tag(1), wanted: false };
        assert_eq!(client.ask(request).await, Ok(Response::Done));
    }
    let (got, _) = receivers(&mut clients, &nobody, b"to the mesh").await;
    assert!((1..=MESH).contains(&got), "{got} copies");
    let wanting: BTreeSet<_> = clients.iter().skip(1).take(4).map(|it| it.device).collect();
    for client in clients.iter_mut().skip(1).take(4) {
        let request = Request::Copies { tag: tag(1), wanted: true };
        assert_eq!(client.ask(request).await, Ok(Response::Done));
    }
    let (got, wanted) = receivers(&mut clients, &wanting, b"to some").await;
    assert_eq!(wanted, 4);
    assert!(got <= MESH + 4, "{got} copies");
    server.stop().await;
}
