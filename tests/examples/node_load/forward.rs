//! Passes connections on to the server from other addresses of this machine, as if their clients were
//! elsewhere.

use std::net::Ipv4Addr;

use libp2p::{Multiaddr, multiaddr::Protocol};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream},
};

/// The one network from which most attacks come.
pub(crate) const THERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Begins to pass connections on, each from the next address. Gives where to connect instead.
pub(crate) async fn forward(
    server: &Multiaddr,
    from: impl Iterator<Item = Ipv4Addr> + Send + 'static,
) -> Multiaddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let here = listener.local_addr().expect("it listens").port();
    let port = port(server);
    tokio::spawn(async move {
        for from in from {
            let Ok((mut client, _)) = listener.accept().await else { continue };
            tokio::spawn(async move {
                if let Some(mut connection) = connect(from, port).await {
                    client.set_nodelay(true).ok();
                    connection.set_nodelay(true).ok();
                    copy_bidirectional(&mut client, &mut connection).await.ok();
                }
            });
        }
    });
    let adapt = |part| if let Protocol::Tcp(_) = part { Protocol::Tcp(here) } else { part };
    server.iter().map(adapt).collect()
}

/// Connects to a port of this machine from an address.
pub(crate) async fn connect(from: Ipv4Addr, port: u16) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind((from, 0).into()).ok()?;
    socket.connect((Ipv4Addr::LOCALHOST, port).into()).await.ok()
}

/// The port of an address.
pub(crate) fn port(address: &Multiaddr) -> u16 {
    let port = address.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    port.expect("a TCP address")
}
