//! Whom the operator has shut out: devices, accounts and networks. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use libp2p::PeerId;
use thiserror::Error;
use wire::id::{AccountId, DeviceId};

/// Bans that a server keeps.
pub const BANS_MAX: usize = 65_536;

/// Text that names nobody who could be banned.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a device (12D3Koo…), an account (64 hex digits) or a network (203.0.113.0/24)")]
pub struct ParseBanError;

/// All IP addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    ip: IpAddr,
    length: u8,
}

impl Prefix {
    /// The addresses that share the first `length` bits of `ip`; none if it has not that many.
    pub fn new(ip: IpAddr, length: u8) -> Option<Self> {
        (length <= bits(ip)).then(|| Self { ip: masked(ip, length), length })
    }

    /// Whether an address is among them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        bits(ip) == bits(self.ip) && masked(ip, self.length) == self.ip
    }
}

fn bits(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn masked(ip: IpAddr, length: u8) -> IpAddr {
    let kept = |width: u8| u32::from(width.saturating_sub(length));
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(kept(32)).unwrap_or(0);
            Ipv4Addr::from(u32::from(ip) & mask).into()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(kept(128)).unwrap_or(0);
            Ipv6Addr::from(u128::from(ip) & mask).into()
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.ip, self.length)
    }
}

impl FromStr for Prefix {
    type Err = ParseBanError;

    fn from_str(text: &str) -> Result<Self, ParseBanError> {
        let (ip, length) = text.split_once('/').map_or((text, None), |(ip, it)| (ip, Some(it)));
        let ip: IpAddr = ip.parse().map_err(|_error| ParseBanError)?;
        let length = match length {
            Some(length) => length.parse().map_err(|_error| ParseBanError)?,
            None => bits(ip),
        };
        Self::new(ip, length).ok_or(ParseBanError)
    }
}

/// Who is shut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Banned {
    /// A device: it cannot connect.
    Device(DeviceId),
    /// An account: none of its devices can register.
    Account(AccountId),
    /// A network: nobody can connect from there.
    Network(Prefix),
}

impl fmt::Display for Banned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => write!(formatter, "{}", device.peer_id()),
            Self::Account(account) => write!(formatter, "{account}"),
            Self::Network(prefix) => write!(formatter, "{prefix}"),
        }
    }
}

impl FromStr for Banned {
    type Err = ParseBanError;

    fn from_str(text: &str) -> Result<Self, ParseBanError> {
        if let Ok(prefix) = text.parse() {
            return Ok(Self::Network(prefix));
        }
        if let Ok(account) = text.parse() {
            return Ok(Self::Account(account));
        }
        let peer = text.parse::<PeerId>().map_err(|_error| ParseBanError)?;
        DeviceId::try_from(peer).map(Self::Device).map_err(|_error| ParseBanError)
    }
}

/// Those who are shut out of connecting. Accounts are found out at registration.
#[derive(Debug, Default)]
pub struct Bans {
    devices: BTreeSet<DeviceId>,
    /// By length and family, so that a look-up takes one search for each length in use.
    prefixes: BTreeMap<(bool, u8), BTreeSet<IpAddr>>,
}

impl Bans {
    /// Shuts out.
    pub fn add(&mut self, banned: Banned) {
        match banned {
            Banned::Device(device) => {
                self.devices.insert(device);
            }
            Banned::Network(Prefix { ip, length }) => {
                self.prefixes.entry((ip.is_ipv4(), length)).or_default().insert(ip);
            }
            Banned::Account(_) => {}
        }
    }

    /// Lets in again.
    pub fn remove(&mut self, banned: Banned) {
        match banned {
            Banned::Device(device) => {
                self.devices.remove(&device);
            }
            Banned::Network(Prefix { ip, length }) => {
                let key = (ip.is_ipv4(), length);
                if let Some(same_length) = self.prefixes.get_mut(&key) {
                    same_length.remove(&ip);
                    if same_length.is_empty() {
                        self.prefixes.remove(&key);
                    }
                }
            }
            Banned::Account(_) => {}
        }
    }

    /// Whether a device is shut out.
    pub fn has_device(&self, device: &DeviceId) -> bool {
        self.devices.contains(device)
    }

    /// Whether an address is shut out.
    pub fn has_ip(&self, ip: IpAddr) -> bool {
        self.prefixes.iter().any(|((is_v4, length), ips)| {
            *is_v4 == ip.is_ipv4() && ips.contains(&masked(ip, *length))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_has_the_addresses_with_the_same_first_bits() {
        for (network, inside, outside) in [
            ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
            ("203.0.113.7/24", "203.0.113.255", "203.0.114.0"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("2a00:1:2::/48", "2a00:1:2:ffff::9", "2a00:1:3::"),
            ("::/0", "2a00::1", "8.8.8.8"),
        ] {
            assert!(prefix(network).contains(ip(inside)), "{network} {inside}");
            assert!(!prefix(network).contains(ip(outside)), "{network} {outside}");
            let mut bans = Bans::default();
            bans.add(Banned::Network(prefix(network)));
            assert!(bans.has_ip(ip(inside)) && !bans.has_ip(ip(outside)), "{network}");
            bans.remove(Banned::Network(prefix(network)));
            assert!(!bans.has_ip(ip(inside)), "{network}");
            assert!(bans.prefixes.is_empty());
        }
    }

    #[test]
    fn everybody_who_can_be_banned_survives_the_text() {
        let key = wire::key::DeviceKey::from_seed([1; 32]);
        for banned in [
            Banned::Device(key.id()),
            Banned::Account(AccountId::new([2; 32])),
            Banned::Network(prefix("10.0.0.0/8")),
            Banned::Network(prefix("2a00::/32")),
        ] {
            assert_eq!(banned.to_string().parse(), Ok(banned));
        }
    }

    #[test]
    fn nonsense_bans_nobody() {
        for text in ["", "@alice", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "12D3Koo"] {
            assert_eq!(text.parse::<Banned>(), Err(ParseBanError), "{text}");
        }
    }

    #[test]
    fn an_unbanned_device_is_let_in() {
        let device = wire::key::DeviceKey::from_seed([1; 32]).id();
        let mut bans = Bans::default();
        bans.add(Banned::Device(device));
        assert!(bans.has_device(&device));
        bans.remove(Banned::Device(device));
        assert!(!bans.has_device(&device));
    }
}
