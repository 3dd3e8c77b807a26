//! Which addresses are handed on, which may be dialled, and which belong to one network. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use wire::{
    bounded::Bounded,
    id::DeviceId,
    limits::ADDRESSES_MAX,
    rendezvous::{Address, Reachable},
};

/// Bytes of addresses that are handed on for one device, so that the largest answers fit a frame.
pub const ADDRESS_BYTES_MAX: usize = 2 * 1024;

/// What tells the networks of clients apart: an IPv4 address, or the first half of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address.
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self(ip),
            IpAddr::V6(ip) => {
                let prefix = u128::from(ip) & !u128::from(u64::MAX);
                Self(Ipv6Addr::from(prefix).into())
            }
        }
    }
}

impl Network {
    /// The larger network of an address, such as one customer of a provider has: an IPv4 /24, an
    /// IPv6 /48.
    pub fn site_of(ip: IpAddr) -> Self {
        match ip {
            // In a form that no network of one address or /64 has, so that both can be counted in one map.
            IpAddr::V4(ip) => Self(Ipv4Addr::from(u32::from(ip) & !0xff).to_ipv6_mapped().into()),
            IpAddr::V6(ip) => Self(Ipv6Addr::from(u128::from(ip) & u128::MAX << 80 | 1).into()),
        }
    }
}

/// The IP address that a multiaddress begins with.
pub fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => Some(ip.into()),
        Some(Protocol::Ip6(ip)) => Some(ip.into()),
        _ => None,
    }
}

/// Keeps of what a device announced the addresses that others can use: its own, on QUIC or TCP or
/// through this server, and loopback ones only from a client that is on this machine.
pub fn introduce(
    device: DeviceId,
    announced: Bounded<Address, ADDRESSES_MAX>,
    origin: Option<IpAddr>,
    server: PeerId,
) -> Reachable {
    let local = origin.is_some_and(|ip| ip.is_loopback());
    let mut bytes = 0;
    let mut kept: Vec<Address> = Vec::new();
    for address in announced {
        let length = address.as_multiaddr().len();
        if is_usable(address.as_multiaddr(), device.peer_id(), server, local)
            && bytes + length <= ADDRESS_BYTES_MAX
            && !kept.contains(&address)
        {
            bytes += length;
            kept.push(address);
        }
    }
    Reachable { device, addresses: Bounded::truncated(kept) }
}

fn is_usable(address: &Multiaddr, device: PeerId, server: PeerId, local: bool) -> bool {
    let mut parts = address.iter().peekable();
    let ip_is_usable = match parts.next() {
        Some(Protocol::Ip4(ip)) => is_usable_v4(ip, local),
        Some(Protocol::Ip6(ip)) => is_usable_v6(ip, local),
        _ => false,
    };
    let port_is_usable = match parts.next() {
        Some(Protocol::Tcp(port)) => port != 0,
        Some(Protocol::Udp(port)) => port != 0 && parts.next() == Some(Protocol::QuicV1),
        _ => false,
    };
    if !ip_is_usable || !port_is_usable {
        return false;
    }
    let mut rest: Vec<_> = parts.collect();
    if rest.last() == Some(&Protocol::P2p(device)) {
        rest.pop();
    }
    rest.is_empty() || rest == [Protocol::P2p(server), Protocol::P2pCircuit]
}

fn is_usable_v4(ip: Ipv4Addr, local: bool) -> bool {
    !ip.is_unspecified()
        && !ip.is_multicast()
        && !ip.is_broadcast()
        && !ip.is_link_local()
        && (local || !ip.is_loopback())
}

fn is_usable_v6(ip: Ipv6Addr, local: bool) -> bool {
    !ip.is_unspecified()
        && !ip.is_multicast()
        && !ip.is_unicast_link_local()
        && ip.to_ipv4_mapped().is_none()
        && (local || !ip.is_loopback())
}

