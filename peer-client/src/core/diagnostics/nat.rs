//! What kind of router is between this device and others, by how the server sees it at several of its ports.

use std::{collections::BTreeSet, net::IpAddr};

use libp2p::{Multiaddr, multiaddr::Protocol};

use super::Diagnosis;

/// How what this device sends comes out at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// Its address is its own.
    None,
    /// A router that shows it under one port to all: holes can be punched.
    EndpointIndependent,
    /// A router that shows it under another port to each: holes cannot be punched.
    Symmetric,
    /// A router; the server has only one port, by which its kind does not show.
    Unknown,
    /// UDP does not get through.
    UdpBlocked,
    /// The server was not reached.
    Unreachable,
}

impl Nat {
    /// The stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::EndpointIndependent => "endpoint_independent",
            Self::Symmetric => "symmetric",
            Self::Unknown => "unknown",
            Self::UdpBlocked => "udp_blocked",
            Self::Unreachable => "unreachable",
        }
    }

    /// What it means, and what a person can do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::None => {
                "No router changes this device's address: others can call it unless a firewall forbids it"
            }
            Self::EndpointIndependent => {
                "A router shares its address with this device in the friendly way: direct connections to most \
                 people work"
            }
            Self::Symmetric => {
                "The router, or the provider, shows this device under another port to everybody (symmetric NAT). \
                 Direct connections work only to people who can be called; switching on UPnP, NAT-PMP or PCP in \
                 the router, or IPv6, helps"
            }
            Self::Unknown => {
                "A router shares its address with this device. Which kind it is cannot be told, since the server \
                 has one port only"
            }
            Self::UdpBlocked => {
                "This network lets no UDP through, as in many offices and hotels. Most people are reached through \
                 the server; another network or a VPN helps"
            }
            Self::Unreachable => {
                "The server could not be asked. Check the network, and the server's address"
            }
        }
    }
}

impl Diagnosis {
    /// What all of this says of the network. Only IPv4 is shared by routers.
    pub(crate) fn nat(&self, own: &[Multiaddr]) -> Nat {
        let seen = |quic: bool| {
            let of_kind = self.seen.iter().filter(move |(at, _)| {
                is_quic(at) == quic && at.iter().any(|part| matches!(part, Protocol::Ip4(_)))
            });
            of_kind.filter_map(|(at, seen)| Some((at, socket(seen)?))).collect::<Vec<_>>()
        };
        let (udp, tcp) = (seen(true), seen(false));
        let is_own = |ip: IpAddr| own.iter().filter_map(socket).any(|(host, _)| host == ip);
        if udp.is_empty() {
            let udp_failed = self.silent.keys().any(is_quic);
            return match tcp.first() {
                Some(_) if udp_failed => Nat::UdpBlocked,
                Some((_, (ip, _))) if is_own(*ip) => Nat::None,
                Some(_) => Nat::Unknown,
                None if self.seen.is_empty() => Nat::Unreachable,
                // Over IPv6 only.
                None => Nat::None,
            };
        }
        let outside: BTreeSet<_> = udp.iter().map(|(_, seen)| *seen).collect();
        match outside.first() {
            Some((ip, _)) if is_own(*ip) => Nat::None,
            _ if outside.len() > 1 => Nat::Symmetric,
            _ if udp.len() > 1 => Nat::EndpointIndependent,
            _ => Nat::Unknown,
        }
    }

    /// The IPv4 address under which others see what this device sends by QUIC: who calls there gets through, unless
    /// the router lets in only who was called before. None where the router shows another one to each, or none is
    /// known. IPv6 addresses are known without the server.
    pub(crate) fn outside(&self) -> Option<&Multiaddr> {
        let mut seen = self.seen.values().filter(|address| is_quic(address) && is_ip4(address));
        let first = seen.next()?;
        seen.all(|other| other == first).then_some(first)
    }
}

pub(super) fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Quic | Protocol::QuicV1))
}

pub(super) fn is_ip4(address: &Multiaddr) -> bool {
    matches!(address.iter().next(), Some(Protocol::Ip4(_)))
}

/// Host and port.
fn socket(address: &Multiaddr) -> Option<(IpAddr, u16)> {
    let mut parts = address.iter();
    let host = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Udp(port) | Protocol::Tcp(port) => Some((host, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIC_A: &str = "/ip4/203.0.113.1/udp/4001/quic-v1";
    const QUIC_B: &str = "/ip4/203.0.113.1/udp/443/quic-v1";
    const TCP: &str = "/ip4/203.0.113.1/tcp/443";
    const OWN: &str = "/ip4/192.168.1.2/udp/7000/quic-v1";

    fn at(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn nat(own: &str, seen: &[(&str, &str)], silent: &[&str]) -> Nat {
        let mut diagnosis = Diagnosis::default();
        for (server, address) in seen {
            diagnosis.seen(at(server), at(address));
        }
        for server in silent {
            diagnosis.silent(at(server), "no answer".to_owned());
        }
        diagnosis.nat(&[at(own)])
    }

    #[test]
    fn the_kind_of_network_shows_in_what_several_ports_of_the_server_see() {
        let (one, two) =
            ("/ip4/198.51.100.7/udp/5000/quic-v1", "/ip4/198.51.100.7/udp/5001/quic-v1");
        assert_eq!(nat(OWN, &[(QUIC_A, one), (QUIC_B, one)], &[]), Nat::EndpointIndependent);
        assert_eq!(nat(OWN, &[(QUIC_A, one), (QUIC_B, two)], &[]), Nat::Symmetric);
        assert_eq!(nat(OWN, &[(QUIC_A, one)], &[]), Nat::Unknown);
        assert_eq!(nat(one, &[(QUIC_A, one)], &[]), Nat::None);
        assert_eq!(nat(OWN, &[], &[QUIC_A]), Nat::Unreachable);
    }

    #[test]
    fn where_only_tcp_answers_udp_is_blocked() {
        let seen = [(TCP, "/ip4/198.51.100.7/tcp/5000")];
        assert_eq!(nat(OWN, &seen, &[QUIC_A, QUIC_B]), Nat::UdpBlocked);
        assert_eq!(nat(OWN, &seen, &[]), Nat::Unknown, "it was not tried");
    }

    #[test]
    fn what_all_ports_see_alike_is_where_others_may_call() {
        let (one, two) =
            ("/ip4/198.51.100.7/udp/5000/quic-v1", "/ip4/198.51.100.7/udp/5001/quic-v1");
        let outside = |seen: &[(&str, &str)]| {
            let mut diagnosis = Diagnosis::default();
            for (server, address) in seen {
                diagnosis.seen(at(server), at(address));
            }
            diagnosis.outside().cloned()
        };
        assert_eq!(outside(&[(QUIC_A, one)]), Some(at(one)));
        assert_eq!(outside(&[(QUIC_A, one), (QUIC_B, one)]), Some(at(one)));
        assert_eq!(outside(&[(QUIC_A, one), (QUIC_B, two)]), None, "a port for each");
        assert_eq!(outside(&[(TCP, "/ip4/198.51.100.7/tcp/5000")]), None, "a port of a connection");
        let with_ipv6 = [
            (QUIC_A, one),
            ("/ip6/2001:db8::1/udp/4001/quic-v1", "/ip6/2001:db8::2/udp/7/quic-v1"),
        ];
        assert_eq!(outside(&with_ipv6), Some(at(one)));
        assert_eq!(outside(&[]), None);
    }
}
