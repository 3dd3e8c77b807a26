//! The load on the rendezvous server, by nodes of the project.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use e2e::server::Server;
use futures::future::join_all;
use peer_client::{
    core::{
        command::{Answer, Command, Draft},
        model::{Body, ServerTie},
        notice::Notice,
    },
    node::{self, ATTACHMENT_QUOTA, Config, Node},
};
use tempfile::TempDir;
use tokio::{sync::broadcast::error::RecvError, task::JoinSet, time::sleep};
use wire::name::{ConversationName, GroupName, Username};

use crate::{
    plan::Plan,
    tally::{Figures, Tally},
};

/// Nodes that start at one time.
const STARTING: usize = 10;
/// How long they may take until all know each other.
const SETTLING: Duration = Duration::from_hours(2);
/// How long they have after that to find neighbours and to come to rest.
const NEIGHBOURS: Duration = Duration::from_mins(1);
/// Messages after which it is noted that they were told.
const TOLD: usize = 16;
/// What of the server's log says how many copies of a message it sent.
const LOG: &str = "rendezvous_server::execute=debug,info";

fn group() -> GroupName {
    GroupName::new("load").expect("a name")
}

/// Puts the load on the server.
pub(crate) async fn measure(plan: &Plan) -> Figures {
    let server = Server::start_with_log(Some(LOG));
    let home = folder();
    let mut nodes = Vec::new();
    let started = Instant::now();
    while nodes.len() < plan.members {
        let next = nodes.len()..plan.members.min(nodes.len() + STARTING);
        nodes.extend(join_all(next.map(|n| start(plan, &server, home.path(), n))).await);
    }
    println!("{} nodes after {:.0?}", nodes.len(), started.elapsed());
    settle(&nodes).await;
    println!("all know each other after {:.0?}", started.elapsed());
    sleep(NEIGHBOURS).await;
    let tally = Tally::new();
    let mut listening = JoinSet::new();
    for (member, node) in nodes.iter().enumerate() {
        let handle = node.handle.clone();
        listening.spawn(listen(member, handle, tally.clone()));
    }
    let mark = server.process().log().len();
    let send = async |sender: usize, text: String| {
        let draft = Draft { text, file: None, reply_to: None };
        let send = Command::Send { to: ConversationName::Group(group()), draft };
        // The answer, that it is durable, is nothing to wait for.
        drop(nodes[sender].handle.submit(send).await.expect("the node runs"));
    };
    let figures = tally.measure(plan, server.process().pid(), send).await;
    let copies = copies(&server, mark);
    listening.shutdown().await;
    join_all(nodes.into_iter().map(Node::stop)).await;
    Figures { copies, ..figures }
}

/// A folder in memory, where there is one.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a temporary folder")
}

/// Starts a node that is registered and a member.
async fn start(plan: &Plan, server: &Server, home: &Path, number: usize) -> Node {
    let listen: &[&str] = match plan.transport.as_str() {
        "tcp" => &["/ip4/127.0.0.1/tcp/0"],
        "quic" => &["/ip4/127.0.0.1/udp/0/quic-v1"],
        _ => &["/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0"],
    };
    let fits = |address: &&String| match plan.transport.as_str() {
        "tcp" => address.contains("/tcp/"),
        "quic" => address.contains("/quic-v1"),
        _ => true,
    };
    let parse = |address: &str| address.parse().expect("an address");
    let config = Config {
        data_dir: PathBuf::from(home).join(number.to_string()),
        rendezvous: server.addresses().iter().filter(fits).map(|it| parse(it)).collect(),
        username: Username::new(&format!("member-{number}")).expect("a name"),
        listen: listen.iter().map(|it| parse(it)).collect(),
        relay_only: false,
        local_network: false,
        attachment_quota: ATTACHMENT_QUOTA,
    };
    let node = node::start(config).await.expect("the node starts");
    let mut model = node.handle.watch();
    let registered = model.wait_for(|model| model.server == ServerTie::Registered).await;
    drop(registered.expect("the node runs"));
    let join = Command::Join { group: group(), invite: None };
    node.handle.ask(join).await.expect("the group is joined");
    node
}

/// Waits until each node knows of all members and lacks nothing.
async fn settle(nodes: &[Node]) {
    let until = Instant::now() + SETTLING;
    for node in nodes {
        loop {
            let ask = Command::Members { of: ConversationName::Group(group()) };
            let answer = node.handle.ask(ask).await;
            let Ok(Answer::Members { members, complete }) = answer else { panic!("{answer:?}") };
            if members.len() >= nodes.len() && complete.missing == 0 {
                break;
            }
            assert!(Instant::now() < until, "{} of {}", members.len(), nodes.len());
            sleep(Duration::from_millis(500)).await;
        }
    }
}

/// Takes what arrives at a node, as the headless front end does.
async fn listen(member: usize, handle: peer_client::handle::Handle, tally: Tally) {
    let mut notices = handle.notices();
    let (mut last, mut untold) = (i64::MIN, 0);
    loop {
        match notices.recv().await {
            Ok(Notice::Arrived { .. }) | Err(RecvError::Lagged(_)) => {}
            Ok(_) => continue,
            Err(RecvError::Closed) => return,
        }
        let Ok(Answer::Untold(messages)) = handle.ask(Command::Untold { limit: 256 }).await else {
            return;
        };
        let before = last;
        for (arrival, message) in messages.iter().filter(|(arrival, _)| *arrival > before) {
            if let Body::Text(text) = &message.body {
                tally.came(member, text);
            }
            (last, untold) = (*arrival, untold + 1);
        }
        if untold >= TOLD {
            untold = 0;
            if handle.ask(Command::Told { arrival: last }).await.is_err() {
                return;
            }
        }
    }
}

/// How many copies of each message the server sent, by what it logged: the mean and the most. Digests are
/// messages too.
fn copies(server: &Server, mark: usize) -> Option<(f64, usize)> {
    let number = |line: &str, name: &str| -> Option<usize> {
        let (_, rest) = line.split_once(name)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let lines = server.process().log().from(mark);
    let copies = lines.iter().filter_map(|line| {
        line.contains("was sent on").then_some(())?;
        Some(number(line, "mesh=")? + number(line, "copies=")?)
    });
    let copies: Vec<_> = copies.collect();
    let most = *copies.iter().max()?;
    Some((copies.iter().sum::<usize>() as f64 / copies.len() as f64, most))
}
