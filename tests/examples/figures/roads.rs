//! The roads between two peers, and what many measurements come to.

use e2e::{peer::Peer, server::Server};

/// A kind of road, and where peers must listen for it.
pub(crate) struct Road {
    pub(crate) name: &'static str,
    pub(crate) listen: &'static str,
}

pub(crate) const ROADS: [Road; 2] = [
    Road { name: "QUIC", listen: "/ip4/127.0.0.1/udp/0/quic-v1" },
    Road { name: "TCP", listen: "/ip4/127.0.0.1/tcp/0" },
];

impl Road {
    /// Starts a peer to which only this road leads.
    pub(crate) fn start(&self, server: &Server, username: &str) -> Peer {
        Peer::start_with(server, username, &["--listen", self.listen])
    }
}

/// The middle one of some numbers.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