/// Whether the server may dial an address that a client at `origins` asks it to test: the
/// client's own, or one of the public internet. So nobody reaches the server's own networks
/// through it, and tests among clients of one private network or machine still work.
pub fn may_dial(address: &Multiaddr, origins: &[IpAddr]) -> bool {
    let relayed = address.iter().any(|part| part == Protocol::P2pCircuit);
    !relayed && ip_of(address).is_some_and(|ip| origins.contains(&ip) || is_public(ip))
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry> and its IPv6 sister.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let special = matches!(
                (a, b, c),
                (0 | 10 | 127 | 240.., _, _)
                    | (100, 64..128, _)
                    | (192, 0, 0)
                    | (192, 88, 99)
                    | (198, 18 | 19, _)
            );
            !special
                && !ip.is_private()
                && !ip.is_link_local()
                && !ip.is_multicast()
                && !ip.is_documentation()
        }
        IpAddr::V6(ip) => {
            // 6to4 and Teredo carry an IPv4 address that would escape the rules above.
            let [a, b, ..] = ip.segments();
            (0x2000..0x4000).contains(&a)
                && !matches!((a, b), (0x2001, ..0x200 | 0xdb8) | (0x2002, _) | (0x3fff, ..0x1000))
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::key::DeviceKey;

    use super::*;

    fn kept(announced: &[&str], origin: &str) -> Vec<String> {
        let parsed = announced.iter().map(|text| Address::new(text.parse().unwrap()).unwrap());
        let announced = Bounded::truncated(parsed);
        let origin = origin.parse().ok();
        let reachable = introduce(device(1), announced, origin, device(9).peer_id());
        reachable.addresses.iter().map(|address| address.as_multiaddr().to_string()).collect()
    }

    fn device(seed: u8) -> DeviceId {
        DeviceKey::from_seed([seed; 32]).id()
    }

    #[test]
    fn own_addresses_are_kept_in_order() {
        let own = format!("/ip6/2a00::1/tcp/9/p2p/{}", device(1).peer_id());
        let relayed = format!("/ip4/8.8.8.8/tcp/9/p2p/{}/p2p-circuit", device(9).peer_id());
        let announced = ["/ip4/10.0.0.3/udp/9/quic-v1", &own, &relayed];
        assert_eq!(kept(&announced, "8.8.4.4"), announced);
    }

    #[test]
    fn addresses_that_nobody_can_use_are_dropped() {
        let other = format!("/ip4/8.8.8.8/tcp/9/p2p/{}", device(2).peer_id());
        let foreign = format!("/ip4/8.8.8.8/tcp/9/p2p/{}/p2p-circuit", device(2).peer_id());
        let announced = [
            "/ip4/0.0.0.0/tcp/9",
            "/ip4/8.8.8.8/tcp/0",
            "/ip4/8.8.8.8/udp/9",
            "/ip4/224.0.0.1/tcp/9",
            "/ip4/169.254.169.254/tcp/80",
            "/ip4/127.0.0.1/tcp/9",
            "/ip6/::ffff:127.0.0.1/tcp/9",
            "/ip6/fe80::1/tcp/9",
            "/dns4/example.org/tcp/9",
            "/memory/7",
            &other,
            &foreign,
        ];
        assert_eq!(kept(&announced, "8.8.4.4"), [""; 0]);
    }

    #[test]
    fn loopback_is_kept_for_a_client_on_this_machine_only() {
        assert_eq!(kept(&["/ip4/127.0.0.1/tcp/9"], "127.0.0.1"), ["/ip4/127.0.0.1/tcp/9"]);
        assert_eq!(kept(&["/ip4/127.0.0.1/tcp/9"], "10.0.0.1"), [""; 0]);
        assert_eq!(kept(&["/ip4/127.0.0.1/tcp/9"], "unknown"), [""; 0]);
    }

    #[test]
    fn repeated_addresses_are_kept_once() {
        let twice = ["/ip4/8.8.8.8/tcp/9", "/ip4/8.8.8.8/tcp/9"];
        assert_eq!(kept(&twice, ""), ["/ip4/8.8.8.8/tcp/9"]);
    }

    #[test]
    fn a_client_may_have_public_and_its_own_addresses_dialled() {
        let may = |address: &str, origins: &[&str]| {
            let origins: Vec<IpAddr> = origins.iter().map(|ip| ip.parse().unwrap()).collect();
            may_dial(&address.parse().unwrap(), &origins)
        };
        assert!(may("/ip4/1.1.1.1/tcp/4", &["8.8.8.8"]));
        assert!(may("/ip6/2a00::1/udp/4/quic-v1", &["8.8.8.8"]));
        assert!(may("/ip4/127.0.0.1/tcp/4", &["127.0.0.1"]));
        assert!(may("/ip4/192.168.1.7/tcp/4", &["8.8.8.8", "192.168.1.7"]));
        for private in [
            "/ip4/127.0.0.1/tcp/4",
            "/ip4/10.1.2.3/tcp/4",
            "/ip4/100.64.0.1/tcp/4",
            "/ip4/169.254.169.254/tcp/80",
            "/ip4/192.168.1.8/tcp/4",
            "/ip4/0.0.0.0/tcp/4",
            "/ip4/255.255.255.255/tcp/4",
            "/ip6/::1/tcp/4",
            "/ip6/fd00::1/tcp/4",
            "/ip6/fe80::1/tcp/4",
            "/ip6/::ffff:10.0.0.1/tcp/4",
            "/ip6/2002:a00:1::1/tcp/4",
            "/ip6/2001:db8::1/tcp/4",
            "/dns4/localhost/tcp/4",
            "/memory/4",
        ] {
            assert!(!may(private, &["8.8.8.8", "192.168.1.7"]), "{private}");
        }
        let server = device(9).peer_id();
        assert!(!may(&format!("/ip4/8.8.8.8/tcp/4/p2p/{server}/p2p-circuit"), &["8.8.8.8"]));
    }

    #[test]
    fn an_ipv6_network_is_a_64() {
        let network = |ip: &str| Network::of(ip.parse().unwrap());
        assert_eq!(network("2a00:1:2:3::1"), network("2a00:1:2:3:ffff::2"));
        assert_ne!(network("2a00:1:2:3::1"), network("2a00:1:2:4::1"));
        assert_ne!(network("8.8.8.8"), network("8.8.8.9"));
    }
}
