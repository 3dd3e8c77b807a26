//! Which addresses are worth a dial from here, and in which order those of the server are tried. Pure.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use libp2p::{Multiaddr, multiaddr::Protocol};

/// The families of addresses that this device has beyond itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Families {
    v4: bool,
    v6: bool,
}

impl Families {
    /// Those of the addresses that the device listens on.
    pub(crate) fn of(own: &[Multiaddr]) -> Self {
        let mut families = Self::default();
        for address in own {
            match address.iter().next() {
                Some(Protocol::Ip4(ip)) if !ip.is_loopback() && !ip.is_link_local() => {
                    families.v4 = true;
                }
                Some(Protocol::Ip6(ip)) if !ip.is_loopback() && !ip.is_unicast_link_local() => {
                    families.v6 = true;
                }
                _ => {}
            }
        }
        families
    }

    /// Both.
    pub(crate) fn all() -> Self {
        Self { v4: true, v6: true }
    }

    /// Whether there is any.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether both have one of the families.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.v4 && other.v4 || self.v6 && other.v6
    }

    /// The families of the hosts in `before` that are no more in `after`.
    pub(crate) fn lost(before: &[Multiaddr], after: &[Multiaddr]) -> Self {
        let host = |address: &Multiaddr| address.iter().next().map(Protocol::acquire);
        let is_gone = |address: &&Multiaddr| after.iter().all(|it| host(it) != host(address));
        let gone: Vec<_> = before.iter().filter(is_gone).cloned().collect();
        Self::of(&gone)
    }

    /// The addresses that can be dialled from here, with public IPv4 ones in the form that NAT64
    /// translates where there is only IPv6. All of them while it is not known what is here.
    pub(crate) fn usable(self, addresses: &[Multiaddr]) -> Vec<Multiaddr> {
        if self.is_empty() {
            return addresses.to_vec();
        }
        addresses.iter().filter_map(|address| self.reach(address)).collect()
    }

    fn reach(self, address: &Multiaddr) -> Option<Multiaddr> {
        let usable = match address.iter().next() {
            Some(Protocol::Ip4(ip)) if !self.v4 && is_public(ip) => {
                return Some(translated(ip, address));
            }
            Some(Protocol::Ip4(ip)) => self.v4 || ip.is_loopback(),
            Some(Protocol::Ip6(ip)) => self.v6 || ip.is_loopback(),
            Some(Protocol::Dns4(_)) => self.v4,
            Some(Protocol::Dns6(_)) => self.v6,
            _ => true,
        };
        usable.then(|| address.clone())
    }
}

/// The groups of a server's addresses in the order in which they are tried, the next one while the one before
/// has not answered. There is always a first.
///
/// QUIC comes before TCP, since holes are punched best over it, and IPv4 before IPv6: how this device is seen
/// over IPv4 only the server can tell, while its IPv6 addresses are known here.
pub(crate) fn groups(server: &[Multiaddr], families: Families) -> Vec<Vec<Multiaddr>> {
    let usable = families.usable(server);
    let addresses = if usable.is_empty() { server.to_vec() } else { usable };
    let mut groups: [Vec<Multiaddr>; 4] = Default::default();
    for address in addresses {
        let is_v6 = matches!(address.iter().next(), Some(Protocol::Ip6(_) | Protocol::Dns6(_)));
        groups[2 * usize::from(!is_quic(&address)) + usize::from(is_v6)].push(address);
    }
    let mut groups: Vec<_> = groups.into_iter().filter(|group| !group.is_empty()).collect();
    if groups.is_empty() {
        groups.push(Vec::new());
    }
    groups
}

/// How long what was tried before a group may go without an answer until the group is tried beside it. QUIC gets
/// more of it than TCP: a peer whose tie to the server is TCP finds fewer direct roads.
pub(crate) fn head_start(group: &[Multiaddr]) -> Duration {
    Duration::from_millis(if group.iter().any(is_quic) { 250 } else { 500 })
}

fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Quic | Protocol::QuicV1))
}

