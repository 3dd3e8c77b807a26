//! Groups over gossipsub, with real clients.

use libp2p::gossipsub::PublishError;
use wire::{
    bounded::Bounded,
    id::TopicTag,
    rendezvous::{self, Member, Push, Reachable, Refusal, Request, Response},
};

use crate::{
    client::{Client, is_greeting},
    client_swarm::ClientEvent,
    people::{device, first_record, tag},
    test_server::TestServer,
};

#[tokio::test]
async fn members_hear_each_other_and_learn_who_joined() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let mut bob = Client::register(2, &server.quic, "bob").await;
    alice.join(tag(1)).await;
    bob.join(tag(1)).await;
    let reachable = Reachable { device: device(2), addresses: Bounded::default() };
    let member = Box::new(Member { record: first_record(2, "bob"), reachable });
    assert_eq!(alice.push().await, Push::MemberJoined { tag: tag(1), member });
    let Ok(Response::Members(members)) = bob.ask(Request::Members { tag: tag(1) }).await else {
        panic!("no members")
    };
    assert_eq!(members.iter().map(|it| it.reachable.device).collect::<Vec<_>>(), [device(1)]);
    alice.meet(&mut bob, tag(1)).await;
    alice.publish(tag(1), b"one".to_vec()).await.unwrap();
    assert_eq!(bob.message().await, (rendezvous::topic(&tag(1)), b"one".to_vec()));
    bob.publish(tag(1), b"two".to_vec()).await.unwrap();
    assert_eq!(alice.message().await.1, b"two");
    server.stop().await;
}

#[tokio::test]
async fn the_largest_message_arrives() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let mut bob = Client::register(2, &server.tcp, "bob").await;
    for client in [&mut alice, &mut bob] {
        client.join(tag(1)).await;
    }
    alice.meet(&mut bob, tag(1)).await;
    for n in 0..4 {
        let large = vec![n; wire::limits::GOSSIP_MAX];
        alice.publish(tag(1), large.clone()).await.unwrap();
        assert!(bob.message().await.1 == large, "message {n}");
    }
    server.stop().await;
}

#[tokio::test]
async fn who_is_no_member_is_not_relayed() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let mut intruder = Client::register(2, &server.tcp, "intruder").await;
    for n in [1, 2] {
        alice.join(tag(n)).await;
        intruder.join(tag(n)).await;
        intruder.meet(&mut alice, tag(n)).await;
    }
    assert_eq!(intruder.ask(Request::Leave { tag: tag(1) }).await, Ok(Response::Done));
    intruder.publish(tag(1), b"not a member".to_vec()).await.unwrap();
    intruder.publish(tag(2), b"a member".to_vec()).await.unwrap();
    assert_eq!(alice.message().await, (rendezvous::topic(&tag(2)), b"a member".to_vec()));
    while let Some(event) = alice.try_event() {
        let is_message = matches!(&event, ClientEvent::Message { data, .. } if !is_greeting(data));
        assert!(!is_message, "{event:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_topic_without_members_is_not_relayed() {
    let server = TestServer::start().await;
    let alice = Client::register(1, &server.tcp, "alice").await;
    alice.subscribe(tag(1)).await;
    let error = alice.publish(tag(1), b"hello?".to_vec()).await.unwrap_err();
    assert!(matches!(error, PublishError::NoPeersSubscribedToTopic), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn who_leaves_and_comes_back_hears_again() {
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    let mut bob = Client::register(2, &server.tcp, "bob").await;
    for client in [&mut alice, &mut bob] {
        client.join(tag(1)).await;
    }
    alice.meet(&mut bob, tag(1)).await;
    assert_eq!(bob.ask(Request::Leave { tag: tag(1) }).await, Ok(Response::Done));
    let topic = crate::client::topic(tag(1));
    assert!(bob.on_swarm(move |swarm| swarm.behaviour_mut().gossip.unsubscribe(&topic)).await);
    bob.join(tag(1)).await;
    alice.meet(&mut bob, tag(1)).await;
    alice.publish(tag(1), b"welcome back".to_vec()).await.unwrap();
    assert_eq!(bob.message().await.1, b"welcome back");
    server.stop().await;
}

fn numbered(n: u16) -> TopicTag {
    let mut bytes = [7; TopicTag::LENGTH];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    TopicTag::new(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_topics_work() {
    const TOPICS: u16 = 2_000;
    let server = TestServer::start().await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    for n in 0..TOPICS {
        alice.join(numbered(n)).await;
    }
    let last = numbered(TOPICS - 1);
    // The server tells a newcomer all topics in one transmission.
    let mut bob = Client::register(2, &server.quic, "bob").await;
    bob.join(last).await;
    bob.meet(&mut alice, last).await;
    bob.publish(last, b"hello".to_vec()).await.unwrap();
    assert_eq!(alice.message().await, (rendezvous::topic(&last), b"hello".to_vec()));
    alice.publish(last, b"hello, bob".to_vec()).await.unwrap();
    assert_eq!(bob.message().await.1, b"hello, bob");
    server.stop().await;
}

#[tokio::test]
async fn groups_of_a_device_are_bounded() {
    let dir = tempfile::TempDir::new().unwrap();
    let server = TestServer::start_in(dir, |config| config.groups.per_device = 2).await;
    let mut alice = Client::register(1, &server.tcp, "alice").await;
    alice.join(tag(1)).await;
    alice.join(tag(2)).await;
    assert_eq!(alice.ask(Request::Join { tag: tag(3) }).await, Err(Refusal::TooMany));
    server.stop().await;
}
