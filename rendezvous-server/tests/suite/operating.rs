//! A running server and its operator: status, bans, limits, monitoring.

use rendezvous_server::{
    admin, http,
    operator::{Operator, Order, Reply},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use wire::rendezvous::{Refusal, Request, Response};

use crate::{
    client::Client,
    people::{account, device, first_record, name, tag},
    test_server::{PATIENCE, TestServer, within},
};

async fn done(operator: &Operator, order: Order) -> String {
    match operator.order(order).await {
        Reply::Done(text) => text,
        other => panic!("{other:?}"),
    }
}

fn ban(who: impl Into<String>) -> Order {
    Order::Ban { who: who.into(), reason: "spam".to_owned() }
}

/// Waits until a client's connection is gone.
async fn put_out(client: &mut Client) {
    client.stream_ended().await;
}

#[tokio::test]
async fn a_banned_name_is_put_out_at_once_and_after_a_restart() {
    let server = TestServer::start().await;
    let mut bob = Client::register(1, &server.tcp, "bob").await;
    let mut alice = Client::register(2, &server.quic, "alice").await;
    let said = done(&server.operator, ban("@bob")).await;
    assert!(said.contains(&account(1).to_string()), "{said}");
    put_out(&mut bob).await;
    let lookup = Request::Lookup { username: name("bob") };
    assert!(alice.ask(lookup).await.is_ok(), "others go on");

    let data_dir = server.stop().await;
    let server = TestServer::start_in(data_dir, |_config| {}).await;
    let mut bob = Client::connect(1, &server.tcp).await;
    bob.hello().await;
    assert_eq!(bob.register_with(first_record(1, "bob")).await, Err(Refusal::NotAdmitted));
    done(&server.operator, Order::Unban { who: account(1).to_string() }).await;
    assert_eq!(bob.register_with(first_record(1, "bob")).await, Ok(Response::Done));
}

#[tokio::test]
async fn a_banned_device_cannot_connect() {
    let server = TestServer::start().await;
    let mut bob = Client::register(1, &server.quic, "bob").await;
    let who = device(1).peer_id().to_string();
    done(&server.operator, ban(&who)).await;
    put_out(&mut bob).await;
    assert!(!Client::can_connect(1, &server.quic).await);
    assert!(!Client::can_connect(1, &server.tcp).await);
    assert!(Client::can_connect(2, &server.tcp).await);
    done(&server.operator, Order::Unban { who }).await;
    assert!(Client::can_connect(1, &server.quic).await);
}

#[tokio::test]
async fn a_banned_network_cannot_connect() {
    let server = TestServer::start().await;
    let mut bob = Client::register(1, &server.tcp, "bob").await;
    done(&server.operator, ban("127.0.0.0/8")).await;
    put_out(&mut bob).await;
    assert!(!Client::can_connect(2, &server.tcp).await);
    done(&server.operator, Order::Unban { who: "127.0.0.0/8".to_owned() }).await;
    assert!(Client::can_connect(2, &server.tcp).await);
}

#[tokio::test]
async fn orders_that_make_no_sense_are_told() {
    let server = TestServer::start().await;
    for (order, expected) in [
        (ban("@nobody"), "nobody has the name @nobody"),
        (ban("something"), "not a device"),
        (Order::Unban { who: "10.0.0.0/8".to_owned() }, "is not banned"),
        (Order::Ban { who: "10.0.0.1".to_owned(), reason: "x".repeat(201) }, "at most 200"),
        (Order::Reload, "without a configuration"),
    ] {
        match server.operator.order(order.clone()).await {
            Reply::Failed(text) => assert!(text.contains(expected), "{order:?}: {text}"),
            other => panic!("{order:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_status_counts_what_is_there() {
    let server = TestServer::start().await;
    let mut bob = Client::register(1, &server.tcp, "bob").await;
    let mut alice = Client::register(2, &server.quic, "alice").await;
    bob.join(tag(1)).await;
    alice.join(tag(1)).await;
    bob.meet(&mut alice, tag(1)).await;
    let mut third = Client::connect(3, &server.tcp).await;
    third.hello().await;
    let refused = third.register_with(first_record(3, "b0b")).await;
    assert_eq!(refused, Err(Refusal::NameTaken));
    let Reply::Status(status) = server.operator.order(Order::Status).await else { panic!() };
    let now = &status.now;
    assert_eq!((now.connections, now.devices, now.accounts), (3, 2, 2));
    assert_eq!((now.groups, now.memberships, status.kept.names), (1, 2, 2));
    assert_eq!(status.since_start.new_names, 2);
    assert_eq!(status.since_start.refused["name_taken"], 1);
    assert!(status.since_start.group_copies > 0);
    assert!(!now.busy && now.memory_bytes > 0);
    let Reply::Devices(devices) = server.operator.order(Order::Devices).await else { panic!() };
    assert_eq!(devices.len(), 2);
    assert!(devices.iter().all(|it| it.from.as_deref() == Some("127.0.0.1")), "{devices:?}");
}

#[tokio::test]
async fn limits_are_changed_while_clients_stay() {
    let data_dir = TempDir::new().unwrap();
    let file = data_dir.path().join("server.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let server = TestServer::start_in(data_dir, |config| config.file = Some(file.clone())).await;
    let mut bob = Client::register(1, &server.tcp, "bob").await;
    write("[admission]\nmode = \"closed\"\n[relay]\ncircuits = 7\n");
    let said = done(&server.operator, Order::Reload).await;
    assert!(said.contains("after a restart also [relay]"), "{said}");
    let mut alice = Client::connect(2, &server.tcp).await;
    alice.hello().await;
    assert_eq!(alice.register_with(first_record(2, "alice")).await, Err(Refusal::NotAdmitted));
    assert!(bob.ask(Request::Lookup { username: name("bob") }).await.is_ok());
    write("[admission]\nmode = \"ajar\"\n");
    let Reply::Failed(text) = server.operator.order(Order::Reload).await else { panic!() };
    assert!(text.contains("line 2"), "{text}");
    write("[groups]\nper_device = 1\n");
    done(&server.operator, Order::Reload).await;
    assert_eq!(bob.ask(Request::Join { tag: tag(1) }).await, Ok(Response::Done));
    assert_eq!(bob.ask(Request::Join { tag: tag(2) }).await, Err(Refusal::TooMany));
    assert_eq!(alice.register_with(first_record(2, "alice")).await, Ok(Response::Done));
}

#[cfg(unix)]
#[tokio::test]
async fn the_admin_socket_is_for_the_owner_and_survives_nonsense() {
    use std::os::unix::fs::PermissionsExt as _;
    use tokio::{io::AsyncBufReadExt as _, net::UnixStream};

    let server = TestServer::start().await;
    let path = server.data_dir.path().join(admin::SOCKET);
    std::fs::write(&path, "left by a crash").unwrap();
    let listener = admin::bind(server.data_dir.path()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut beside = JoinSet::new();
    beside.spawn(admin::serve(listener, server.operator.clone()));

    let (reader, mut writer) = UnixStream::connect(&path).await.unwrap().into_split();
    let mut lines = tokio::io::BufReader::new(reader).lines();
    for line in ["nonsense", "{\"do\":\"status\"}", "", "{\"do\":\"ban\",\"who\":7}"] {
        writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let answer = within("an answer", lines.next_line()).await.unwrap().unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer.get("status").is_some(), line.contains("status"), "{line}: {answer}");
    }
    writer.write_all(&vec![b'x'; 100_000]).await.ok();
    let told = within("an answer", lines.next_line()).await.unwrap().unwrap();
    assert!(told.contains("at most"), "{told}");
    let status = admin::order(server.data_dir.path(), &Order::Status).await.unwrap();
    assert_eq!(status["status"]["now"]["devices"], json!(0));
    let failed = admin::order(server.data_dir.path(), &ban("@nobody")).await.unwrap_err();
    assert_eq!(failed.to_string(), "nobody has the name @nobody");
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn monitoring_reads_numbers_and_no_names() {
    let server = TestServer::start().await;
    let listener = http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut beside = JoinSet::new();
    beside.spawn(http::serve(listener, server.operator.clone()));
    let _bob = Client::register(1, &server.tcp, "bob-the-unmetered").await;
    let metrics = get(address, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(metrics.contains("\nnatterjack_devices 1.0\n"), "{metrics}");
    assert!(metrics.contains("\nnatterjack_new_names_total 1\n"), "{metrics}");
    for secret in ["bob", &account(1).to_string(), &device(1).peer_id().to_string()] {
        assert!(!metrics.contains(secret), "{secret} in {metrics}");
    }
    assert!(get(address, "/healthz").await.ends_with("\r\n\r\nok\n"));
    assert!(get(address, "/names").await.starts_with("HTTP/1.1 404"));
    // Connections that say nothing do not keep others out for long.
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    drop(silent);
    let data_dir = server.stop().await;
    let health = timeout(PATIENCE, get(address, "/healthz")).await.unwrap();
    assert!(health.starts_with("HTTP/1.1 503"), "{health}");
    drop(data_dir);
}

#[tokio::test]
async fn connections_of_one_network_have_a_limit_and_come_back() {
    let limit = |config: &mut rendezvous_server::config::Config| {
        config.connections.trust_loopback = false;
        config.connections.per_network = 3;
    };
    let server = TestServer::start_in(TempDir::new().unwrap(), limit).await;
    let mut clients = Vec::new();
    for n in 1..=3 {
        clients.push(Client::connect(n, &server.tcp).await);
    }
    assert!(!Client::can_connect(4, &server.tcp).await);
    assert!(!Client::can_connect(4, &server.quic).await);
    clients.pop();
    let again = async {
        while !Client::can_connect(4, &server.quic).await {
            tokio::task::yield_now().await;
        }
    };
    within("a free place", again).await;
    let Reply::Status(status) = server.operator.order(Order::Status).await else { panic!() };
    assert!(status.since_start.turned_away["network_full"] >= 2);
}