/// Whether an IPv4 address is one of the internet's.
pub(crate) fn is_public(ip: Ipv4Addr) -> bool {
    let is_shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_broadcast()
        || is_shared)
}

/// The address with the well-known prefix of NAT64, RFC 6052, in place of its IPv4 address.
fn translated(ip: Ipv4Addr, address: &Multiaddr) -> Multiaddr {
    let [a, b, c, d] = ip.octets();
    let pair = |high, low| u16::from_be_bytes([high, low]);
    let ip = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, pair(a, b), pair(c, d));
    std::iter::once(Protocol::Ip6(ip)).chain(address.iter().skip(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIC4: &str = "/ip4/203.0.113.7/udp/4001/quic-v1";
    const QUIC6: &str = "/ip6/2001:db8::7/udp/4001/quic-v1";
    const TCP4: &str = "/ip4/203.0.113.7/tcp/443";
    const TCP6: &str = "/ip6/2001:db8::7/tcp/443";

    fn parsed(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn families(own: &[&str]) -> Families {
        Families::of(&parsed(own))
    }

    #[test]
    fn a_server_is_tried_by_quic_then_tcp_each_by_ipv4_then_ipv6() {
        let server = parsed(&[TCP6, TCP4, QUIC6, QUIC4]);
        let both = families(&["/ip4/10.0.0.2/tcp/1", "/ip6/2001:db8::2/tcp/1"]);
        let expected = [QUIC4, QUIC6, TCP4, TCP6].map(|address| parsed(&[address]));
        assert_eq!(groups(&server, both), expected);
    }

    #[test]
    fn all_ports_of_one_kind_are_one_group() {
        let server = parsed(&[TCP4, "/ip4/203.0.113.7/tcp/4001"]);
        assert_eq!(groups(&server, families(&["/ip4/10.0.0.2/tcp/1"])), [server]);
    }

    #[test]
    fn what_this_device_has_no_address_for_is_left_out() {
        let server = parsed(&[QUIC4, QUIC6]);
        let own = ["/ip4/10.0.0.2/tcp/1", "/ip6/::1/tcp/1", "/ip6/fe80::1/tcp/1"];
        assert_eq!(groups(&server, families(&own)), [parsed(&[QUIC4])]);
    }

    #[test]
    fn everything_is_tried_while_nothing_is_known_or_nothing_fits() {
        let server = parsed(&[QUIC6]);
        for own in [&[][..], &["/ip4/127.0.0.1/tcp/1"], &["/ip4/10.0.0.2/tcp/1"]] {
            assert_eq!(
                groups(&server, families(own)),
                std::slice::from_ref(&server),
                "with {own:?}"
            );
        }
        assert_eq!(groups(&[], Families::default()), [Vec::new()]);
    }

    #[test]
    fn with_ipv6_alone_public_ipv4_goes_through_nat64() {
        let only_v6 = families(&["/ip6/2001:db8::2/tcp/1"]);
        let addresses = parsed(&[TCP4, "/ip4/192.168.1.2/tcp/4001", TCP6]);
        let expected = parsed(&["/ip6/64:ff9b::cb00:7107/tcp/443", TCP6]);
        assert_eq!(only_v6.usable(&addresses), expected);
    }

    #[test]
    fn what_is_lost_is_told_by_the_hosts_that_are_gone() {
        let before = parsed(&[QUIC4, TCP4, QUIC6, "/ip4/127.0.0.1/tcp/1"]);
        assert!(Families::lost(&before, &before).is_empty());
        let lost = Families::lost(&before, &parsed(&[TCP4, "/ip4/10.0.0.2/tcp/1"]));
        assert_eq!(lost, families(&[QUIC6]), "IPv4 still has its host, by TCP");
        assert!(Families::lost(&parsed(&["/ip4/127.0.0.1/tcp/1"]), &[]).is_empty());
    }

    #[test]
    fn loopback_is_always_usable() {
        let loopback = parsed(&["/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1"]);
        assert_eq!(families(&["/ip4/10.0.0.2/tcp/1"]).usable(&loopback), loopback);
    }
}
